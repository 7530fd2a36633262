package verify

import (
	"context"
	"crypto/x509"
	"errors"
	"net"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/coder/websocket"
)

// TestAQuestionThatFailsIsUnknown asks questions that are wrong themselves.
func TestAQuestionThatFailsIsUnknown(t *testing.T) {
	forever := make(chan struct{})
	defer close(forever)
	for want, ask := range map[string]func(context.Context, *deployment) (Finding, error){
		"failed: a slip":    func(context.Context, *deployment) (Finding, error) { panic("a slip") },
		"no answer in time": func(context.Context, *deployment) (Finding, error) { <-forever; return Finding{}, nil },
		"nobody there":      func(context.Context, *deployment) (Finding, error) { return Finding{}, errors.New("nobody there") },
	} {
		d := &deployment{o: Options{Limit: 20 * time.Millisecond}}
		if f := d.find(t.Context(), Question{ask: ask}, true); f.Verdict != Unknown || !strings.Contains(f.Seen, want) {
			t.Errorf("%+v, want %s", f, want)
		}
	}
}

func TestQuestionsAreComplete(t *testing.T) {
	seen := map[string]bool{}
	for _, q := range Questions() {
		if q.ID == "" || q.Title == "" || q.Expected == "" || q.Why == "" || q.ask == nil || seen[q.ID] {
			t.Errorf("%+v", q)
		}
		seen[q.ID] = true
	}
}

// TestWireCountsFrames reads a byte at a time, so that every header is met in parts.
func TestWireCountsFrames(t *testing.T) {
	long := strings.Repeat("x", 300)
	text := "HTTP/1.1 101 Switching Protocols\r\nA: b\r\n\r\n" +
		"\x81\x02ab" + // a message in one frame
		"\x01\x7e\x01\x2c" + long + "\x89\x01p" + "\x80\x7f\x00\x00\x00\x00\x00\x00\x00\x03end" + // one in two, a ping between them
		"\x81\x00" + // an empty one
		"\x88\x02\x13\x88" // closed with 5000
	server, client := net.Pipe()
	go func() {
		for i := range text {
			_, _ = server.Write([]byte{text[i]})
		}
		server.Close()
	}()
	w := &wire{Conn: client}
	for b := make([]byte, 1); ; {
		if _, err := w.Read(b); err != nil {
			break
		}
	}
	if w.framesOf(2) != 1 || w.framesOf(303) != 2 || w.framesOf(0) != 1 || w.framesOf(4) != 0 || w.closeCode() != 5000 || len(w.messages) != 3 {
		t.Errorf("%+v", w)
	}
}

// TestFramesAreCountedUnderTLS dials a server that sends a message in three frames, the last of them empty.
func TestFramesAreCountedUnderTLS(t *testing.T) {
	server := httptest.NewTLSServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		ws, err := websocket.Accept(w, r, nil)
		if err != nil {
			return
		}
		message, err := ws.Writer(r.Context(), websocket.MessageText)
		if err != nil {
			return
		}
		for range 2 {
			_, _ = message.Write([]byte("part"))
		}
		_ = message.Close()
		_, _, _ = ws.Read(r.Context()) // until the client closes
	}))
	defer server.Close()
	to, err := url.Parse("wss" + strings.TrimPrefix(server.URL, "https"))
	if err != nil {
		t.Fatal(err)
	}
	d := &deployment{roots: x509.NewCertPool()}
	d.roots.AddCert(server.Certificate())
	c, err := d.dial(t.Context(), to, nil)
	if err != nil {
		t.Fatal(err)
	}
	defer c.close()
	if f, err := c.next(t.Context()); err != nil || f.text != "partpart" || c.wire.framesOf(8) != 3 {
		t.Errorf("%q %v %+v", f.text, err, c.wire)
	}
}

func TestQuantiles(t *testing.T) {
	all := times{4 * time.Millisecond, time.Millisecond, 3 * time.Millisecond, 2 * time.Millisecond}
	if all.quantile(0.5) != 2 || all.quantile(0.99) != 4 || (times{}).quantile(0.5) != 0 {
		t.Error(all.quantile(0.5), all.quantile(0.99))
	}
}

func TestTextsAreShownWithoutSID(t *testing.T) {
	if got := show(`0{"sid":"secret","upgrades":[]}`); strings.Contains(got, "secret") || !strings.Contains(got, "upgrades") {
		t.Error(got)
	}
	if got := show(strings.Repeat("x", 1000)); !strings.Contains(got, "(1000 bytes)") || len(got) > 100 {
		t.Error(got)
	}
}
