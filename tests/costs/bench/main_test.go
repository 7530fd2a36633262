package main

import (
	"regexp"
	"strings"
	"testing"
)

// TestOnlyThatMatchesNothingListsTheNames asks with a name, with none and with one that is not there.
func TestOnlyThatMatchesNothingListsTheNames(t *testing.T) {
	names := []string{"event with ack", "memory"}
	for only, want := range map[string]string{"": "", "ack": "", "^memory$": "", "nope": "\n    event with ack\n    memory", "^ack": "-only \"^ack\""} {
		if err := matches(regexp.MustCompile(only), names); (err != nil) != (want != "") || err != nil && !strings.Contains(err.Error(), want) {
			t.Errorf("-only %q: %v", only, err)
		}
	}
	if err := run(t.Context(), 1, "nope", ""); err == nil || !strings.Contains(err.Error(), measurements[0].rows[0].name) {
		t.Errorf("bench -only nope: %v", err)
	}
}

func TestAnArgumentIsRefused(t *testing.T) {
	if err := measure(t.Context(), []string{"extra"}); err == nil || !strings.Contains(err.Error(), `unexpected argument "extra"`) {
		t.Errorf("bench extra: %v", err)
	}
}
