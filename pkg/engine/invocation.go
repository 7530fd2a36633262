package engine

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"sync"
	"time"

	"github.com/dozeio/doze/pkg/protocol"
)

// Invocation is what one invocation sees of one session. It is made for a frame or a request and is of no use after
// it. Its methods may be called by several goroutines.
type Invocation struct {
	e       *Engine
	ctx     context.Context // of the invocation, for what is sent later than the call that wanted it sent
	sending chan struct{}   // has room for whoever sends: packets leave in the order of the calls
	gathers bool            // what is sent goes into the outbox in one write; guarded by sending
	outbox  [][]byte        // what is gathered; guarded by sending
	stop    func() bool     // of the timer that flushes what is gathered; guarded by sending

	mu      sync.Mutex // guards what follows
	session Session
	address Address
}

// invocation is for a session as it was read, by a frame of its connection or by a request of the polling transport.
func (e *Engine) invocation(ctx context.Context, s Session) *Invocation {
	return &Invocation{e: e, ctx: ctx, sending: make(chan struct{}, 1), gathers: s.polling(), session: s, address: s.Address}
}

type invocationKey struct{}

// seen returns the session as it was last read.
func (v *Invocation) seen() Session {
	v.mu.Lock()
	defer v.mu.Unlock()
	return v.session
}

// Address returns where the session's packets go at the moment.
func (v *Invocation) Address() Address {
	v.mu.Lock()
	defer v.mu.Unlock()
	return v.address
}

// SID returns the session's secret id.
func (v *Invocation) SID() string {
	v.mu.Lock()
	defer v.mu.Unlock()
	return v.session.SID
}

// Expires returns when the session's rows go by themselves, once it has an entry.
func (v *Invocation) Expires() time.Time {
	v.mu.Lock()
	defer v.mu.Unlock()
	return v.e.expiry(v.session.Created)
}

// Polling reports whether the session was on the polling transport when it was read.
func (v *Invocation) Polling() bool {
	v.mu.Lock()
	defer v.mu.Unlock()
	return v.session.polling()
}

// Entries returns the handler's entries as they were last read. Nobody may change them.
func (v *Invocation) Entries() map[string][]byte {
	v.mu.Lock()
	defer v.mu.Unlock()
	return v.session.Entries
}

// Pending returns the messages of an unfinished binary packet as they were last read.
func (v *Invocation) Pending() [][]byte {
	v.mu.Lock()
	defer v.mu.Unlock()
	return v.session.Pending
}

// Handshake reads what the client sent when the session began: the zero Handshake once the
// session is closed.
func (v *Invocation) Handshake(ctx context.Context) (h Handshake, err error) {
	b, err := v.e.store.Handshake(ctx, v.seen())
	if err == nil && b == nil && v.seen().State == Moved { // its connection has the key
		if err = v.follow(ctx); err == nil {
			b, err = v.e.store.Handshake(ctx, v.seen())
		}
	}
	if errors.Is(err, ErrGone) {
		err = nil
	}
	if err != nil || b == nil {
		return h, err
	}
	err = json.Unmarshal(b, &h)
	return h, err
}

// SetEntry replaces the entry of a key if it still is old, nil standing for none. When it reports false, Entries
// shows what there is now; a session that has been closed gives ErrGone, and one whose entries would be over MaxEntries
// an error that says so. A value that has been there before must not
// come again: an old write would pass for a new one.
func (v *Invocation) SetEntry(ctx context.Context, key string, old, new []byte) (bool, error) {
	seen := v.seen()
	first := old == nil && len(seen.Entries) == 0
	set := SetEntry{Key: key, Old: old, New: new, Ops: append([]string{v.e.newOp()}, seen.Changes[key]...)}
	if first {
		set.Expires = v.e.expiry(seen.Created)
	}
	for {
		s, ok, err := v.e.store.Update(ctx, v.Address(), set)
		if err != nil {
			return false, err
		}
		v.see(s)
		switch {
		case ok && first && !s.polling(): // of a session that polls, a sweep reads the row anyway
			if err := v.e.store.Touch(ctx, s.Address, time.Time{}, true); err != nil { // a sweep will see it in the session
				v.e.opt.Logger.WarnContext(ctx, "a first entry could not be noted for the sweep", "session", s.Address, "error", err)
			}
			return true, nil
		case !ok && bytes.Equal(s.Entries[key], old) && set.full(&s):
			return false, errEntries
		case ok || s.State == Open || s.State == Probing && s.polling():
			return ok, nil
		}
		if err := v.follow(ctx); err != nil {
			return false, err
		}
	}
}

// Keep stores the messages of an unfinished binary packet until its attachments come, in another invocation. ErrGone:
// the session is closed. ErrRefused: another invocation has stored some, so the messages do not come in order.
func (v *Invocation) Keep(ctx context.Context, pending [][]byte) error {
	keep := Keep{Op: v.e.newOp(), Before: v.seen().Kept, Pending: pending}
	if !keep.Fits(v.Address()) {
		return fmt.Errorf("%w: the parts of a binary packet that came in several requests are over %d KiB", ErrRefused, MaxPending>>10)
	}
	for {
		s, ok, err := v.e.store.Update(ctx, v.Address(), keep)
		switch {
		case err != nil:
			return err
		case ok:
			v.see(s)
			return nil
		case s.live():
			return fmt.Errorf("%w: two requests with parts of a binary packet at once", ErrRefused)
		}
		v.see(s)
		if err := v.follow(ctx); err != nil {
			return err
		}
	}
}

