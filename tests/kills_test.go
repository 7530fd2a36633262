//go:build full

package tests

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/dozeio/doze/pkg/engine"
	"github.com/dozeio/doze/pkg/store/dynamo"
	"github.com/dozeio/doze/tests/kit/processes"
	"github.com/dozeio/doze/tests/kit/rawclient"
)

// TestKilledProcesses kills a process every 100 ms while clients come, ask and go. Whatever was killed, a client gets
// each answer, or hears that its connection is over; who comes afterwards is served as ever; and nobody's rows are
// left.
func TestKilledProcesses(t *testing.T) {
	t.Parallel()
	const clients, kills = 8, 40
	seed := rand.Uint64()
	t.Logf("seed %d", seed)
	random := rand.New(rand.NewPCG(seed, 0))
	d := newDeployments(t).start(t, processes.Options{
		App:    "client",
		Engine: engine.Options{PingInterval: 2 * time.Second, PingTimeout: 2 * time.Second, ConnectTimeout: 5 * time.Second},
	})
	ctx, cancel := context.WithTimeout(t.Context(), 3*time.Minute)
	defer cancel()
	busy, stop := context.WithCancel(ctx)
	var answers, ends, refused atomic.Int64
	var all sync.WaitGroup
	for range clients {
		all.Go(func() {
			for busy.Err() == nil {
				n, err := chat(busy, d.URL, 20)
				answers.Add(int64(n))
				switch {
				case err != nil && strings.HasPrefix(err.Error(), "silence"):
					t.Error(err)
				case err != nil && n == 0:
					refused.Add(1)
				case err != nil:
					ends.Add(1)
				}
			}
		})
	}
	tick := time.NewTicker(100 * time.Millisecond)
	defer tick.Stop()
	killed := 0
	for killed < kills {
		<-tick.C
		if d.Functions()[random.IntN(4)].Kill(random.IntN) {
			killed++
		}
	}
	stop()
	all.Wait()
	t.Logf("%d processes were killed; %d answers, %d clients cut off, %d never connected", killed, answers.Load(), ends.Load(), refused.Load())
	if n, err := chat(ctx, d.URL, 20); n != 20 || err != nil {
		t.Errorf("afterwards a client got %d answers, %v", n, err)
	}
	if answers.Load() == 0 {
		t.Error("nobody was ever answered")
	}
	store := dynamo.New(d.Client(), d.Table, nil)
	look, began := time.NewTicker(time.Second), time.Now()
	defer look.Stop()
	for {
		var left []engine.Live
		for shard := range engine.Shards {
			lives, err := store.Lives(ctx, shard)
			if err != nil {
				t.Fatal(err)
			}
			left = append(left, lives...)
		}
		if len(left) == 0 {
			return
		}
		select {
		case <-look.C:
			if time.Since(began) > 30*time.Second { // who died between a row and its timer left both to the next client of the shard
				_, _ = chat(ctx, d.URL, 1)
			}
		case <-ctx.Done():
			t.Fatalf("%d sessions are left, such as %+v", len(left), left[0])
		}
	}
}

// silence is how long a client waits for an answer or the end of its connection. A sweep closes what pings cannot
// reach.
const silence = 20 * time.Second

// chat connects over WebSocket, asks n times, one after the other, and leaves. It returns how often it was answered.
func chat(ctx context.Context, url string, n int) (answered int, err error) {
	c := rawclient.New(url)
	defer c.Close()
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), 2*silence)
	defer cancel()
	conn, err := c.Dial(ctx, rawclient.WebSocket)
	if err != nil {
		return 0, err
	}
	defer conn.Reset()
	wait := func(prefix string) error {
		ctx, cancel := context.WithTimeout(ctx, silence)
		defer cancel()
		for {
			m, err := conn.Message(ctx)
			switch {
			case ctx.Err() != nil && prefix != "0":
				return fmt.Errorf("silence instead of %q after %d answers", prefix, answered)
			case err != nil || strings.HasPrefix(m, prefix):
				return err
			case strings.HasPrefix(m, "{"): // the gateway's error frame, for which a stock client closes the connection
				return errors.New(m)
			}
		}
	}
	if err := wait("0"); err != nil { // whose loss a client repairs by itself, after 20 s
		return 0, err
	}
	if err := conn.Send(ctx, "40"); err != nil {
		return 0, err
	}
	if err := wait("40"); err != nil {
		return 0, err
	}
	for answered < n {
		if err := conn.Send(ctx, fmt.Sprintf(`42%d["echo",%d]`, answered, answered)); err != nil {
			return answered, err
		}
		if err := wait(fmt.Sprintf("43%d[", answered)); err != nil {
			return answered, err
		}
		answered++
	}
	return answered, conn.Close(1000)
}
