//go:build full

package badtable_test

import (
	"context"
	"crypto/rand"
	"testing"
	"time"

	"github.com/dozeio/doze/pkg/rooms"
	"github.com/dozeio/doze/pkg/store/dynamo"
	"github.com/dozeio/doze/tests/badtable"
	"github.com/dozeio/doze/tests/dynalite"
)

// An attempt at a write of a membership is given up and tried again; the socket leaves; then the attempt arrives.
func TestWritesThatArriveAfterLeaving(t *testing.T) {
	for step, name := range []string{"the first write", "the second"} {
		for _, room := range []string{"", "a room"} {
			if room == "" && step > 0 {
				continue // there is one
			}
			t.Run(name+" of "+map[string]string{"": "everyone"}[room]+room, func(t *testing.T) {
				t.Parallel()
				ctx := context.Background()
				bad := bad(t, badtable.Options{Lateness: 700 * time.Millisecond})
				client := dynalite.Client(bad.URL, badtable.Impatient(300*time.Millisecond))
				store := dynamo.New(client, table, nil)
				namespace := "/" + rand.Text()
				bad.Script(append(make([]badtable.Fault, step), badtable.Late)...)
				m := rooms.Member{Socket: "socket-of-20-letters", Address: "w1", Expires: time.Now().Add(time.Hour)}
				if _, err := store.Join(ctx, namespace, m, room); err != nil {
					t.Fatal(err)
				}
				members := func() int {
					page, _, err := store.Members(ctx, namespace, room, "")
					if err != nil {
						t.Fatal(err)
					}
					return len(page)
				}
				if n := members(); n != 1 {
					t.Errorf("%d members have joined, want 1", n)
				}
				if err := store.Leave(ctx, namespace, m.Socket, room); err != nil {
					t.Fatal(err)
				}
				bad.Wait()
				if bad.Counts()[badtable.Late] != 1 {
					t.Error("no write was late: nothing was tested")
				}
				if n := members(); n != 0 {
					t.Errorf("%d members are left", n)
				}
				if names, err := store.Rooms(ctx, namespace, m.Socket); err != nil || len(names) > 0 {
					t.Errorf("a socket that has left is in %q, %v", names, err)
				}
				if room == "" {
					return
				}
				if _, err := store.Join(ctx, namespace, m, room); err != nil || members() != 1 {
					t.Errorf("who comes again is one of %d members, %v; want 1", members(), err)
				}
			})
		}
	}
}
