package main

import (
	"bytes"
	"io"
	"net/http"
	"regexp"
	"strings"
	"sync"
	"testing"
)

// lines collects what several goroutines log.
type lines struct {
	mu   sync.Mutex
	text bytes.Buffer
}

func (l *lines) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.text.Write(p)
}

func (l *lines) String() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.text.String()
}

// An event with a typo is seen by who looks on, and by nobody else.
func TestDevShowsEachEventOnRequest(t *testing.T) {
	for _, flags := range [][]string{{"-v"}, {}} {
		var log lines
		url, end := startDevWithLog(t, &log, flags...)
		url += "/socket.io/?EIO=4&transport=polling"
		open := exchange(t, http.MethodGet, url, "")
		url += "&sid=" + regexp.MustCompile(`"sid":"([^"]+)"`).FindStringSubmatch(open)[1]
		exchange(t, http.MethodPost, url, `40{"nickname":"ada"}`)
		exchange(t, http.MethodPost, url, "42[\"rooms\"]\x1e42[\"romos\",\"the secret\"]")
		if err := end(); err != nil {
			t.Error(err)
		}
		for _, want := range []string{`event=rooms handler=On`, `event=romos handler=none`} {
			line := regexp.MustCompile(`level=DEBUG msg=event namespace=/ socket=[\w-]{20} ` + want + ` trace=[\w.]+` + "\n")
			if line.MatchString(log.String()) != (len(flags) > 0) {
				t.Errorf("doze dev %v logs\n%s", flags, log.String())
			}
		}
		if strings.Contains(log.String(), "secret") {
			t.Errorf("arguments are logged:\n%s", log.String())
		}
	}
}

// The reason for which somebody has left is there without being asked for, as operate.md and doze show have it.
func TestDevAndServeSayWhoLeft(t *testing.T) {
	for _, name := range []string{"dev", "serve"} {
		var log lines
		url, end := startNamed(t, name, &log)
		url += "/socket.io/?EIO=4&transport=polling"
		open := exchange(t, http.MethodGet, url, "")
		url += "&sid=" + regexp.MustCompile(`"sid":"([^"]+)"`).FindStringSubmatch(open)[1]
		exchange(t, http.MethodPost, url, `40{"nickname":"ada"}`)
		socket := regexp.MustCompile(`40{"sid":"([^"]+)"`).FindStringSubmatch(exchange(t, http.MethodGet, url, ""))
		if socket == nil {
			t.Fatal("no socket")
		}
		exchange(t, http.MethodPost, url, "41")
		if err := end(); err != nil {
			t.Error(err)
		}
		line := regexp.MustCompile(`level=INFO msg="a socket is disconnected" namespace=/ socket=` + socket[1] + ` .*reason="client namespace disconnect"`)
		if !line.MatchString(log.String()) || strings.Contains(log.String(), "level=DEBUG") {
			t.Errorf("doze %s logs\n%s", name, log.String())
		}
	}
}

func exchange(t *testing.T, method, url, body string) string {
	t.Helper()
	r, err := http.NewRequestWithContext(t.Context(), method, url, strings.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	res, err := http.DefaultClient.Do(r)
	if err != nil {
		t.Fatal(err)
	}
	defer res.Body.Close()
	b, err := io.ReadAll(res.Body)
	if err != nil || res.StatusCode != 200 {
		t.Fatalf("%s %s: %s %q %v", method, url, res.Status, b, err)
	}
	return string(b)
}
