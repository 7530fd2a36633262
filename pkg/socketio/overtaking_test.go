package socketio_test

import (
	"net/http"
	"net/url"
	"testing"
	"testing/synctest"
	"time"

	"github.com/dozeio/doze/pkg/engine"
	"github.com/dozeio/doze/pkg/socketio"
	"github.com/dozeio/doze/pkg/socketio/socketiotest"
	"github.com/dozeio/doze/pkg/store/memory"
)

// unjoined returns an engine with one connection, whose client has joined nothing.
func unjoined(t *testing.T, io *socketio.Server) (frame func(string)) {
	store, out := memory.New(nil), &nowhere{}
	e, err := io.Bind(socketio.Backend{Sessions: store, Rooms: store, Poster: out, Timers: out})
	if err != nil {
		t.Fatal(err)
	}
	q := url.Values{"EIO": {"4"}, "transport": {"websocket"}}
	if status := e.Connect(t.Context(), "connection", engine.Request{Method: http.MethodGet, Query: q}).Status; status != http.StatusOK {
		t.Fatal(status)
	}
	return func(data string) { e.Frame(t.Context(), "connection", engine.Frame{Data: []byte(data)}) }
}

// Over WebSocket, frames of one connection are handled at the same time. In a bubble, a goroutine that waits for
// another invocation is seen to do so.
func TestAnEventThatOvertakesTheFirstConnectIsHandledAfterIt(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		io, log, did := strict()
		frame := unjoined(t, io)
		go frame(`42/other,["e"]`)
		synctest.Wait()
		if did.String() != "" {
			t.Fatalf("did %s", did)
		}
		frame("40/other,")
		<-time.After(time.Second)
		if did.String() != "connect /other, e[]" {
			t.Errorf("did %s", did)
		}
		log.nothing(t)
	})
}

func TestAnEventWithoutAnyConnectIsRefusedInTheEnd(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		io, log, did := strict()
		frame := unjoined(t, io)
		begin := time.Now()
		frame(`42/other,["e"]`)
		if time.Since(begin) < 500*time.Millisecond || len(log.lines(t, "a session is closed")) != 1 || did.String() != "" {
			t.Errorf("after %v, did %s", time.Since(begin), did)
		}
	})
}

// Each frame that waits reads the session again and again, and a client may send as many as it likes.
func TestFramesForANamespaceThatWasNotJoinedAreNotWaitedWith(t *testing.T) {
	for name, namespace := range map[string]string{"never joined": "/other,", "left": ""} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				io, _, did := strict()
				reads := 0
				s := socketiotest.New(t, io, socketiotest.Options{Wrap: hook(func(op string, after bool) error {
					if op == "Get" && !after {
						reads++
					}
					return nil
				})})
				client := s.Connect("/")
				if namespace == "" {
					client.Raw(text("1"))
				}
				reads = 0
				begin := time.Now()
				for range 200 {
					client.Raw(text(`2` + namespace + `["e"]`))
				}
				if reads > 210 || time.Since(begin) > 0 {
					t.Errorf("200 frames made %d reads in %v; did %s", reads, time.Since(begin), did)
				}
			})
		})
	}
}