// Refresh reads the session again, strongly consistent, and follows it to its connection if it was upgraded. A
// session that has been closed gives ErrGone.
func (v *Invocation) Refresh(ctx context.Context) error {
	s, err := v.e.store.Get(ctx, v.Address(), true)
	if err != nil {
		return err
	}
	v.see(s)
	if s.live() && s.State != Draining {
		return nil
	}
	return v.follow(ctx)
}

// Await reads the session again until cond holds for it, for awaitFor at most, and reports whether it does. It is for
// what another invocation of the same connection is about to write, where the gateway does not keep frames in order.
func (v *Invocation) Await(ctx context.Context, cond func(entries map[string][]byte) bool) bool {
	end := v.e.now().Add(awaitFor)
	for wait := 10 * time.Millisecond; ; wait *= 2 {
		if cond(v.Entries()) {
			return true
		}
		if !v.e.now().Before(end) || v.e.sleep(ctx, wait) != nil || v.Refresh(ctx) != nil {
			return false
		}
	}
}

// awaitFor is how far a frame may overtake another of its connection.
const awaitFor = 500 * time.Millisecond

// see takes over a row that was read.
func (v *Invocation) see(s Session) {
	v.mu.Lock()
	defer v.mu.Unlock()
	if s.State != Absent && s.SID == v.session.SID {
		v.session = s
	}
}

// follow waits for an upgrade in progress and goes on with the connection. ErrGone: there is nothing to follow.
func (v *Invocation) follow(ctx context.Context) error {
	s, err := v.e.settled(ctx, v.seen(), "")
	if err != nil {
		return err
	}
	v.mu.Lock()
	v.session, v.address = s, s.Address
	v.mu.Unlock()
	return nil
}

// Send delivers to the session itself, in the order of the calls. It blocks until the packets are posted; those of a
// request of the polling transport are gathered, and go into the outbox together, which costs one write, when the
// invocation ends, or after gatherFor. An error may then be that of packets before, and a client that cannot be sent
// what was gathered is disconnected, so that it knows.
func (v *Invocation) Send(ctx context.Context, p Parcel) error {
	select {
	case v.sending <- struct{}{}:
		defer v.sent()
	case <-ctx.Done():
		return ctx.Err()
	}
	if v.gathers && p.Size()+(Parcel{Packets: v.outbox}).Size() <= maxGathered {
		if v.outbox = append(v.outbox, p.Packets...); len(v.outbox) == len(p.Packets) {
			v.stop = v.e.opt.Clock.AfterFunc(gatherFor, func() {
				v.sending <- struct{}{}
				defer v.sent()
				v.logged(v.append())
			})
		}
		return nil
	}
	if err := v.append(); err != nil {
		v.logged(err)
		return err
	}
	return v.e.deliver(ctx, v.Address(), p)
}

// SendNow is Send that gathers nothing: what is gathered goes first. ErrBusy and ErrOutboxFull: the packets were not
// sent, and the session stays.
func (v *Invocation) SendNow(ctx context.Context, p Parcel) error {
	select {
	case v.sending <- struct{}{}:
		defer v.sent()
	case <-ctx.Done():
		return ctx.Err()
	}
	if err := v.append(); err != nil {
		v.logged(err)
		return err
	}
	return v.e.deliver(ctx, v.Address(), p)
}

// What a request's invocation gathers: so many bytes, for so long.
const (
	maxGathered = 32 << 10
	gatherFor   = 150 * time.Millisecond
)

func (v *Invocation) sent() { <-v.sending }

// append puts what is gathered into the outbox. The caller is the one who sends.
func (v *Invocation) append() error {
	if v.outbox == nil {
		return nil
	}
	packets := v.outbox
	v.outbox = nil
	v.stop()
	return v.e.deliver(v.ctx, v.Address(), Parcel{Packets: packets})
}

func (v *Invocation) logged(err error) {
	if err == nil || errors.Is(err, ErrGone) {
		return
	}
	level := slog.LevelError
	if errors.Is(err, ErrOutboxFull) { // its client fetches nothing
		level = slog.LevelWarn
	}
	v.e.opt.Logger.Log(v.ctx, level, "a packet could not be sent, so its session is closed", "session", v.Address(), "error", err)
	v.e.Drop(v.ctx, v.Address())
}

// flush sends what is gathered, and gathers nothing more.
func (v *Invocation) flush() {
	v.sending <- struct{}{}
	defer v.sent()
	v.gathers = false
	v.logged(v.append())
}

// owns reports whether packets for an address go to this session.
func (v *Invocation) owns(a Address) bool {
	return a == v.Address() || a == pollingAddress(v.SID())
}

// Parcel encodes packets for Deliver and Send, once for any number of recipients. ErrTooLarge: nothing may be sent.
func (e *Engine) Parcel(packets ...protocol.EnginePacket) (Parcel, error) {
	p := Parcel{Packets: make([][]byte, len(packets))}
	for i, packet := range packets {
		p.Packets[i] = packet.Append(make([]byte, 0, 1+len(packet.Data)))
		if len(p.Packets[i]) > e.opt.MaxMessage {
			return Parcel{}, TooLarge(len(p.Packets[i]), e.opt.MaxMessage)
		}
	}
	return p, nil
}

// TooLarge is ErrTooLarge with how many bytes a packet has, binary in base64, and how many are allowed.
func TooLarge(bytes, limit int) error {
	return fmt.Errorf("%w (%d bytes, with binary in base64, where %d are allowed)", ErrTooLarge, bytes, limit)
}
