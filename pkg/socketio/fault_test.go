package socketio_test

import (
	"errors"
	"fmt"
	"runtime"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/dozeio/doze/pkg/socketio"
	"github.com/dozeio/doze/pkg/socketio/socketiotest"
)

// broken is a store one of whose operations fails while it is told to.
type broken struct {
	mu    sync.Mutex
	op    string
	after bool // it happens, but its response is lost
	times int
	err   error
}

func (b *broken) hook(op string, after bool) error {
	b.mu.Lock()
	defer b.mu.Unlock()
	if op != b.op || after != b.after || b.times == 0 {
		return nil
	}
	b.times--
	return b.err
}

// fail makes an operation fail a number of times from now on, forever when it is negative.
func (b *broken) fail(op string, after bool, times int, err error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.op, b.after, b.times, b.err = op, after, times, err
}

// operations are those of the stores that what is done here comes down to.
var operations = []string{
	"Get", "SetEntry", "Append", "Keep", "Close", "Touch", "Handshake", "Forget",
	"Join", "Leave", "Rooms", "Members", "Counts", "Move", "Drain", "Settle", "PutLive", "Probe",
}

// everything returns an application whose handlers use all of a socket, and what it has handled.
func everything() (*socketio.Server, *logbook, *diary) {
	io, log, did := farewell()
	n := io.Of("/")
	n.On("join", func(c ctx, s sock, room string) error { return s.Join(c, room) })
	n.On("leave", func(c ctx, s sock, room string) error { return s.Leave(c, room) })
	n.On("rooms", func(c ctx, s sock) error {
		_, own := s.Rooms(c)
		_, all := io.Of("/").Rooms(c)
		_, h := s.Handshake(c)
		return errors.Join(own, all, h)
	})
	n.On("data", func(c ctx, s sock) error {
		return socketio.UpdateData(c, s, func(v *string) error { *v = "new"; return nil })
	})
	n.On("all", func(c ctx, s sock) error { return errors.Join(s.Emit(c, "x"), io.To("a").Emit(c, "x")) })
	n.On("binary", func(ctx, sock, []byte) error { return nil })
	return io, log, did
}

var script = []string{"join", "data", "all", "rooms", "binary", "leave"}

// perform sends the events of the script and returns those that were not acked while the client stayed connected.
func perform(client *socketiotest.Client) (silent []string) {
	for _, event := range script {
		arg := any("room")
		if event == "binary" {
			if client.Disconnected() == "" {
				client.Raw(text(`51-99["binary",{"_placeholder":true,"num":0}]`))
				client.Raw(binary(1))
			}
			continue
		}
		if _, ok := client.TryEmit(event, arg); !ok && client.Disconnected() == "" {
			silent = append(silent, event)
		}
	}
	return silent
}

func TestTemporaryErrorsOfTheStoreAreNotSeen(t *testing.T) {
	for _, op := range operations {
		for _, after := range []bool{false, true} {
			overBoth(t, func(t *testing.T, transport socketiotest.Option) {
				synctest.Test(t, func(t *testing.T) {
					io, log, did := everything()
					b := &broken{}
					o := ordered
					o.Wrap = hook(b.hook)
					s := socketiotest.New(t, io, o)
					b.fail(op, after, 3, errTemporary)
					client := s.Connect("/", transport)
					b.fail(op, after, 3, errTemporary)
					if silent := perform(client); len(silent) > 0 || client.Disconnected() != "" {
						t.Errorf("%s: %v were not acked, the client is %q", op, silent, client.Disconnected())
					}
					if strings.HasSuffix(t.Name(), "polling") {
						b.fail(op, after, 3, errTemporary)
						client.Upgrade()
					}
					b.fail(op, after, 3, errTemporary)
					client.Disconnect()
					if want := "leaving / [a b] new client namespace disconnect, left / [] new client namespace disconnect"; did.String() != want {
						t.Errorf("%s: did %s", op, did)
					}
					b.fail(op, after, 3, errTemporary)
					client.Close()
					log.nothing(t)
					noRows(t, s)
				})
			})
		}
	}
}

// lenient is a test that what clients cannot do does not make fail: it only ends the goroutine that tried it.
type lenient struct{ testing.TB }

func (lenient) Fatalf(string, ...any) { runtime.Goexit() }

// attempt calls a function that may end its goroutine.
func attempt(f func()) {
	var wg sync.WaitGroup
	wg.Go(f)
	wg.Wait()
}

func TestAfterLastingErrorsOfTheStoreTheClientSeesAnAckOrACloseOrTheLogAnError(t *testing.T) {
	for _, op := range operations {
		for _, after := range []bool{false, true} {
			for _, at := range []string{"connect", "script", "upgrade", "disconnect"} {
				overBoth(t, func(t *testing.T, transport socketiotest.Option) {
					synctest.Test(t, func(t *testing.T) {
						io, log, did := everything()
						b := &broken{}
						o := ordered
						o.Wrap = hook(b.hook)
						s := socketiotest.New(lenient{t}, io, o)
						first := s.Connect("/other", transport)
						fail := func(now string) {
							if b.fail("", false, 0, nil); now == at {
								b.fail(op, after, -1, errLasting)
							}
						}
						fail("connect")
						var client *socketiotest.Client
						attempt(func() { client = first.Connect("/") })
						fail("script")
						if client != nil {
							silent := perform(client)
							for _, event := range silent {
								if !strings.Contains(fmt.Sprint(log.lines(t, "a handler failed")), "event:"+event) {
									t.Errorf("%s at %s: %q was lost without a word", op, at, event)
								}
							}
						} else if first.Disconnected() == "" {
							t.Errorf("%s at %s: the CONNECT was lost without a word", op, at)
						}
						fail("upgrade")
						if client != nil && client.Disconnected() == "" && strings.HasSuffix(t.Name(), "polling") {
							attempt(client.Upgrade)
						}
						fail("disconnect")
						if client != nil {
							client.Disconnect()
						}
						first.Close()
						fail("")
						for range 40 { // sweeps mend what was not cleaned up
							<-time.After(25 * time.Second)
							s.Settle()
						}
						noRows(t, s)
						if client != nil && strings.Count(did.String(), "left / ") == 0 {
							t.Errorf("%s at %s: did %s", op, at, did)
						}
					})
				})
			}
		}
	}
}
