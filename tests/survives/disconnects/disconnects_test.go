//go:build full

// Package disconnects has clients disconnected in every way that docs/operate.md names, each on a deployment of its own
// whose functions are processes on a table, and finds out why by what is written there: two queries of the log, the
// metrics of the dashboard, and doze top.
package disconnects

import (
	"fmt"
	"maps"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/dozeio/doze/pkg/gateway"
	"github.com/dozeio/doze/pkg/observe"
	"github.com/dozeio/doze/pkg/socketio"
	"github.com/dozeio/doze/tests/kit/causes"
)

// faults are what the gateway does meanwhile.
var faults = map[causes.Fault]gateway.Faults{causes.Fails: {PostFailed: 1}, causes.Busy: {PostThrottled: 1}}

// TestOneFindsWhyAClientWasDisconnected has a deployment for each cause, so that nothing but the cause is in its log and
// its metrics. Another client stays connected.
func TestOneFindsWhyAClientWasDisconnected(t *testing.T) {
	for _, c := range causes.All() {
		t.Run(c.Name, func(t *testing.T) {
			t.Parallel()
			o := options()
			switch c.Name {
			case "a ping timeout":
				o.Engine.PingInterval, o.Engine.PingTimeout = time.Second, 2*time.Second
			case "a throttle of its messages":
				o.Engine.ClientRate = causes.ClientRate
			}
			d := start(t, o)
			other, victim := d.connect(), d.connect()
			if err := d.Gateway.SetFaults(faults[c.Fault]); err != nil {
				t.Fatal(err)
			}
			c.Do(victim, other)
			id := victim.ID()
			if c.Name == "an error in OnConnection" {
				id = "" // it is another socket, whose id the client has been told and has forgotten
			}
			left := d.finds(c, id)
			if err := d.Gateway.SetFaults(gateway.Faults{}); err != nil {
				t.Fatal(err)
			}
			if strings.HasSuffix(left.text("reason"), " namespace disconnect") {
				victim.Close() // the connection is still there, and a stock client that is in no namespace closes it
			}
			if seen := d.clients(1); seen.Throttles != 0 || seen.Errors != 0 {
				t.Errorf("doze top shows %+v", seen)
			}
			d.says(c, left)
		})
	}
}

// finds does what docs/operate.md says, for a socket that was disconnected by a cause, and returns the line that says
// why.
func (d *deployment) finds(c causes.Cause, id string) (left line) {
	d.t.Helper()
	d.until("the line that says why", func() bool { left = d.log.left(id, "/fails"); return left != nil })
	if !c.Has(left.text("reason")) || left.text("level") != "INFO" || left.text("session") == "" || left.text("trace") == "" {
		d.t.Errorf("the log has %v, want one of %q", left, c.Reasons)
	}
	if c.Besides != "" {
		d.until(fmt.Sprintf("the line %q", c.Besides), func() bool { return slices.Contains(d.messages(left), c.Besides) })
	}
	want := map[string]float64{left.text("reason"): 1}
	d.until(fmt.Sprintf("the metric of %v", want), func() bool { return maps.Equal(d.log.metrics(observe.Disconnects), want) })
	if c.Figure != nil {
		d.until("the metric "+c.Figure.Name+" "+c.Label, func() bool {
			for label, n := range d.log.metrics(c.Figure) {
				if n > 0 && label != "ok" && (c.Label == "" || c.Label == label) {
					return true
				}
			}
			return false
		})
	}
	return left
}

// messages are those of the lines that the second query finds.
func (d *deployment) messages(left line) (all []string) {
	for _, l := range d.log.besides(left) {
		all = append(all, l.text("message"))
	}
	return all
}

// says ends the deployment's functions, and checks that where docs/operate.md says that the log has nothing besides, it
// has nothing in the end.
func (d *deployment) says(c causes.Cause, left line) {
	d.t.Helper()
	d.end()
	if messages := d.messages(left); (len(messages) > 0) != (c.Besides != "") {
		d.t.Errorf("the log has %q besides, want %q", messages, c.Besides)
	}
}

// Somebody at a shell is a cause, too.
func TestOneFindsThatTheOperatorHasDisconnectedAClient(t *testing.T) {
	t.Run("doze kick", func(t *testing.T) {
		t.Parallel()
		d := start(t, options())
		_, victim := d.connect(), d.connect()
		d.doze(append(append([]string{"kick"}, d.at()...), "-reason", "the same picture", "--", victim.ID())...)
		d.finds(causes.Cause{Reasons: []socketio.Reason{socketio.ServerDisconnect}, Besides: "sockets are disconnected"}, victim.ID())
		if lines := d.log.besides(d.log.left(victim.ID(), "")); len(lines) != 1 || lines[0].text("reason") != "the same picture" {
			t.Errorf("the log has %v", lines)
		}
	})
	t.Run("doze drain", func(t *testing.T) {
		t.Parallel()
		d := start(t, options())
		victim := d.connect()
		d.doze(append([]string{"drain"}, d.at()...)...)
		c := causes.Cause{Reasons: []socketio.Reason{socketio.TransportClose}}
		left := d.finds(c, victim.ID())
		d.clients(0)
		d.says(c, left)
	})
}

// TestOneFindsThatLambdaHadNoFunction has all that the account lets run be busy. Nothing of Doze runs then, and no line
// can say so: doze top and the gateway's count do.
func TestOneFindsThatLambdaHadNoFunction(t *testing.T) {
	t.Parallel()
	o := options()
	o.Gateway.Reserved = map[string]int{"$default": 1}
	d := start(t, o)
	other, victim := d.connect(), d.connect()
	hold := func() { other.Emit("/", "hold", victim.ID()) }
	other.mu.Lock()
	other.refused = hold
	other.mu.Unlock()
	hold()
	other.is("the function that is busy", func() bool { return other.holding })
	victim.Emit("/", "nothing")
	c := causes.Cause{Reasons: []socketio.Reason{socketio.TransportClose}}
	left := d.finds(c, victim.ID())
	if seen := d.clients(1); seen.Throttles < 1 || seen.Errors != 0 {
		t.Errorf("doze top shows %+v", seen)
	}
	d.says(c, left)
}

// TestOneFindsThatAFunctionHasDied has the process die that handles a client's event, as for its time or its memory. It
// leaves no line of Doze's: doze top shows an error.
func TestOneFindsThatAFunctionHasDied(t *testing.T) {
	t.Parallel()
	d := start(t, options())
	other, victim := d.connect(), d.connect()
	victim.Emit("/", "hold", other.ID())
	victim.is("the function that is busy", func() bool { return victim.holding })
	d.Message.KillAll()
	c := causes.Cause{Reasons: []socketio.Reason{socketio.TransportClose}}
	left := d.finds(c, victim.ID())
	if seen := d.clients(1); seen.Errors != 1 || seen.Throttles != 0 {
		t.Errorf("doze top shows %+v", seen)
	}
	d.says(c, left)
}
