package faults

import (
	"context"
	"log/slog"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/dozeio/doze/internal/oneprocess"
	"github.com/dozeio/doze/pkg/engine"
	"github.com/dozeio/doze/pkg/socketio"
	"github.com/dozeio/doze/tests/kit/clientapp"
	"github.com/dozeio/doze/tests/kit/rawclient"
)

// TestCloseWithClients closes a server whose application tells everybody who leaves. A closing gateway has to say of
// its connections that they are gone: 503 is what the engine tries again for seconds, for each client and each
// recipient.
func TestCloseWithClients(t *testing.T) { onBothWays(t, closeWithClients) }

func closeWithClients(t *testing.T, way string) {
	posts := &refusals{}
	s, err := oneprocess.Start(oneprocess.Options{
		Engine: engine.Options{Logger: slog.New(slog.DiscardHandler)},
		Direct: way == direct,
		Wrap: func(b socketio.Backend) socketio.Backend {
			if way == direct { // whose posts have no answers
				return b
			}
			posts.Poster = b.Poster
			b.Poster = posts
			return b
		},
	}, clientapp.New().Bind)
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithTimeout(context.Background(), 2*time.Minute)
	defer cancel()
	c := rawclient.New(s.URL)
	for range 20 {
		ws, err := c.Dial(ctx, rawclient.WebSocket)
		if err != nil {
			t.Fatal(err)
		}
		defer ws.Reset()
		if err := ws.Send(ctx, "40"); err != nil {
			t.Fatal(err)
		}
		for f := ""; !strings.HasPrefix(f, `42["hello"`); {
			if f, err = ws.Next(ctx); err != nil {
				t.Fatal(err)
			}
		}
		go func() {
			for {
				if _, err := ws.Next(ctx); err != nil {
					return
				}
			}
		}()
	}
	c.Close()
	began := time.Now()
	if err := s.Close(ctx); err != nil {
		t.Error(err)
	}
	t.Logf("Close took %v", time.Since(began))
	if n := posts.refused.Load(); n > 0 {
		t.Errorf("%d posts were answered 503", n)
	}
}

// refusals counts posts that the gateway answered 503.
type refusals struct {
	engine.Poster
	refused atomic.Int64
}

func (p *refusals) Post(ctx context.Context, connection string, f engine.Frame) error {
	err := p.Poster.Post(ctx, connection, f)
	if err != nil && strings.Contains(err.Error(), "503") {
		p.refused.Add(1)
	}
	return err
}
