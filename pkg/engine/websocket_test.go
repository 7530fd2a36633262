package engine_test

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/dozeio/doze/pkg/engine"
	"github.com/dozeio/doze/pkg/protocol"
)

func TestWebSocketHandshakePostsOneOpenPacket(t *testing.T) {
	inWorld(t, engine.Options{}, func(t *testing.T, w *world) {
		if status := w.connect("c", ""); status != 200 {
			t.Fatal(status)
		}
		jobs := w.queue.messages()
		w.pass(0)
		for _, j := range jobs { // delivered twice
			if strings.Contains(j, `"open"`) {
				if err := w.e.Job(t.Context(), []byte(j)); err != nil {
					t.Error(err)
				}
			}
		}
		frames := w.gateway.received("c")
		if len(frames) != 1 || !strings.Contains(frames[0], `"upgrades":[],"pingInterval":25000,"pingTimeout":20000,"maxPayload":1000000}`) {
			t.Fatalf("got %q", frames)
		}
		w.openOf(frames[0])
		w.want(w.frame("c", "4say hello"), "4hello")
	})
}

func TestWebSocketHandshakeErrors(t *testing.T) {
	inWorld(t, engine.Options{}, func(t *testing.T, w *world) {
		r := request("GET", "websocket", "", "")
		r.Query.Set("EIO", "3")
		w.want(answer(w.e.Connect(t.Context(), "c", r)), `400 {"code":5,"message":"Unsupported protocol version"}`)
		w.want(answer(w.e.Connect(t.Context(), "c", request("GET", "polling", "", ""))), `400 {"code":0,"message":"Transport unknown"}`)
		w.want(answer(w.e.Connect(t.Context(), "c", request("GET", "websocket", "nobody's", ""))), unknownSID)
		if n := w.table.Rows(); n.Sessions+n.Tombstones > 0 {
			t.Errorf("rows of refused connections: %+v", n)
		}
	})
}

func TestWebSocketPingAndPong(t *testing.T) {
	inWorld(t, engine.Options{}, func(t *testing.T, w *world) {
		w.websocket("c")
		w.frame("c", "4join")
		w.pass(nextPing(w, "c"))
		w.want(w.gateway.last("c"), "2")
		for i := range 4 {
			w.want(w.frame("c", "3"), "")
			w.pass(25 * time.Second)
			if got := w.gateway.received("c"); !slices.Equal(got, []string{"2"}) {
				t.Fatalf("ping %d: got %q", i, got)
			}
		}
		w.pass(45*time.Second - time.Millisecond) // 25 s until the sweep that doubts, and 20 more
		w.reasonsAre()
		w.want(w.gateway.last("c"), "2")
		w.pass(time.Millisecond)
		w.reasonsAre(engine.PingTimeout)
		if w.gateway.open("c") {
			t.Error("the connection is open")
		}
		w.pass(time.Minute)
		w.gone()
	})
}

func TestASweepJudgesByTheTimeItReadAt(t *testing.T) {
	inWorld(t, engine.Options{}, func(t *testing.T, w *world) {
		for i := range 100 { // more than a sweep works on at a time, all of one shard
			id := fmt.Sprint("slow", i)
			for n := 0; engine.Shard(connected(id)) != 0; n++ {
				id = fmt.Sprint("slow", i, "-", n)
			}
			w.websocket(id)
			w.frame(id, "4join")
		}
		w.gateway.post = func(context.Context, string, engine.Frame) error { wait(4 * time.Second); return nil }
		wait(44 * time.Second) // the sweep comes late: a second before the clients' time is over
		w.pass(0)              // and it needs longer than that
		w.reasonsAre()
	})
}

func TestConnectTimeoutOfAConnection(t *testing.T) {
	inWorld(t, engine.Options{ConnectTimeout: time.Second}, func(t *testing.T, w *world) {
		w.websocket("judged by a sweep")
		w.websocket("judged by a frame")
		w.websocket("joined")
		w.frame("joined", "4join")
		wait(time.Second)
		w.want(w.frame("judged by a frame", "4say hello"), "")
		w.want(w.frame("joined", "4say hello"), "4hello")
		w.reasonsAre(engine.ForcedClose)
		w.pass(25 * time.Second)
		w.reasonsAre(engine.ForcedClose, engine.ForcedClose)
		for id, open := range map[string]bool{"judged by a sweep": false, "judged by a frame": false, "joined": true} {
			if w.gateway.open(id) != open {
				t.Errorf("%s: open is %t", id, !open)
			}
		}
	})
}

