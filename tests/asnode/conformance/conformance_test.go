package conformance

import (
	"strings"
	"testing"
)

// TestOfficialSuitesAreComplete counts the cases: the official suites have 25 and 32.
func TestOfficialSuitesAreComplete(t *testing.T) {
	for _, suite := range []struct {
		name  string
		cases []testCase
		want  int
	}{
		{"Engine.IO v4", engineCases, 25},
		{"Socket.IO v5", socketCases, 32},
	} {
		if len(suite.cases) != suite.want {
			t.Errorf("%s has %d cases, want %d", suite.name, len(suite.cases), suite.want)
		}
		seen := map[string]bool{}
		for _, one := range suite.cases {
			if seen[one.title] || strings.TrimSpace(one.title) != one.title {
				t.Errorf("%s: title %q is malformed or given twice", suite.name, one.title)
			}
			seen[one.title] = true
		}
	}
}
