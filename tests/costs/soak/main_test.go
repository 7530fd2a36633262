package main

import (
	"strings"
	"testing"
)

func TestAnArgumentIsRefused(t *testing.T) {
	if err := soak(t.Context(), []string{"extra"}); err == nil || !strings.Contains(err.Error(), `unexpected argument "extra"`) {
		t.Errorf("soak extra: %v", err)
	}
}
