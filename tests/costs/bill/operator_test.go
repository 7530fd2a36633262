//go:build full

package bill

import (
	"fmt"
	"os"
	"strings"
	"testing"

	"github.com/dozeio/doze/internal/control"
	"github.com/dozeio/doze/tests/kit/rawclient"
)

// TestOperatorsBill measures what the commands of an operator read, and holds docs/costs.md to it.
func TestOperatorsBill(t *testing.T) {
	d := start(t, application(nil))
	crowd := make([]*rawclient.Conn, members)
	for i := range crowd {
		crowd[i] = d.member(room)
	}
	d.rest()
	at := control.At(d.server.URL)
	// least is what the cheapest of three calls reads: on a machine that is busy a read may be made again.
	least := func(f func()) (of usage) {
		for try := range 3 {
			if one := d.of(0, f); try == 0 || one.reads < of.reads {
				of = one
			}
		}
		return of
	}
	list := func(o control.Asked) (all []control.Client, of usage) {
		of = least(func() {
			var err error
			all, err = at.Clients(d.ctx, o)
			d.must(err)
		})
		if len(all) != members || len(all[0].Sockets) == 0 {
			t.Fatalf("%d clients, the first of which has %d sockets", len(all), len(all[0].Sockets))
		}
		return all, of
	}
	all, whole := list(control.Asked{Rooms: true})
	_, bare := list(control.Asked{})
	shown := least(func() {
		_, err := at.Client(d.ctx, all[0].Sockets[0].ID)
		d.must(err)
	})
	for _, of := range []usage{whole, bare, shown} {
		if of.writes != 0 || of.posts != 0 || of.queued != 0 {
			t.Errorf("who looks on writes: %+v", of)
		}
	}
	says := fmt.Sprintf("`doze ls` of %d clients, each in a namespace and a room, is %s RRU, with `-no-rooms` %s, and `doze show` of one of them %s",
		members, figure(whole.reads), figure(bare.reads), figure(shown.reads))
	t.Log(says)
	doc, err := os.ReadFile("../../../docs/costs.md")
	d.must(err)
	if !strings.Contains(string(doc), says) {
		t.Errorf("docs/costs.md says something else than %q", says)
	}
}
