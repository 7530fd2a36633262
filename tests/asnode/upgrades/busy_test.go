package upgrades

import (
	"context"
	"log/slog"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/dozeio/doze/internal/oneprocess"
	"github.com/dozeio/doze/pkg/engine"
	"github.com/dozeio/doze/pkg/socketio"
	"github.com/dozeio/doze/tests/kit/rawclient"
)

// TestUpgradeOfABusyClient upgrades a client that gets events faster than they can be posted one after the other. The
// upgrade has to complete all the same.
//
//	go test -run TestUpgradeOfABusyClient ./tests/asnode/upgrades
func TestUpgradeOfABusyClient(t *testing.T) {
	io := socketio.New(socketio.Options{})
	ids := make(chan string, 1)
	io.Of("/").OnConnection(func(_ context.Context, s *socketio.Socket) error { ids <- s.ID(); return nil })
	io.Of("/").On("echo", func(context.Context, *socketio.Socket) error { return nil })
	s, err := oneprocess.Start(oneprocess.Options{
		Engine: engine.Options{UpgradeTimeout: 2 * time.Second, Logger: slog.New(slog.DiscardHandler)},
		Wrap: func(b socketio.Backend) socketio.Backend {
			b.Poster = slowPoster{b.Poster}
			return b
		},
	}, io.Bind)
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
	defer cancel()
	defer s.Close(ctx)
	c := rawclient.New(s.URL)
	defer c.Close()
	sid, err := c.Open(ctx)
	if err != nil {
		t.Fatal(err)
	}
	if a, err := c.Do(ctx, http.MethodPost, rawclient.Session(sid), "40"); err != nil || a.Status != 200 {
		t.Fatal(a, err)
	}
	id := <-ids
	busy, stop := context.WithCancel(ctx)
	defer stop()
	go func() { // 500 events a second, where a post takes 10 ms
		tick := time.NewTicker(2 * time.Millisecond)
		defer tick.Stop()
		for busy.Err() == nil && io.To(id).Emit(busy, "news") == nil {
			<-tick.C
		}
	}()
	ws, err := c.Dial(ctx, rawclient.Probe(sid))
	if err != nil {
		t.Fatal(err)
	}
	defer ws.Reset()
	if err := ws.Send(ctx, "2probe", "5", `427["echo"]`); err != nil {
		t.Fatal(err)
	}
	for n := 0; ; n++ {
		f, err := ws.Next(ctx)
		if err != nil {
			t.Fatalf("closed after %d frames, while the outbox was drained: %v", n, err)
		}
		if strings.HasPrefix(f, "437") {
			return
		}
	}
}

// slowPoster takes as long as AWS does.
type slowPoster struct{ engine.Poster }

func (p slowPoster) Post(ctx context.Context, connection string, f engine.Frame) error {
	wait := time.NewTimer(10 * time.Millisecond)
	defer wait.Stop()
	<-wait.C
	return p.Poster.Post(ctx, connection, f)
}
