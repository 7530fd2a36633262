package faults

import (
	"net/http"
	"testing"

	"github.com/dozeio/doze/pkg/gateway"
	"github.com/dozeio/doze/tests/kit/rawclient"
)

// TestKilled breaks a connection after each kind of message was taken.
func TestKilled(t *testing.T) {
	noGoroutines(t)
	for name, packets := range map[string][]string{
		"CONNECT":       {"40/greeting,"},
		"event":         {`421["echo"]`},
		"burst":         {`42["burst",20]`},
		"join":          {`42["join","r"]`},
		"many messages": {`42["join","r"]`, `42["burst",5]`, "40/greeting,", "41", "3"},
	} {
		t.Run(name, func(t *testing.T) {
			w := newWorld(t, asAWS)
			p := w.join()
			w.faults(gateway.Faults{Killed: 1, Max: 1})
			p.send(packets...)
			if got, seen := w.watch(p, "nothing"); got != closed {
				t.Errorf("%s; packets %q", got, seen)
			}
			if n := w.server.Gateway.Stats().Faults; n != 1 {
				t.Errorf("%d faults", n)
			}
			w.bystander.send(`42["say","r",1]`)
			w.served()
		})
	}
	t.Run("probe", func(t *testing.T) { // the session polls on
		w := newWorld(t, asAWS)
		sid, p := w.probing()
		w.faults(gateway.Faults{Killed: 1, Max: 1})
		p.send("2probe")
		if got, seen := w.watch(p, "nothing"); got != closed {
			t.Errorf("%s; packets %q", got, seen)
		}
		w.thenPolling(sid, "")
	})
	t.Run("upgrade", func(t *testing.T) {
		w := newWorld(t, asAWS)
		sid, p := w.probing()
		w.faults(gateway.Faults{Killed: 1, Max: 1})
		p.send("5")
		if got, seen := w.watch(p, "nothing"); got != closed {
			t.Errorf("%s; packets %q", got, seen)
		}
		// Either the gateway's word came first, and the session polls on, or the client's, and it is closed.
		comes := ""
		if a, err := w.Do(w.ctx, http.MethodPost, rawclient.Session(sid), "3"); err != nil || a.Status != http.StatusOK {
			comes = "close"
		}
		w.thenPolling(sid, comes)
	})
}
