package main

import (
	"bytes"
	"encoding/json"
	"io"
	"net/http"
	"net/http/httptest"
	"net/http/httputil"
	"net/url"
	"strings"
	"testing"

	"github.com/dozeio/doze/internal/control"
	"github.com/dozeio/doze/pkg/devserver"
)

// before is a server whose requests of the commands, by what they want, meet something else first. It reports whether
// that has answered. What it then calls asks the real one.
type before map[string]func(w http.ResponseWriter, ask func()) bool

// inFront returns the URL of one in front of a doze dev.
func inFront(t *testing.T, dev string, b before) string {
	t.Helper()
	u, err := url.Parse(dev)
	if err != nil {
		t.Fatal(err)
	}
	proxy := httputil.NewSingleHostReverseProxy(u)
	s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path == control.Path {
			body, err := io.ReadAll(r.Body)
			var asked struct{ Do string }
			if err != nil || json.Unmarshal(body, &asked) != nil {
				t.Errorf("%q %v", body, err)
			}
			r.Body = io.NopCloser(bytes.NewReader(body))
			if do := b[asked.Do]; do != nil && do(w, func() { proxy.ServeHTTP(w, r) }) {
				return
			}
		}
		proxy.ServeHTTP(w, r)
	}))
	t.Cleanup(s.Close)
	return s.URL
}

// A doze dev of before knows no look at a target, and a table may refuse one. The commands do what they are for, once,
// and say what they could not look at.
func TestALookThatFailsIsNoFailure(t *testing.T) {
	for name, refuse := range map[string]func(w http.ResponseWriter, ask func()) bool{
		"of before": func(w http.ResponseWriter, _ func()) bool {
			w.WriteHeader(http.StatusUnprocessableEntity)
			_, _ = io.WriteString(w, `{"error":"\"reaches\" is not known: was it asked by a newer version of doze?"}`)
			return true
		},
		"throttled": func(w http.ResponseWriter, _ func()) bool {
			w.WriteHeader(http.StatusUnprocessableEntity)
			_, _ = io.WriteString(w, `{"error":"the table is throttled"}`)
			return true
		},
		"no answer at all": func(http.ResponseWriter, func()) bool { panic(http.ErrAbortHandler) },
	} {
		t.Run(name, func(t *testing.T) {
			app, _ := visited()
			at := inFront(t, serving(t, devserver.Options{}, app).URL, before{"reaches": refuse})
			var log bytes.Buffer
			tails := make(chan error, 1)
			out := &feed{lines: make(chan string, 10)}
			started := &feed{lines: make(chan string, 1)}
			go func() {
				tails <- run(t.Context(), []string{"tail", "-dev", at, "-auth", `{"name":"ada"}`, "#tea"}, out, started)
			}()
			select {
			case said := <-started.lines:
				if !strings.Contains(said, "connected as ") || !strings.Contains(said, "whether anybody is in #tea of the namespace / could not be looked at: ") || strings.Contains(said, "Nobody else") {
					t.Errorf("tail says %q", said)
				}
			case err := <-tails:
				t.Fatal(err)
			}
			if err := run(t.Context(), []string{"emit", "-dev", at, "-to", "#tea", "news"}, io.Discard, &log); err != nil {
				t.Errorf("emit: %v", err)
			}
			if line := <-out.lines; !strings.HasSuffix(line, " news\n") {
				t.Errorf("%q", line)
			}
			if !strings.HasPrefix(log.String(), "the event is sent; whether anybody is in #tea of the namespace / could not be looked at: ") {
				t.Errorf("emit says %q", log.String())
			}
			log.Reset()
			if err := run(t.Context(), []string{"disconnect", "-dev", at, "-all"}, io.Discard, &log); err != nil {
				t.Errorf("disconnect: %v", err)
			}
			if !strings.HasPrefix(log.String(), "whoever is there is disconnected; whether anybody is in the namespace / could not be looked at: ") {
				t.Errorf("disconnect says %q", log.String())
			}
			if err := <-tails; err == nil || !strings.Contains(err.Error(), "disconnected this client") {
				t.Errorf("the tail ends with %v", err)
			}
		})
	}
}

// Whoever gets the event leaves on account of it, before the command goes on.
func TestAnEventThatAllLeaveOnHasReachedThem(t *testing.T) {
	app, _ := visited()
	dev := serving(t, devserver.Options{}, app).URL
	at := inFront(t, dev, before{"emit": func(_ http.ResponseWriter, ask func()) bool {
		ask()
		d := control.At(dev)
		if err := d.Disconnect(t.Context(), control.Target{Namespace: "/"}, true, ""); err != nil {
			t.Error(err)
		}
		for there := true; there && t.Context().Err() == nil; {
			var err error
			if there, err = d.Reaches(t.Context(), control.Target{Namespace: "/"}); err != nil {
				t.Error(err)
			}
		}
		return true
	}})
	_, _, tailEnded := tailing(t, "-dev", dev, "-auth", `{"name":"ada"}`)
	var log bytes.Buffer
	if err := run(t.Context(), []string{"emit", "-dev", at, "goodbye"}, io.Discard, &log); err != nil || log.Len() > 0 {
		t.Errorf("%v, said %q", err, log.String())
	}
	if err := <-tailEnded; err == nil {
		t.Error("nobody has left")
	}
}
