//go:build full

package dynamo_test

import (
	"context"
	"crypto/rand"
	"fmt"
	"sync"
	"testing"
	"time"

	"github.com/dozeio/doze/pkg/rooms"
	"github.com/dozeio/doze/pkg/store/dynamo"
	"github.com/dozeio/doze/tests/kit/dynalite"
	"github.com/dozeio/doze/tests/kit/meter"
)

// A large room is read in parts at the same time: everybody is there once, and it costs what it costs in a row.
func TestLargeRoomsAreReadInParts(t *testing.T) {
	m := &meter.Meter{}
	m.Slow(4 * time.Millisecond) // as the real service is
	store := dynamo.New(dynalite.Client(*endpoint, m.Options), table, nil)
	fast := dynamo.New(client, table, nil)
	for _, test := range []struct {
		room    string
		members int
	}{{"", 10_000}, {"a large room", 2_500}} {
		namespace := "/" + rand.Text()
		var wg sync.WaitGroup
		for worker := range 16 {
			wg.Go(func() {
				for i := worker; i < test.members; i += 16 {
					member := rooms.Member{Socket: rand.Text()[:20], Address: fmt.Sprint(i), Expires: time.Now().Add(time.Hour)}
					if _, err := fast.Join(t.Context(), namespace, member, test.room); err != nil {
						t.Error(err)
						return
					}
				}
			})
		}
		wg.Wait()
		read := func(how string, s rooms.Store) float64 {
			var mu sync.Mutex
			seen := map[string]int{}
			m.Take()
			begin := time.Now()
			target := rooms.Target{Namespace: namespace, Rooms: []string{test.room}}
			_, err := rooms.Adapter{Store: s}.Broadcast(t.Context(), target, func(_ context.Context, member rooms.Member) error {
				mu.Lock()
				defer mu.Unlock()
				seen[member.Address]++
				return nil
			})
			took := time.Since(begin).Round(time.Millisecond)
			reads, _ := m.Take().Sum()
			t.Logf("%d members of %q, %s: %v, %.1f RRU", test.members, test.room, how, took, reads)
			if err != nil || len(seen) != test.members {
				t.Errorf("%d members of %q, %s: found %d, %v", test.members, test.room, how, len(seen), err)
			}
			for _, n := range seen {
				if n != 1 {
					t.Fatalf("a member is found %d times", n)
				}
			}
			return reads
		}
		cutOff(t, fast, rooms.Target{Namespace: namespace, Rooms: []string{test.room}}, test.members)
		row := read("page by page", struct{ rooms.Store }{store})
		if parts := read("in parts", store); parts > row*1.1 {
			t.Errorf("in parts it is %.1f RRU, in a row %.1f", parts, row)
		}
	}
}

// cutOff broadcasts in several goes, each of which ends after some deliveries: everybody is served once.
func cutOff(t *testing.T, store rooms.Store, target rooms.Target, members int) {
	t.Helper()
	adapter := rooms.Adapter{Store: store}
	var mu sync.Mutex
	seen, goes := map[string]int{}, 0
	rest := rooms.Rest{Parts: []rooms.Part{{Room: target.Rooms[0]}}}
	for ; len(rest.Parts) > 0; goes++ {
		ctx, cancel := context.WithCancel(t.Context())
		n := 0
		var err error
		rest, err = adapter.Resume(ctx, target, rest.Parts, func(_ context.Context, member rooms.Member) error {
			mu.Lock()
			defer mu.Unlock()
			if n++; n == members/4 {
				cancel()
			}
			seen[member.Socket]++
			return nil
		})
		cancel()
		if (err != nil) != (len(rest.Parts) > 0) || goes > 20 || len(seen)+rest.Known > members {
			t.Fatalf("after %d goes %d of %d are served and %d are known to be left: %v", goes, len(seen), members, rest.Known, err)
		}
	}
	if len(seen) != members || goes < 3 {
		t.Errorf("%d of %d were served in %d goes", len(seen), members, goes)
	}
	for socket, n := range seen {
		if n != 1 {
			t.Fatalf("%s was served %d times", socket, n)
		}
	}
}
