//go:build full

package tests

import (
	"slices"
	"testing"
	"time"

	"github.com/dozeio/doze/app"
	"github.com/dozeio/doze/pkg/verify"
)

// TestVerifyAsProcesses asks the functions as they are deployed, behind AWS's gateway under jitter, with a ping each
// second, all but the flood.
func TestVerifyAsProcesses(t *testing.T) {
	t.Parallel()
	g := apart[1]
	o := g.processes("chat")
	o.Gateway.Site = app.Page()
	o.Engine.PingInterval, o.Engine.PingTimeout = time.Second, 10*time.Second
	o.Env = []string{"DOZE_VERIFY=yes"}
	d := newDeployments(t).start(t, o)
	r, err := verify.Run(t.Context(), verify.Options{URL: d.URL, Long: true})
	if err != nil {
		t.Fatal(err)
	}
	unasked := []string{"throttle", "websocket.path", "polling.idle"} // pings come before a GET has been idle for long
	for _, f := range r.Facts {
		switch {
		case slices.Contains(unasked, f.ID) != (f.Verdict == verify.Unknown), f.Verdict == verify.Differs:
			t.Errorf("%s: %s: %s", f.ID, f.Verdict, f.Seen)
		case f.ID == "order.frames" && f.Figures["begun_swapped"] == 0:
			t.Errorf("no frames were seen out of order under jitter: %s", f.Seen)
		}
	}
}
