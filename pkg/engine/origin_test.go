package engine_test

import (
	"strings"
	"testing"

	"github.com/dozeio/doze/pkg/engine"
)

// TestRefusedOriginIsOneShortLine sends headers as long as API Gateway lets through, of what a log must not take as it
// is.
func TestRefusedOriginIsOneShortLine(t *testing.T) {
	inWorld(t, engine.Options{}, func(t *testing.T, w *world) {
		r := request("GET", "polling", "", "")
		r.Header.Set("Origin", "https://evil.example/\x1b[2J\n"+strings.Repeat("é", 4500))
		r.Header.Set("Host", strings.Repeat("x", 900))
		if answer := w.e.HTTP(t.Context(), r); answer.Status != 403 {
			t.Errorf("%+v", answer)
		}
		log := w.logged()
		if len(log) > 1000 || strings.Count(log, "\n") != 1 || strings.Contains(log, "\x1b") || !strings.Contains(log, "evil.example") {
			t.Errorf("%d bytes: %.2000q", len(log), log)
		}
	})
}
