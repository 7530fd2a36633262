package direct_test

import (
	"net/http"
	"net/url"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/dozeio/doze/internal/direct"
	"github.com/dozeio/doze/internal/testparts"
	"github.com/dozeio/doze/pkg/engine"
	"github.com/dozeio/doze/pkg/socketio"
	"github.com/dozeio/doze/pkg/socketio/socketiotest"
)

// TestAPollThatWaitsLearnsOfAnEventAtOnce has a GET wait for longer and longer, and looks at the clock, which stands
// still while anybody does anything.
func TestAPollThatWaitsLearnsOfAnEventAtOnce(t *testing.T) {
	for _, waited := range []time.Duration{10 * time.Millisecond, time.Second, 10 * time.Second} {
		synctest.Test(t, func(t *testing.T) {
			io := socketio.New(socketio.Options{})
			s := socketiotest.New(t, io, socketiotest.Options{Wrap: func(b socketio.Backend) socketio.Backend {
				b.Sessions = direct.Watch(b.Sessions)
				return b
			}})
			query := url.Values{"EIO": {"4"}, "transport": {"polling"}}
			ask := func(method, body string) string {
				a := testparts.Engine(s).HTTP(t.Context(), engine.Request{Method: method, Query: query, Header: http.Header{}, Body: []byte(body)})
				return string(a.Body)
			}
			sid, _, _ := strings.Cut(strings.TrimPrefix(ask(http.MethodGet, ""), `0{"sid":"`), `"`)
			query.Set("sid", sid)
			ask(http.MethodPost, "40")
			ask(http.MethodGet, "")
			var began time.Time
			go func() {
				time.Sleep(waited)
				began = time.Now()
				if err := io.Emit(t.Context(), "news"); err != nil {
					t.Error(err)
				}
			}()
			if got := ask(http.MethodGet, ""); got != `42["news"]` {
				t.Errorf("a GET is answered with %q", got)
			}
			if late := time.Since(began); late > 0 {
				t.Errorf("after %v the event came %v late", waited, late)
			}
			ask(http.MethodPost, "1")
		})
	}
}
