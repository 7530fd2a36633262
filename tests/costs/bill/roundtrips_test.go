//go:build full

package bill

import (
	"net/http"
	"testing"

	"github.com/dozeio/doze/tests/kit/meter"
	"github.com/dozeio/doze/tests/kit/rawclient"
)

// Latency on AWS is round trips: between an event's arrival and its handler there is one, and none between the handler
// and the ack over WebSocket. What is asserted is the order of the calls.
func TestAnEventWaitsForOneRoundTrip(t *testing.T) {
	var d *deployment
	var begun int
	var before meter.Calls
	d = start(t, application(func() { begun, before = d.meter.Begun() }))
	c := d.member()
	event := func(what string, after string, f func()) {
		t.Helper()
		var all meter.Calls
		d.of(1, func() {
			f()
			_, all = d.meter.Begun()
		})
		if begun != 1 || len(before) != 1 || before[0].Operation != "GetItem" || !before[0].Consistent {
			t.Errorf("%s: when the handler began, %d calls had begun, and these had ended: %v; want one consistent GetItem", what, begun, before)
		}
		if got := all[min(len(before), len(all)):].String(); got != after {
			t.Errorf("%s: after the handler came %q, want %q", what, got, after)
		}
	}
	event("over WebSocket, with ack", "", func() { d.send(c, `421["echo","hello"]`, `431["hello"]`) })

	var sid string
	d.of(1, func() { sid = rawclient.SID(d.request(http.MethodGet, rawclient.Polling, "", "0{")) })
	d.of(1, func() { d.post(sid, "40") })
	event("over polling, with ack", "UpdateItem", func() { d.post(sid, `421["echo","hello"]`) })
	d.poll(sid, "40{")
}

// What is done to somebody else's socket takes as many round trips for 64 sockets as for one, of which this shows the
// calls: the first of each reads the session whose handler asks, the second the room.
func TestWhatIsDoneToOthersWaitsForAFewRoundTrips(t *testing.T) {
	d := start(t, application(nil))
	d.member(room)
	c := d.member()
	for _, step := range []struct{ what, frame, answer, want string }{
		{"fetchSockets", `421["fetch","` + room + `"]`, "431[1]", "GetItem Query GetItem"},
		{"socketsJoin", `421["bring","` + room + `","third"]`, "431[]", "GetItem Query UpdateItem PutItem GetItem"},
		{"socketsLeave", `421["take out","` + room + `","third"]`, "431[]", "GetItem Query Query DeleteItem DeleteItem"},
		{"disconnectSockets", `421["send away","` + room + `"]`, "431[]",
			"GetItem Query GetItem UpdateItem Query DeleteItem DeleteItem DeleteItem"},
	} {
		var calls meter.Calls
		d.of(1, func() {
			d.send(c, step.frame, step.answer)
			_, calls = d.meter.Begun()
		})
		if got := calls.String(); got != step.want {
			t.Errorf("%s: %q, want %q", step.what, got, step.want)
		}
	}
}