func TestASweepFindsThatAConnectionHasJoinedThoughTheNoteWasLost(t *testing.T) {
	inWorld(t, engine.Options{ConnectTimeout: time.Second}, func(t *testing.T, w *world) {
		w.websocket("c")
		w.frame("c", "4join")
		row := w.row(connected("c"))
		if err := w.table.PutLive(t.Context(), engine.Live{Address: row.Address, Created: row.Created, Last: time.Now(), Expires: row.Expires}); err != nil {
			t.Fatal(err)
		}
		w.pass(26 * time.Second)
		w.reasonsAre()
		lives, _ := w.table.Lives(t.Context(), engine.Shard(row.Address))
		if len(lives) != 1 || !lives[0].Joined {
			t.Errorf("%+v", lives)
		}
	})
}

func TestMaxAgeOfAConnection(t *testing.T) {
	for name, act := range map[string]func(w *world){
		"judged by a frame": func(w *world) { wait(time.Minute - 50*time.Second); w.frame("c", "4say hello") },
		"judged by a sweep": func(w *world) { w.pass(25 * time.Second) },
	} {
		t.Run(name, func(t *testing.T) {
			inWorld(t, engine.Options{MaxAge: time.Minute}, func(t *testing.T, w *world) {
				w.websocket("c")
				w.frame("c", "4join")
				for range 2 {
					w.pass(25 * time.Second)
					w.frame("c", "3")
				}
				w.reasonsAre()
				act(w)
				w.reasonsAre(engine.ForcedClose)
				w.pass(2 * time.Minute)
				w.gone()
			})
		})
	}
}

func TestCloseOfAConnection(t *testing.T) {
	for name, test := range map[string]struct {
		act    func(w *world)
		reason engine.Reason
		open   bool
	}{
		"by the client, with a packet":                  {func(w *world) { w.frame("c", "1") }, engine.TransportClose, false},
		"by the client":                                 {func(w *world) { w.leave("c", 1005) }, engine.TransportClose, false},
		"by the client, which restarts":                 {func(w *world) { w.leave("c", 1012) }, engine.TransportClose, false},
		"by the client, which comes later":              {func(w *world) { w.leave("c", 1013) }, engine.TransportClose, false},
		"by the client, for a gateway":                  {func(w *world) { w.leave("c", 1014) }, engine.TransportClose, false},
		"by the client, with a code of its own":         {func(w *world) { w.leave("c", 4999) }, engine.TransportClose, false},
		"by the gateway, for a code that is none":       {func(w *world) { w.leave("c", 1002) }, engine.TransportError, false},
		"by the gateway, for a frame":                   {func(w *world) { w.leave("c", 1003) }, engine.TransportError, false},
		"by the server":                                 {func(w *world) { w.e.Frame(context.Background(), "c", frameOf("4close")) }, engine.ForcedClose, false},
		"for a packet that is not the client's to send": {func(w *world) { w.frame("c", "2") }, engine.TransportError, false},
	} {
		t.Run(name, func(t *testing.T) {
			inWorld(t, engine.Options{}, func(t *testing.T, w *world) {
				w.websocket("c")
				w.frame("c", "4join")
				w.handler.on = func(ctx context.Context, v *engine.Invocation, text string) error { return closing(ctx, v, w, text) }
				test.act(w)
				w.reasonsAre(test.reason)
				if w.gateway.open("c") {
					t.Error("the connection is open")
				}
				if frames := w.gateway.received("c"); test.reason == engine.ForcedClose && !slices.Equal(frames, []string{"4bye"}) {
					t.Errorf("got %q before the close", frames)
				}
				for range 2 { // twice, and late
					w.leave("c", 1006)
					w.pass(time.Minute)
				}
				w.reasonsAre(test.reason)
				w.gone()
			})
		})
	}
}

func TestWhatWasSentBeforeAParseErrorArrives(t *testing.T) {
	inWorld(t, engine.Options{}, func(t *testing.T, w *world) {
		w.websocket("c")
		w.handler.on = func(ctx context.Context, v *engine.Invocation, _ string) error {
			if err := v.Send(ctx, w.parcel("first")); err != nil {
				return err
			}
			return engine.ErrRefused
		}
		w.want(w.frame("c", "4x"), "4first")
		w.reasonsAre(engine.ParseError)
	})
}

