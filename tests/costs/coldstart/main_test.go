package main

import (
	"strings"
	"testing"
)

func TestAnArgumentIsRefused(t *testing.T) {
	if err := coldstart([]string{"extra"}); err == nil || !strings.Contains(err.Error(), `unexpected argument "extra"`) {
		t.Errorf("coldstart extra: %v", err)
	}
}
