package engine_test

import (
	"net/http"
	"slices"
	"strings"
	"testing"

	"github.com/dozeio/doze/pkg/engine"
)

// TestTheLastOfDoubledParametersCounts has them in each place that reads one.
func TestTheLastOfDoubledParametersCounts(t *testing.T) {
	const unknownTransport, version = `400 {"code":0,"message":"Transport unknown"}`, `400 {"code":5,"message":"Unsupported protocol version"}`
	other := strings.Repeat("x", 24) // a sid of nobody
	inWorld(t, engine.Options{}, func(t *testing.T, w *world) {
		for _, c := range []struct {
			name, values, polling, websocket string // what each transport answers
		}{
			{"transport", "polling websocket", badRequest, "200"},
			{"transport", "websocket polling", "200", unknownTransport},
			{"transport", "polling pigeon", unknownTransport, unknownTransport},
			{"transport", "pigeon polling polling", "200", unknownTransport},
			{"transport", "polling ", unknownTransport, unknownTransport},
			{"EIO", "3 4", "200", "200"},
			{"EIO", "4 3", version, version},
			{"EIO", "4 ", version, version},
			{"sid", other + " ", "200", "200"},
			{"sid", " " + other, unknownSID, unknownSID},
			{"sid", "SID " + other, unknownSID, unknownSID},
			{"sid", other + " SID", "200", "200"},
		} {
			sid := w.poll()
			if err := w.e.Deliver(t.Context(), polling(sid), w.parcel("waits")); err != nil { // so that a GET is answered at once
				t.Fatal(err)
			}
			ask := func(transport string) engine.Request {
				r := request(http.MethodGet, transport, "", "")
				r.Query[c.name] = strings.Split(strings.ReplaceAll(c.values, "SID", sid), " ")
				return r
			}
			poll, given := ask("polling"), ""
			want := slices.Clone(poll.Query[c.name])
			given, _, _ = strings.Cut(answer(w.e.HTTP(t.Context(), poll)), " 0{")
			if given, _, _ = strings.Cut(given, " 4"); given != c.polling {
				t.Errorf("%s=%s over HTTP: %s, want %s", c.name, c.values, given, c.polling)
			}
			if !slices.Equal(poll.Query[c.name], want) {
				t.Errorf("%s=%s became %q", c.name, c.values, poll.Query[c.name])
			}
			if got := answer(w.e.Connect(t.Context(), "c"+c.name+c.values, ask("websocket"))); got != c.websocket {
				t.Errorf("%s=%s over WebSocket: %s, want %s", c.name, c.values, got, c.websocket)
			}
		}
	})
}