func TestRace5TheClientIsGoneBeforeTheOpenPacket(t *testing.T) {
	for _, told := range []bool{true, false} { // $disconnect may be missing
		inWorld(t, engine.Options{}, func(t *testing.T, w *world) {
			if status := w.connect("c", ""); status != 200 {
				t.Fatal(status)
			}
			w.gateway.drop("c")
			if told {
				w.e.Disconnect(t.Context(), "c", 1006)
			}
			w.pass(time.Minute)
			if frames := w.gateway.received("c"); len(frames) > 0 {
				t.Errorf("got %q", frames)
			}
			w.reasonsAre(engine.TransportClose)
			w.gone()
		})
	}
}

func TestRace5DisconnectBeforeConnect(t *testing.T) {
	inWorld(t, engine.Options{}, func(t *testing.T, w *world) {
		w.e.Disconnect(t.Context(), "c", 1006)
		if status := w.connect("c", ""); status != 410 {
			t.Errorf("status %d, want 410", status)
		}
		sid := w.poll()
		w.e.Disconnect(t.Context(), "d", 1006)
		if status := w.connect("d", sid); status != 410 {
			t.Errorf("status %d, want 410", status)
		}
		if s := w.row(polling(sid)); s.State != engine.Open || s.Connection != "" {
			t.Errorf("the session that polls is %+v", s)
		}
		w.want(w.post(sid, "1"), "200 ok")
		w.pass(time.Minute)
		w.gone()
	})
}

func TestRace5DisconnectTwiceAtOnce(t *testing.T) {
	inWorld(t, engine.Options{}, func(t *testing.T, w *world) {
		w.websocket("c")
		w.frame("c", "4join")
		w.gateway.drop("c")
		for range 8 {
			go w.e.Disconnect(t.Context(), "c", 1006)
		}
		synctest.Wait()
		w.reasonsAre(engine.TransportClose)
		w.pass(time.Minute)
		w.gone()
	})
}

func TestRace5AConnectionThatIsStillBeingMadeIsLeftAlone(t *testing.T) {
	inWorld(t, engine.Options{PingInterval: 100 * time.Millisecond, PingTimeout: 100 * time.Millisecond}, func(t *testing.T, w *world) {
		if status := w.connect("c", ""); status != 200 {
			t.Fatal(status)
		}
		w.gateway.drop("c") // the handshake is not through yet
		open, _ := w.queue.next(time.Now())
		w.pass(150 * time.Millisecond)
		w.gateway.accept("c")
		if err := w.e.Job(t.Context(), open.message); err != nil {
			t.Fatal(err)
		}
		if frames := w.gateway.received("c"); len(frames) != 1 || frames[0][0] != '0' {
			t.Fatalf("got %q, want an open packet alone", frames)
		} else {
			w.openOf(frames[0])
		}
		w.reasonsAre()
	})
}

func TestAPacketIsPostedWhenItIsSent(t *testing.T) {
	inWorld(t, engine.Options{}, func(t *testing.T, w *world) {
		w.websocket("c")
		w.handler.on = func(ctx context.Context, v *engine.Invocation, _ string) error {
			for _, m := range []string{"first", "second"} {
				if err := v.Send(ctx, w.parcel(m)); err != nil {
					return err
				}
				w.want(w.gateway.last("c"), "4"+m)
			}
			return nil
		}
		w.want(w.frame("c", "4x"), "")
	})
}

func TestAnswersDoNotOvertakePostsOfOthers(t *testing.T) {
	inWorld(t, engine.Options{}, func(t *testing.T, w *world) {
		w.websocket("c")
		w.gateway.post = func(context.Context, string, engine.Frame) error { wait(time.Second); return nil }
		go func() {
			if err := w.e.Deliver(context.Background(), connected("c"), w.parcel("other")); err != nil {
				t.Error(err)
			}
		}()
		synctest.Wait()
		w.want(w.frame("c", "4say mine"), "4mine")
		w.want(w.gateway.last("c"), "4other")
	})
}

func TestDeliverToOneselfKeepsTheOrder(t *testing.T) {
	inWorld(t, engine.Options{}, func(t *testing.T, w *world) {
		sid := w.websocket("c")
		w.handler.on = func(ctx context.Context, v *engine.Invocation, _ string) error {
			return errors.Join(v.Send(ctx, w.parcel("1")), w.e.Deliver(ctx, v.Address(), w.parcel("2")),
				w.e.Deliver(ctx, polling(sid), w.parcel("3"))) // at the address that it had before an upgrade
		}
		w.want(w.frame("c", "4x"), "43")
		if got := w.gateway.received("c"); !slices.Equal(got, []string{"41", "42"}) {
			t.Errorf("got %q", got)
		}
	})
}

