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
	"github.com/dozeio/doze/tests/dynalite"
	"github.com/dozeio/doze/tests/meter"
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
			target := rooms.Target{Namespace: namespace}
			if test.room != "" {
				target.Rooms = []string{test.room}
			}
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
		row := read("page by page", struct{ rooms.Store }{store})
		if parts := read("in parts", store); parts > row*1.1 {
			t.Errorf("in parts it is %.1f RRU, in a row %.1f", parts, row)
		}
	}
}
