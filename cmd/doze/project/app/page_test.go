package app_test

import (
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/dozeio/doze/cmd/doze/project/app"
)

// TestPageHasAPolicy looks for what default-src does not stand for: https://www.w3.org/TR/CSP3/#directive-default-src.
func TestPageHasAPolicy(t *testing.T) {
	w := httptest.NewRecorder()
	app.Page().ServeHTTP(w, httptest.NewRequest("GET", "/", nil))
	for _, directive := range []string{"default-src 'self'", "base-uri 'none'", "form-action 'self'", "frame-ancestors 'none'"} {
		if got := w.Header().Get("Content-Security-Policy"); !strings.Contains("; "+got+";", "; "+directive+";") {
			t.Errorf("%q is not in %s", directive, got)
		}
	}
}