func TestBinaryFrames(t *testing.T) {
	for _, binary := range []bool{false, true} {
		inWorld(t, engine.Options{BinaryFrames: binary}, func(t *testing.T, w *world) {
			w.websocket("c")
			p, err := w.e.Parcel(protocol.EnginePacket{Type: protocol.EngineMessage, Data: []byte("51-")},
				protocol.EnginePacket{Type: protocol.EngineMessage, Binary: true, Data: []byte("abc")})
			if err != nil {
				t.Fatal(err)
			}
			if err := w.e.Deliver(t.Context(), connected("c"), p); err != nil {
				t.Fatal(err)
			}
			want := []string{"451-", "bYWJj"}
			if binary {
				want[1] = "binary:abc"
			}
			if got := w.gateway.received("c"); !slices.Equal(got, want) {
				t.Errorf("got %q, want %q", got, want)
			}
		})
	}
}

func TestRace10AHandlerPanicsAndTheConnectionLivesOn(t *testing.T) {
	inWorld(t, engine.Options{}, func(t *testing.T, w *world) {
		w.websocket("c")
		sid := w.poll()
		w.handler.on = func(context.Context, *engine.Invocation, string) error { panic("oh no") }
		w.want(w.frame("c", "4x"), "")
		w.want(w.post(sid, "4x"), "200 ok")
		if !strings.Contains(w.logged(), "oh no") {
			t.Error("nothing was logged")
		}
		w.handler.on = nil
		w.want(w.frame("c", "4say hello"), "4hello")
		w.reasonsAre()
	})
}

func TestRace12ErrTooLargeBeforeAnythingIsSent(t *testing.T) {
	inWorld(t, engine.Options{MaxMessage: 100}, func(t *testing.T, w *world) {
		small := protocol.EnginePacket{Type: protocol.EngineMessage, Data: make([]byte, 99)}
		large := protocol.EnginePacket{Type: protocol.EngineMessage, Data: make([]byte, 100)}
		if _, err := w.e.Parcel(small, small); err != nil {
			t.Error(err)
		}
		if _, err := w.e.Parcel(small, large); !errors.Is(err, engine.ErrTooLarge) {
			t.Errorf("got %v", err)
		}
		if _, err := w.e.Parcel(protocol.EnginePacket{Type: protocol.EngineMessage, Binary: true, Data: make([]byte, 75)}); !errors.Is(err, engine.ErrTooLarge) {
			t.Errorf("base64 counts: got %v", err)
		}
	})
}

// A process that has given its response does not stay up for a connection that may never be made.
func TestAJobAtOnceWaitsAQuarterOfASecondForItsConnection(t *testing.T) {
	for _, left := range []bool{false, true} {
		inWorld(t, engine.Options{}, func(t *testing.T, w *world) {
			var job []byte
			var promptly func(context.Context) error
			w.queue.promptly = func(j []byte, do func(context.Context) error) {
				if job != nil || !strings.Contains(string(j), `"open"`) {
					t.Errorf("no client waits for %s", j)
				}
				job, promptly = j, do
			}
			w.e.Connect(t.Context(), "c", request("GET", "websocket", "", ""))
			if queued := w.queue.messages(); slices.ContainsFunc(queued, func(j string) bool { return j == string(job) }) {
				t.Errorf("it is in the queue too: %q", queued)
			}
			if left {
				w.leave("c", 1005)
			}
			begin := time.Now()
			if err := promptly(t.Context()); (err == nil) != left || errors.Is(err, engine.ErrNotAJob) {
				t.Errorf("left %t: %v", left, err)
			}
			if took := time.Since(begin); took > 300*time.Millisecond {
				t.Errorf("left %t: it took %v", left, took)
			}
			if left {
				return
			}
			w.gateway.accept("c")
			for range 2 { // by the queue, and then once more
				if err := w.e.Job(t.Context(), job); err != nil {
					t.Error(err)
				}
			}
			if err := promptly(t.Context()); err != nil {
				t.Error(err)
			}
			if frames := w.gateway.received("c"); len(frames) != 1 {
				t.Errorf("got %q, want an open packet", frames)
			} else {
				w.openOf(frames[0])
			}
		})
	}
}
