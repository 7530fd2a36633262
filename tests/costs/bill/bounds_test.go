//go:build full

package bill

import (
	"fmt"
	"math"
	"os"
	"strings"
	"testing"
)

// dearest is what one request of a client, of up to a MB, may cost, in USD.
const dearest = 0.01

// bound is what one request of a kind may cost.
type bound struct {
	kind                              string
	in                                int // bytes, at most
	writes, reads, invocations, posts float64
	jobs, log                         int // log: bytes
}

// bounds are the table of docs/security.md, a little above what was measured: the one place to change with what the
// server allows, such as socketio.Options.MaxNamespaces. Log bytes are Doze's own lines, not Lambda's of each
// invocation.
var bounds = []bound{
	{"handshake", 2100, 7, 3, 1, 0, 1, 0},
	{"CONNECT", 10, 3, 2, 1, 0, 0, 0},
	{"event with an ack", 30, 1, 1, 1, 0, 0, 0},
	{"malformed packet", 10, 4, 4, 1, 0, 0, 450},
	{"200 CONNECT and DISCONNECT", 2100, 150, 150, 1, 0, 0, 8500},
	{"60,000 pongs", 120_000, 1, 1, 1, 0, 0, 0},
	{"1,000 joins", 20_000, 2100, 1100, 1, 0, 0, 0},
	{"65,000 events that lack an argument", 720_000, 5, 5, 1, 0, 0, 900},
	{"1,000 acks that answer nothing", 30_000, 1, 1100, 1, 0, 0, 0},
	{"1,000 joins and leaves", 20_000, 2100, 1100, 1, 0, 0, 0},
	{"1,000 changes of data, of 16 KiB", 30_000, 4500, 1000, 1, 0, 0, 600},
	{"60,000 pongs, of a client that fetches nothing", 120_000, 1, 100, 1, 0, 0, 0},
	{"64 CONNECT and DISCONNECT, of a client that fetches nothing", 700, 300, 200, 1, 0, 0, 8500},
	{"1,000 changes of data, of a client that fetches nothing", 14_000, 3000, 10, 1, 0, 0, 0},
	{"850 whispers, to one that fetches nothing", 20_000, 2500, 1000, 1, 0, 0, 0},
	{"1,000 changes of data, of one that has not fetched these", 14_000, 4500, 10, 1, 0, 0, 0},
	{"60 whispers of 4,000 emoji, to one that polls", 1_000_000, 500, 250, 1, 0, 0, 600},
	{"1,000 whispers, to one whose outbox is full", 60_000, 500, 2000, 1, 0, 0, 600},
	{fmt.Sprintf("%d members of a room drop", many), 0, 6 * many, 4 * many, many, 20 * many, many, 250 * many},
}

// usd returns what this costs, but for the time of the functions.
func (b bound) usd(prices map[string]float64) float64 {
	const ofAJob = 3 // requests to the queue: it is sent, received and deleted
	return b.invocations*(prices["lambdaRequests"]+prices["httpRequests"]) + b.reads*prices["readUnits"] + b.writes*prices["writeUnits"] +
		b.posts*prices["webSocketMessages"] + float64(ofAJob*b.jobs)*prices["queueRequests"] + float64(b.log)/1e9*prices["logData"]
}

func (b bound) row(prices map[string]float64) string {
	return fmt.Sprintf("| %s | %d | %s | %s | %s | %s | %d | %d | %.6f |\n", b.kind, b.in, figure(b.writes), figure(b.reads), figure(b.invocations),
		figure(b.posts), b.jobs, b.log, math.Ceil(b.usd(prices)*1e6)/1e6)
}

// judge fails for everything over its bound, for every bound above a cent, and unless docs/security.md has the table.
func judge(t *testing.T, all []bound) {
	t.Helper()
	if len(all) != len(bounds) {
		t.Fatalf("%d kinds were measured, of %d", len(all), len(bounds))
	}
	p := prices(t)
	var table strings.Builder
	table.WriteString("| request | bytes in | WRU | RRU | invocations | posts | jobs | log bytes | USD |\n|---|---|---|---|---|---|---|---|---|\n")
	for i, most := range bounds {
		got := all[i]
		t.Logf("measured %s", got.row(p))
		if got.kind != most.kind {
			t.Fatalf("%q was measured, and %q has a bound", got.kind, most.kind)
		}
		if got.in > most.in || got.writes > most.writes || got.reads > most.reads || got.invocations > most.invocations || got.posts > most.posts ||
			got.jobs > most.jobs || got.log > most.log {
			t.Errorf("over its bound\n%s%s", got.row(p), most.row(p))
		}
		if most.usd(p) > dearest {
			t.Errorf("%s: a request may cost up to $%.4f, and none more than $%.2f", most.kind, most.usd(p), dearest)
		}
		table.WriteString(most.row(p))
	}
	if *markdown {
		fmt.Print(table.String())
		return
	}
	page, err := os.ReadFile("../../../docs/security.md")
	if err != nil {
		t.Fatal(err)
	}
	if !strings.Contains(string(page), table.String()) {
		t.Errorf("docs/security.md says something else, put this in:\n%s", table.String())
	}
}
