package socketio_test

import (
	"errors"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/dozeio/doze/pkg/socketio"
	"github.com/dozeio/doze/pkg/socketio/socketiotest"
)

// toOthers are the steps by which a test does all that can be done to somebody else's sockets.
func toOthers(io *socketio.Server) []func(c ctx) error {
	each := func(do func(c ctx, s sock) error) func(c ctx) error {
		return func(c ctx) error {
			sockets, err := io.FetchSockets(c)
			for _, s := range sockets {
				err = errors.Join(err, do(c, s))
			}
			return err
		}
	}
	return []func(c ctx) error{
		func(c ctx) error { return io.SocketsJoin(c, "x", "y") },
		each(func(c ctx, s sock) error { return s.Join(c, "z") }),
		each(func(c ctx, s sock) error { return s.Leave(c, "y") }),
		each(func(c ctx, s sock) error {
			_, err := s.Handshake(c)
			return errors.Join(err, s.Emit(c, "hello"), s.Volatile().Emit(c, "hello"))
		}),
		each(func(c ctx, s sock) error {
			return socketio.UpdateData(c, s, func(v *string) error { *v = "new"; return nil })
		}),
		func(c ctx) error { return io.SocketsLeave(c, "x") },
		func(c ctx) error { return io.DisconnectSockets(c, false) },
		func(c ctx) error { return io.Of("/other").DisconnectSockets(c, true) },
	}
}

func TestTemporaryErrorsOfTheStoreAreNotSeenByWhoDoesThingsToOthers(t *testing.T) {
	for _, op := range operations {
		for _, after := range []bool{false, true} {
			overBoth(t, func(t *testing.T, transport socketiotest.Option) {
				synctest.Test(t, func(t *testing.T) {
					io, log, did := farewell()
					b := &broken{}
					s := socketiotest.New(t, io, socketiotest.Options{Wrap: hook(b.hook)})
					elsewhere := s.Connect("/other", transport)
					client := elsewhere.Connect("/")
					for i, do := range toOthers(io) {
						b.fail(op, after, 3, errTemporary)
						if err := do(t.Context()); err != nil {
							t.Errorf("%s, step %d: %v", op, i, err)
						}
					}
					b.fail("", false, 0, nil)
					s.Settle()
					if got := did.String(); got != "leaving / [a b z] new server namespace disconnect, left / [] new server namespace disconnect, "+
						"leaving /other [a b] data server namespace disconnect, left /other [] data server namespace disconnect" {
						t.Errorf("%s: did %s", op, got)
					}
					if client.Disconnected() == "" || elsewhere.Disconnected() == "" {
						t.Errorf("%s: the client is %q and %q", op, client.Disconnected(), elsewhere.Disconnected())
					}
					log.nothing(t)
					noRows(t, s)
				})
			})
		}
	}
}

// What cannot be done is an error of whoever does it, and leaves nothing behind.
func TestLastingErrorsOfTheStoreAreToldToWhoDoesThingsToOthers(t *testing.T) {
	for _, op := range operations {
		for _, after := range []bool{false, true} {
			for at := range toOthers(nil) {
				overBoth(t, func(t *testing.T, transport socketiotest.Option) {
					synctest.Test(t, func(t *testing.T) {
						io, _, did := farewell()
						b := &broken{}
						s := socketiotest.New(lenient{t}, io, socketiotest.Options{Wrap: hook(b.hook)})
						elsewhere := s.Connect("/other", transport)
						client := elsewhere.Connect("/")
						var failed error
						for i, do := range toOthers(io) {
							if i == at {
								b.fail(op, after, -1, errLasting)
								failed = do(t.Context())
								b.fail("", false, 0, nil)
							} else {
								_ = do(t.Context())
							}
						}
						if failed != nil && !errors.Is(failed, errLasting) {
							t.Errorf("%s, step %d: %v", op, at, failed)
						}
						s.Settle()
						if client.Disconnected() == "" {
							t.Errorf("%s, step %d: the client stays, though what came after went well; %v", op, at, failed)
						}
						for range 40 { // sweeps
							<-time.After(25 * time.Second)
							s.Settle()
						}
						elsewhere.Close()
						noRows(t, s)
						if n := strings.Count(did.String(), "left / "); n != 1 {
							t.Errorf("%s, step %d: did %s", op, at, did)
						}
					})
				})
			}
		}
	}
}
