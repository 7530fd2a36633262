//go:build full

package template

import (
	"regexp"
	"strings"
	"testing"
)

// A hash of a high cost takes a function longer than it has, and one of less than 4 does not exist.
func TestOnlyHashesThatCanBeComparedAreTaken(t *testing.T) {
	_, parsed := translated(t)
	allowed := regexp.MustCompile(parsed.Parameters["AdminPasswordHash"].AllowedPattern)
	rest := "$" + strings.Repeat("a", 53)
	for begin, want := range map[string]bool{
		"$2a$04": true, "$2b$09": true, "$2y$10": true, "$2b$14": true,
		"$2b$00": false, "$2b$03": false, "$2b$15": false, "$2b$31": false, "$2b$32": false, "$2b$99": false, "$2c$10": false, "$1$10": false,
	} {
		if got := allowed.MatchString(begin + rest); got != want {
			t.Errorf("%s: %v", begin, got)
		}
	}
	if !allowed.MatchString("") {
		t.Error("none is refused")
	}
}
