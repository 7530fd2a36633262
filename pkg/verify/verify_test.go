package verify_test

import (
	"bytes"
	"context"
	"encoding/json"
	"io"
	"maps"
	"net/http"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/dozeio/doze/pkg/engine"
	"github.com/dozeio/doze/pkg/gateway"
	"github.com/dozeio/doze/pkg/verify"
)

func TestADeploymentAsItIsExpected(t *testing.T) {
	o := quick(deploy(t, settings{}).URL)
	o.Flood = true
	var told []string
	o.Tell = func(f verify.Fact) { told = append(told, f.ID) }
	r := run(t, o)
	unasked := []string{"heartbeat", "websocket.path"}
	for _, f := range r.Facts {
		switch {
		case slices.Contains(unasked, f.ID):
			if f.Verdict != verify.Unknown {
				t.Errorf("%s: %s", f.ID, f.Verdict)
			}
		case f.Verdict != verify.OK:
			t.Errorf("%s: %s: %s", f.ID, f.Verdict, f.Seen)
		}
	}
	if len(told) != len(verify.Questions()) {
		t.Errorf("told of %d facts", len(told))
	}
	if r.Requests == 0 || r.Sent < 3000 || r.Received < 3000 || !r.OneOrigin || !r.Namespace {
		t.Errorf("%+v", r)
	}
}

// TestWhatTheGatewayPlaysIsNoticed asks of what is not documented, with the gateway's options for it.
func TestWhatTheGatewayPlaysIsNoticed(t *testing.T) {
	empty := []string{"empty.event", "empty.pong"}
	for _, c := range []struct {
		name    string
		gateway gateway.Options
		only    []string
		want    verify.Verdict
		seen    string
	}{
		{"an empty frame", gateway.Options{RouteResponse: true}, empty, verify.Differs, `the first ""`},
		{"no empty frame", gateway.Options{RouteResponse: true, DropEmptyResponse: true}, empty, verify.OK, "nothing after"},
		{"a stage's rate", gateway.Options{WebSocketStage: gateway.Throttle{Rate: 1, Burst: 20}}, []string{"order.frames"}, verify.Differs, `{\"message\":`},
	} {
		t.Run(c.name, func(t *testing.T) {
			o := quick(deploy(t, settings{gateway: c.gateway}).URL)
			o.Only, o.Wait = c.only, 2*time.Second
			for _, f := range run(t, o).Facts {
				if f.Verdict != c.want || !strings.Contains(f.Seen, c.seen) {
					t.Errorf("%s: %s: %s", f.ID, f.Verdict, f.Seen)
				}
			}
		})
	}
}

func TestTwentyPingsAreWaitedFor(t *testing.T) {
	o := quick(deploy(t, settings{engine: engine.Options{PingInterval: 50 * time.Millisecond, PingTimeout: 2 * time.Second}}).URL)
	o.Long, o.Only = true, []string{"heartbeat"}
	if f := run(t, o).Facts[0]; f.Verdict != verify.OK || f.Figures["interval_n"] != 20 || f.Figures["announced_ms"] != 50 {
		t.Errorf("%+v", f)
	}
}

func TestWithoutTheNamespaceTheRestIsAsked(t *testing.T) {
	r := run(t, quick(deploy(t, settings{without: true}).URL))
	questions := verify.Questions()
	for i, f := range r.Facts {
		switch {
		case f.ID == "websocket.path":
		case questions[i].Namespace != (f.Verdict == verify.Unknown):
			t.Errorf("%s: %s: %s", f.ID, f.Verdict, f.Seen)
		}
	}
	var out bytes.Buffer
	if err := r.Print(&out); err != nil || !strings.Contains(out.String(), "Verify=yes") || !strings.Contains(out.String(), "doze dev -verify") {
		t.Errorf("%v %s", err, out.String())
	}
}

func TestTheAPIsOwnAddressIsAsked(t *testing.T) {
	d := deploy(t, settings{})
	o := quick(d.URL)
	o.WebSocket, o.Only = "ws"+strings.TrimPrefix(d.URL, "http")+"/local", []string{"websocket.open", "websocket.path", "frontdoor.websocket"}
	want := map[string]verify.Verdict{"websocket.open": verify.OK, "websocket.path": verify.OK, "frontdoor.websocket": verify.OK}
	if got := verdicts(run(t, o)); !maps.Equal(got, want) {
		t.Error(got)
	}
}

