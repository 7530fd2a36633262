package app_test

import (
	"net/http/httptest"
	"os"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"testing"

	"github.com/dozeio/doze/app"
	"github.com/dozeio/doze/pkg/socketio/socketiotest"
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

// TestPageMakesNoMarkupOfText looks for every way in which a script can.
func TestPageMakesNoMarkupOfText(t *testing.T) {
	scripts, err := filepath.Glob("page/*.js")
	if err != nil || len(scripts) == 0 {
		t.Fatal("no scripts in page", err)
	}
	markup := regexp.MustCompile(`innerHTML|outerHTML|insertAdjacentHTML|setHTML|document\.write|createContextualFragment|DOMParser|srcdoc|\beval\b|new Function`)
	for _, script := range scripts {
		text, err := os.ReadFile(script)
		if found := markup.FindString(string(text)); err != nil || found != "" {
			t.Errorf("%s has %q, %v", script, found, err)
		}
	}
}

// TestPageRefusesWhatTheServerDoes compares the limits that the page knows with those that there are.
func TestPageRefusesWhatTheServerDoes(t *testing.T) {
	w := httptest.NewRecorder()
	app.Page().ServeHTTP(w, httptest.NewRequest("GET", "/limits.js", nil))
	limit := func(name string) int {
		t.Helper()
		found := regexp.MustCompile(`\b` + name + `: (\d+)`).FindStringSubmatch(w.Body.String())
		if found == nil {
			t.Fatalf("no limit of %s in %s", name, w.Body)
		}
		n, err := strconv.Atoi(found[1])
		if err != nil {
			t.Fatal(err)
		}
		return n
	}
	s := socketiotest.New(t, app.New())
	nickname, room, text := limit("nickname"), limit("room"), limit("text")
	if refused := s.ConnectError("/", named(strings.Repeat("ä", nickname+1))); refused.Message == "" {
		t.Error("a longer nickname is let in")
	}
	ada := enter(s, strings.Repeat("ä", nickname))
	long := strings.Repeat("ä", room)
	if refused := ada.Emit("join", long+"ä"); field(t, refused, "error") == nil {
		t.Errorf("a room with a longer name is joined: %v", refused)
	}
	if joined := ada.Emit("join", long); field(t, joined, "room") != long {
		t.Errorf("joining is acked with %v", joined)
	}
	for n, sent := range map[int]bool{text: true, text + 1: false} {
		ack := ada.Emit("say", map[string]string{"room": long, "text": strings.Repeat("🙂", n)})
		if (field(t, ack, "error") == nil) != sent {
			t.Errorf("%d characters are acked with %v", n, ack)
		}
	}
}
