package verify_test

import (
	"bytes"
	"io"
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/dozeio/doze/pkg/engine"
	"github.com/dozeio/doze/pkg/verify"
)

// answers changes the status of HTTP answers.
func answers(when func(*http.Request) bool, status int) func(*http.Response) {
	return func(r *http.Response) {
		if when(r.Request) {
			r.StatusCode = status
		}
	}
}

func method(name string) func(*http.Request) bool {
	return func(r *http.Request) bool { return r.Method == name }
}

func hasSID(r *http.Request) bool { return r.URL.Query().Has("sid") }

// onlyOnce returns a hook that sends the first frame of a kind twice, or leaves it out.
func onlyOnce(kind, event string, times int) func(string) []string {
	return func(frame string) []string {
		if begins(frame, kind, event) {
			return slices.Repeat([]string{frame}, times)
		}
		return []string{frame}
	}
}

// flaws are what each question is there to notice.
func flaws() map[string]*flawed {
	held := ""
	pings := 0
	return map[string]*flawed{
		"polling.open": {response: func(r *http.Response) {
			b, _ := io.ReadAll(r.Body)
			b = bytes.Replace(b, []byte(`["websocket"]`), []byte(`[]`), 1)
			r.Body, r.ContentLength = io.NopCloser(bytes.NewReader(b)), int64(len(b))
			r.Header.Del("Content-Length")
		}},
		"websocket.open": {server: func(frame string) []string {
			if strings.HasPrefix(frame, "0") {
				return []string{frame, frame}
			}
			return []string{frame}
		}},
		"websocket.early": {server: func(frame string) []string {
			if strings.HasPrefix(frame, "0") {
				held = frame
				return nil
			}
			return []string{frame, held}
		}},
		"upgrade":             {response: answers(func(r *http.Request) bool { return hasSID(r) && r.Method == http.MethodGet }, http.StatusOK)},
		"frontdoor.websocket": {refuse: http.StatusForbidden},
		"websocket.path":      {}, // it takes every path
		"websocket.deflate":   {deflate: true},

		"polling.idle": {response: func(r *http.Response) {
			b, _ := io.ReadAll(r.Body)
			r.Body = io.NopCloser(bytes.NewReader(b))
			if string(b) == "6" {
				r.StatusCode = http.StatusServiceUnavailable
			}
		}},
		"polling.two-gets":      {response: answers(hasSID, http.StatusOK)},
		"polling.unknown-sid":   {response: answers(hasSID, http.StatusNotFound)},
		"websocket.unknown-sid": {refuse: http.StatusForbidden},
		"polling.large":         {response: answers(func(r *http.Request) bool { return r.ContentLength > 100_000 }, http.StatusRequestEntityTooLarge)},
		"http.head":             {response: answers(method(http.MethodHead), http.StatusNotFound)},
		"origin.own":            {request: func(r *http.Request) { r.Header.Set("Origin", "https://nobody.example") }},
		"origin.foreign":        {request: func(r *http.Request) { r.Header.Del("Origin") }},

		"order.frames": {server: onlyOnce("43", `"number":7,`, 0)},
		"empty.event": {client: func(frame string) (pass, back []string) {
			if begins(frame, "42", `"quiet"`) {
				back = []string{""}
			}
			return []string{frame}, back
		}},
		"empty.pong": {client: func(frame string) (pass, back []string) {
			if frame == "3" {
				return nil, []string{""}
			}
			return []string{frame}, nil
		}},
		"frame.several": {}, // it passes messages on in one frame
		"frame.over":    {binary: true},
		"message.over":  {binary: true},
		"frame.binary":  {binary: true},
		"ping.control":  {silent: true},

		"post.first": {server: onlyOnce("42", `"welcome"`, 2)},
		"post.order": {server: func(frame string) []string {
			switch {
			case begins(frame, "42", `"counted",3]`):
				held = frame
				return nil
			case begins(frame, "42", `"counted",4]`):
				return []string{frame, held}
			}
			return []string{frame}
		}},
		"post.size": {server: func(frame string) []string {
			if len(frame) > 64<<10 {
				return nil
			}
			return []string{frame}
		}},

		"close.normal": {deaf: true},
		"close.1012":   {deaf: true},
		"close.5000":   {deaf: true},

		"heartbeat": {server: func(frame string) []string {
			if frame == "2" {
				if pings++; pings > 3 {
					return nil
				}
			}
			return []string{frame}
		}},
	}
}

// TestEachQuestionNoticesWhatItIsFor puts a gateway with one flaw before a deployment for each question.
// TestADeploymentAsItIsExpected asks the same without flaws.
func TestEachQuestionNoticesWhatItIsFor(t *testing.T) {
	all := flaws()
	for _, q := range verify.Questions() {
		if all[q.ID] == nil {
			if q.Must || !strings.HasPrefix(q.ID, "latency.") && !q.Flood {
				t.Errorf("nothing shows that %s can fail", q.ID)
			}
			continue
		}
		t.Run(q.ID, func(t *testing.T) {
			t.Parallel()
			f, s := flaws()[q.ID], settings{}
			if q.Long {
				s.engine = engine.Options{PingInterval: 50 * time.Millisecond, PingTimeout: 500 * time.Millisecond}
			}
			d := deploy(t, s)
			o := quick(d.URL)
			o.Only, o.Long, o.Wait = []string{q.ID}, true, 500*time.Millisecond
			f.later.Store(true)
			o.URL = f.before(t, d)
			if q.ID == "websocket.path" {
				o.WebSocket = "ws" + strings.TrimPrefix(o.URL, "http") + "/local"
			}
			if found := run(t, o).Facts[0]; found.Verdict != verify.Differs {
				t.Errorf("with the flaw: %s: %s", found.Verdict, found.Seen)
			} else {
				t.Log(found.Seen)
			}
		})
	}
}