// TestAReportHoldsNoSID looks for every sid that a run was given in what it says and writes.
func TestAReportHoldsNoSID(t *testing.T) {
	var mu sync.Mutex
	sids := map[string]bool{}
	note := func(text string) {
		var open struct{ SID string }
		if content, ok := strings.CutPrefix(text, "0"); ok && json.Unmarshal([]byte(content), &open) == nil {
			mu.Lock()
			sids[open.SID] = true
			mu.Unlock()
		}
	}
	twice := func(frame string) []string { // so that findings show it
		note(frame)
		return []string{frame, frame}
	}
	f := flawed{server: twice, response: func(r *http.Response) {
		b, _ := io.ReadAll(r.Body)
		note(string(b))
		r.Body = io.NopCloser(bytes.NewReader(b))
	}}
	o := quick(f.before(t, deploy(t, settings{})))
	o.Wait, o.Limit = time.Second, 2*time.Second
	r := run(t, o)
	text, err := json.Marshal(r)
	if err != nil {
		t.Fatal(err)
	}
	var out bytes.Buffer
	if err := r.Print(&out); err != nil {
		t.Fatal(err)
	}
	if len(sids) < 20 || !strings.Contains(out.String(), "differs") {
		t.Fatalf("%d sids, %s", len(sids), out.String())
	}
	for sid := range sids {
		if bytes.Contains(text, []byte(sid)) || strings.Contains(out.String(), sid) {
			t.Errorf("there is a sid in %s", out.String())
		}
	}
}

func TestWhatCannotBeAsked(t *testing.T) {
	url := deploy(t, settings{}).URL
	for want, o := range map[string]verify.Options{
		"is no address":     {URL: "127.0.0.1:3000"},
		"wss://HOST":        {URL: url, WebSocket: url},
		"cannot be reached": {URL: "http://127.0.0.1:1"},
		"no question":       {URL: url, Only: []string{"weather"}},
		"no deployment":     {URL: url + "/elsewhere/"},
		"below 50":          {URL: url, Clients: 50},
	} {
		if _, err := verify.Run(t.Context(), o); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%+v: %v, want %s", o, err, want)
		}
	}
}

// TestWhatIsInterruptedIsUnknown ends a run when the first question is answered, while another, asked alongside, waits
// for the answer to a GET.
func TestWhatIsInterruptedIsUnknown(t *testing.T) {
	o := quick(deploy(t, settings{engine: engine.Options{PollWait: 3 * time.Second}}).URL)
	o.Only = []string{"polling.idle", "http.head", "empty.event"}
	ctx, interrupt := context.WithCancel(t.Context())
	defer interrupt()
	o.Tell = func(f verify.Fact) {
		if f.ID == "http.head" {
			interrupt()
		}
	}
	r, err := verify.Run(ctx, o)
	if err != nil {
		t.Fatal(err)
	}
	want := map[string]string{"polling.idle": "not answered: interrupted", "http.head": "", "empty.event": "not asked: interrupted"}
	for _, f := range r.Facts {
		if seen := want[f.ID]; seen != "" && (f.Verdict != verify.Unknown || f.Seen != seen) {
			t.Errorf("%s: %s: %s", f.ID, f.Verdict, f.Seen)
		}
	}
}

func TestAReportIsKept(t *testing.T) {
	o := quick(deploy(t, settings{}).URL)
	o.Only, o.Now = []string{"latency.ack"}, func() time.Time { return time.Unix(0, 0) }
	text, err := json.Marshal(run(t, o))
	if err != nil {
		t.Fatal(err)
	}
	var kept struct {
		Format int
		Doze   string
		Date   time.Time
		Host   string
		Facts  []struct {
			ID, Expected, Seen string
			Figures            map[string]float64
		}
	}
	if err := json.Unmarshal(text, &kept); err != nil {
		t.Fatal(err)
	}
	if kept.Format != verify.Format || kept.Doze == "" || kept.Date.Unix() != 0 || "http://"+kept.Host != o.URL {
		t.Errorf("%+v", kept)
	}
	if f := kept.Facts[0]; f.ID != "latency.ack" || f.Expected == "" || f.Seen == "" || f.Figures["n"] != 3 || f.Figures["p50_ms"] <= 0 {
		t.Errorf("%+v", f)
	}
}
