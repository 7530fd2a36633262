//go:build full

package bill

import (
	"testing"
	"time"

	"github.com/dozeio/doze/pkg/admin"
	"github.com/dozeio/doze/pkg/engine"
	"github.com/dozeio/doze/tests/kit/rawclient"
)

// TestBillOfTheAdminUI measures what it costs to have the Admin UI, and to have a page of it open. A tick counts
// everybody: a read for each heartbeat shard, and one for each namespace.
func TestBillOfTheAdminUI(t *testing.T) {
	var lines []line
	add := func(operation string, invocations, reads, writes, posts float64, got usage) {
		lines = append(lines, line{operation: operation, most: usage{invocations: invocations, reads: reads, writes: writes, posts: posts}, got: got})
	}
	for _, mode := range []admin.Mode{admin.Production, admin.Development} {
		io := application(nil)
		if err := admin.Instrument(io, admin.Options{InsecureNoAuth: true, Mode: mode}); err != nil {
			t.Fatal(err)
		}
		d := start(t, io)
		c := d.member()
		d.rest()
		echo := func() { d.send(c, `421["echo","hello"]`, `431["hello"]`) }
		d.of(1, echo)
		event := d.of(1, echo)
		if mode == admin.Production {
			d.clock.Advance(5 * time.Second)
			add("an event, the first in five seconds of its process, with nobody looking: beyond an event", 0, 0.5, 0, 0, d.of(1, echo).minus(event))
			add("the next ones", 0, 0, 0, 0, d.of(1, echo).minus(event))
		}
		d.sweeps = true
		var page *rawclient.Conn
		d.of(1, func() { page = d.open() })
		greetings := 3 // its CONNECT, config, server_stats
		if mode == admin.Development {
			greetings++ // all_sockets
		}
		d.of(2, func() {
			d.must(page.Send(d.ctx, "40/admin,"))
			for range greetings {
				d.next(page)
			}
		})
		tick := func() usage {
			return d.of(1, func() {
				d.clock.Advance(2 * time.Second)
				d.next(page)
			})
		}
		tick()
		if got := tick(); mode == admin.Production {
			add("`server_stats` to one page, every two seconds", 1, 1+1+engine.Shards+3+1, 3, 1, got)
		}
		d.clock.Advance(time.Second)
		shows := 0.0
		got := d.of(1, func() {
			echo()
			if mode == admin.Development {
				d.next(page)
			}
		}).minus(event)
		if mode == admin.Development {
			shows = 1
		}
		add("an event while a page is open in "+string(mode)+": beyond an event", 0, shows, 1, shows, got)
	}
	one, more := opening(t, 1), opening(t, 41)
	add("a page opens in development, with one socket to show, and the first tick", 2, 30.5, 7, 4, one)
	add("40 sockets more to show", 0, 40*2, 0, 31, more.minus(one))
	report(t, lines)
}

// opening measures a page that opens in development when so many sockets are there.
func opening(t *testing.T, sockets int) usage {
	io := application(nil)
	if err := admin.Instrument(io, admin.Options{InsecureNoAuth: true}); err != nil {
		t.Fatal(err)
	}
	d := start(t, io)
	for range sockets {
		d.member()
	}
	d.rest()
	d.sweeps = true
	var page *rawclient.Conn
	d.of(1, func() { page = d.open() })
	return d.of(2, func() {
		d.must(page.Send(d.ctx, "40/admin,"))
		for range 4 { // its CONNECT, config, all_sockets, server_stats
			d.next(page)
		}
	})
}
