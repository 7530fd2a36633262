package oneprocess_test

import (
	"context"
	"crypto/rand"
	"errors"
	"io"
	"net/http"
	"sync/atomic"
	"testing"
	"time"

	"github.com/dozeio/doze/pkg/engine"
	"github.com/dozeio/doze/pkg/gateway"
	"github.com/dozeio/doze/tests/kit/rawclient"
)

// TestNoConnectionIsOpenWithoutASession has sessions end after their connection is accepted and before it is open. Their
// clients go on, and say nothing.
func TestNoConnectionIsOpenWithoutASession(t *testing.T) {
	pass := func(s *site, _ string) { s.within(4*interval, func() bool { return s.Store.Rows().Lives == 0 }) }
	for name, c := range map[string]struct {
		polls bool
		end   func(s *site, sid string)
	}{
		"by the client":                          {true, func(s *site, sid string) { s.post(sid, "41\x1e1") }},
		"by the server":                          {true, func(s *site, sid string) { s.post(sid, `42["remove"]`) }},
		"by the time of an upgrade, or of pings": {true, pass},
		"by the time for a CONNECT":              {false, pass},
	} {
		t.Run(name, func(t *testing.T) {
			var s *site
			s = startSite(t, func(o *engine.Options) {
				o.Headers = func(_ context.Context, r engine.Request, _ http.Header) {
					if r.Query.Get("transport") == "websocket" {
						c.end(s, r.Query.Get("sid"))
					}
				}
			})
			query := rawclient.WebSocket
			if c.polls {
				query = rawclient.Probe(s.open("40"))
			}
			conn, err := s.Dial(t.Context(), query)
			if err != nil { // refused, which is an end too
				t.Fatal(err)
			}
			defer conn.Reset()
			ctx, cancel := context.WithTimeout(t.Context(), 10*time.Second)
			defer cancel()
			if m, err := conn.Next(ctx); rawclient.CloseCode(err) != 1000 {
				t.Errorf("the client has %q, %v, want the end of its connection", m, err)
			}
		})
	}
}

// TestNoConnectionIsOpenWithoutASessionInARace has clients say goodbye while they upgrade.
func TestNoConnectionIsOpenWithoutASessionInARace(t *testing.T) {
	s := startSite(t)
	const tries = 500
	answer := make([]byte, len("HTTP/1.1 101"))
	for i := range tries {
		sid := s.open("40")
		c := dial(t, s.Server, "") // before, so that the upgrade does not wait for it
		c.SetDeadline(time.Now().Add(10 * time.Second))
		_, err := io.WriteString(c, "GET /socket.io/?"+rawclient.Probe(sid)+" HTTP/1.1\r\nHost: localhost\r\nConnection: Upgrade\r\n"+
			"Upgrade: websocket\r\nSec-WebSocket-Version: 13\r\nSec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==\r\n\r\n")
		s.check(err)
		time.Sleep(time.Duration(i%250) * time.Microsecond)
		s.post(sid, "1")
		_, err = io.ReadFull(c, answer)
		s.check(err)
	}
	await(t, s.Server, "end of all connections, without a session", func(n gateway.Stats) bool { return n.Connections == 0 })
}

// panics is randomness that there is none of once the server has begun.
type panics struct{ begun atomic.Bool }

func (p *panics) Read(b []byte) (int, error) {
	if p.begun.Load() {
		panic("no randomness")
	}
	return rand.Read(b)
}

// TestAPanicRefusesAConnection has the engine panic before a connection is accepted.
func TestAPanicRefusesAConnection(t *testing.T) {
	random := &panics{}
	s := startSite(t, func(o *engine.Options) { o.Rand = random })
	random.begun.Store(true)
	defer random.begun.Store(false)
	_, err := s.Dial(t.Context(), rawclient.WebSocket)
	if refused := (*rawclient.Refused)(nil); !errors.As(err, &refused) || refused.Status != http.StatusInternalServerError {
		t.Errorf("got %v, want it refused with 500", err)
	}
}
