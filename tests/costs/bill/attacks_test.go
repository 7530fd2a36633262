//go:build full

package bill

import (
	"context"
	"fmt"
	"log/slog"
	"net/http"
	"strings"
	"sync"
	"sync/atomic"
	"testing"

	"github.com/dozeio/doze/pkg/socketio"
	"github.com/dozeio/doze/tests/kit/rawclient"
)

// many clients drop together.
const many = 20

// logged counts bytes of the log, in Lambda's format.
type logged struct{ n atomic.Int64 }

func (l *logged) Write(p []byte) (int, error) {
	l.n.Add(int64(len(p)))
	return len(p), nil
}

// victims is an application whose handlers do what clients ask of them, and tell a room who leaves it.
func victims(logger *slog.Logger) *socketio.Server {
	io := socketio.New(socketio.Options{Logger: logger})
	for _, name := range []string{"/", "/other"} {
		n := io.Of(name)
		n.On("echo", func(_ context.Context, _ *socketio.Socket, text string) (string, error) { return text, nil })
		n.On("join", func(ctx context.Context, s *socketio.Socket, room string) error { return s.Join(ctx, room) })
		n.On("say", func(ctx context.Context, s *socketio.Socket, room, text string) error {
			return s.To(room).Emit(ctx, "said", text)
		})
		n.On("leave", func(ctx context.Context, s *socketio.Socket, room string) error { return s.Leave(ctx, room) })
		n.On("set", func(ctx context.Context, s *socketio.Socket, text string) error {
			return socketio.UpdateData(ctx, s, func(p *profile) error {
				if text != "" {
					p.Name = text
				}
				p.Version++
				return nil
			})
		})
		n.OnDisconnecting(func(ctx context.Context, s *socketio.Socket, _ socketio.Reason) error {
			return s.To(room).Emit(ctx, "left", s.ID())
		})
	}
	return io
}

// TestOneRequestCostsLittle sends the dearest requests of each kind, and expects that they cost what docs/security.md
// says at the most, and less than a cent.
func TestOneRequestCostsLittle(t *testing.T) {
	var lines logged
	logger := slog.New(slog.NewJSONHandler(&lines, nil))
	d := startLogged(t, victims(logger), logger)
	var all []bound
	add := func(kind string, in int, invocations int, f func()) {
		t.Helper()
		before := lines.n.Load()
		got := d.of(invocations, f)
		all = append(all, bound{kind: kind, in: in, writes: got.writes, reads: got.reads, invocations: got.invocations, posts: got.posts,
			jobs: got.queued, log: int(lines.n.Load() - before)})
	}
	// body sends packets in one request, which may be refused.
	body := func(kind, sid string, packets ...string) {
		t.Helper()
		text := strings.Join(packets, "\x1e")
		if len(text) > 1e6 {
			t.Fatalf("%s: %d bytes are more than a request has", kind, len(text))
		}
		add(kind, len(text), 1, func() {
			_, err := d.client.Do(d.ctx, http.MethodPost, rawclient.Session(sid), text, d.header...)
			d.must(err)
		})
	}
	opened := func() (sid string) {
		t.Helper()
		d.of(1, func() { sid = rawclient.SID(d.request(http.MethodGet, rawclient.Polling, "", "0{")) })
		d.of(1, func() { d.post(sid, "40") })
		d.poll(sid, "40{")
		return sid
	}
	times := func(n int, packets ...string) (all []string) {
		for range n {
			all = append(all, packets...)
		}
		return all
	}

	var sid string
	add("handshake", handshakeSize, 1, func() {
		sid = rawclient.SID(d.request(http.MethodGet, rawclient.Polling, "", "0{"))
	})
	body("CONNECT", sid, "40")
	d.poll(sid, "40{")
	body("event with an ack", sid, `421["echo","hello"]`)
	d.poll(sid, "43")
	body("malformed packet", sid, "42{")

	body("200 CONNECT and DISCONNECT", opened(), times(100, "40/other,", "41/other,")...)
	body("60,000 pongs", opened(), times(60_000, "3")...)
	var joins []string
	for i := range 1000 {
		joins = append(joins, fmt.Sprintf(`42["join","%d"]`, i))
	}
	body("1,000 joins", opened(), joins...)
	body("65,000 events that lack an argument", opened(), times(65_000, `42["join"]`)...)

	body("1,000 acks that answer nothing", opened(), times(1000, `431234567890123456["x"]`)...)
	body("1,000 joins and leaves", opened(), times(500, `42["join","x"]`, `42["leave","x"]`)...)
	body("1,000 changes of data, of 16 KiB", opened(), append(times(1, `42["set","`+strings.Repeat("x", 15<<10)+`"]`), times(999, `42["set",""]`)...)...)

	// Those whose outbox is full, because they do not fetch what was sent to them: of few large packets, or many small
	// ones.
	full := func(room string) (sid string) {
		t.Helper()
		sid = opened()
		d.of(1, func() { d.post(sid, `42["join","`+room+`"]`) })
		d.of(1, func() { d.post(sid, times(15, `420["echo","`+strings.Repeat("x", 16<<10)+`"]`)...) })
		return sid
	}
	body("60,000 pongs, of a client that fetches nothing", full("x"), times(60_000, "3")...)
	body("64 CONNECT and DISCONNECT, of a client that fetches nothing", full("x"), times(32, "40/other,", "41/other,")...)
	body("1,000 changes of data, of a client that fetches nothing", full("x"), times(1000, `42["set","x"]`)...)
	small := opened()
	d.of(1, func() { d.post(small, `42["join","small"]`) })
	body("850 whispers, to one that fetches nothing", opened(), times(850, `42["say","small","x"]`)...)
	body("1,000 changes of data, of one that has not fetched these", small, times(1000, `42["set","x"]`)...)
	polling := opened()
	d.of(1, func() { d.post(polling, `42["join","`+another+`"]`) })
	body("60 whispers of 4,000 emoji, to one that polls", opened(), times(60, `42["say","`+another+`","`+strings.Repeat("😀", 4000)+`"]`)...)
	full("alone")
	body("1,000 whispers, to one whose outbox is full", opened(), times(1000, `42["say","alone","x"]`)...)

	crowd := make([]*rawclient.Conn, many)
	for i := range crowd {
		crowd[i] = d.member(room)
	}
	d.clock.during(skipped, func() {
		add(fmt.Sprintf("%d members of a room drop", many), 0, many, func() {
			var gone sync.WaitGroup
			for _, c := range crowd {
				gone.Go(func() { c.Reset() })
			}
			gone.Wait()
		})
	})
	judge(t, all)
}
