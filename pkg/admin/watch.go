package admin

import (
	"cmp"
	"context"
	"errors"
	"time"

	"github.com/dozeio/doze/internal/instrument"
	"github.com/dozeio/doze/pkg/socketio"
)

// Of what has happened when an invocation ends, so much is told: each is a post to each page. Who came and went is more
// important than what was said.
const (
	maxTold   = 1000
	maxEvents = 200
)

// What an invocation does on account of pages takes no longer than tellFor, and not longer than holdFor where a client
// waits: for its ack, which comes after what Looks reads, or for the answer of a request, which comes after what is told
// as well. What there is no time for is left out.
const (
	tellFor = 2 * time.Second
	holdFor = 200 * time.Millisecond
)

// Looks implements instrument.Watcher.
func (a *admin) Looks(ctx context.Context) bool {
	if a.o.Mode != Development {
		return false
	}
	a.mu.Lock()
	held := a.held
	a.mu.Unlock()
	began := a.server.Now()
	soon, cancel := a.server.Within(ctx, holdFor-held)
	defer cancel()
	defer func() {
		a.mu.Lock()
		defer a.mu.Unlock()
		a.held += a.server.Now().Sub(began)
	}()
	return a.looks(soon)
}

// Happened implements instrument.Watcher: it is told to the pages when the invocation ends.
func (a *admin) Happened(_ context.Context, h instrument.Happening) {
	isEvent := h.Kind == instrument.Received || h.Kind == instrument.Sent
	if a.o.Mode != Development || isEvent && h.Namespace == a.o.Namespace {
		return
	}
	a.mu.Lock()
	defer a.mu.Unlock()
	switch looked, ok := a.known(); {
	case ok && !looked:
	case len(a.queue) >= maxTold, len(a.queue) >= maxEvents && isEvent:
		a.dropped++
	default:
		a.queue = append(a.queue, h)
	}
}

// Done implements instrument.Watcher.
func (a *admin) Done(ctx context.Context, awaited bool) {
	a.mu.Lock()
	most := tellFor
	if awaited {
		most = holdFor
	}
	most, a.held = most-a.held, 0
	nothing := len(a.queue) == 0 && len(a.counts) == 0
	a.mu.Unlock()
	if nothing || ctx.Err() != nil {
		return
	}
	soon, cancel := a.server.Within(ctx, most)
	defer cancel()
	if !a.looks(soon) {
		a.forget()
		return
	}
	a.writeCounts(soon)
	a.tell(soon)
	a.armLost(ctx)
}

// forget drops what has happened while nobody looked.
func (a *admin) forget() {
	a.mu.Lock()
	defer a.mu.Unlock()
	a.queue, a.dropped = nil, 0
	clear(a.counts)
}

// tell sends the pages what has happened in this process. One does it at a time, so that it comes in order. Where
// another does it for all of the time, the next who tells has it all.
func (a *admin) tell(ctx context.Context) {
	select {
	case a.emitting <- struct{}{}:
	default:
		select {
		case a.emitting <- struct{}{}:
		case <-ctx.Done():
			return
		}
	}
	defer func() { <-a.emitting }()
	a.mu.Lock()
	queue, dropped := a.queue, a.dropped
	a.queue, a.dropped = nil, 0
	a.mu.Unlock()
	var all []instrument.Event
	for _, h := range queue {
		e, err := eventOf(ctx, h)
		switch {
		case errors.Is(err, socketio.ErrGone): // it has left since
		case err != nil && ctx.Err() != nil: // it could not be read in time
			dropped++
		case err != nil:
			a.server.Logger().WarnContext(ctx, "the admin page could not be told of a socket", "namespace", h.Namespace, "socket", h.Socket, "error", err)
		default:
			all = append(all, e)
		}
	}
	a.toPages(ctx, all, dropped)
}

var errTooMuch = errors.New("too much has happened in one invocation")

// toPages sends the pages events, and logs how many they are not told of, with what has been left out before.
func (a *admin) toPages(ctx context.Context, events []instrument.Event, dropped int) {
	out, err := 0, error(nil)
	if len(events) > 0 {
		out, err = a.server.Emit(ctx, a.o.Namespace, events)
	}
	if out+dropped == 0 && err == nil {
		return
	}
	a.server.Logger().WarnContext(ctx, "the admin page is not told of all that happens", "left out", out+dropped, "error", cmp.Or(why(ctx, err), errTooMuch))
}

// why says what an error is of that may be the end of a context's time.
func why(ctx context.Context, err error) error { return cmp.Or(context.Cause(ctx), err) }

// eventOf returns what a page is told of a happening, in Node's words.
func eventOf(ctx context.Context, h instrument.Happening) (instrument.Event, error) {
	at := date(h.At)
	switch h.Kind {
	case instrument.Connected:
		s, err := h.Describe(ctx)
		return instrument.Event{Name: "socket_connected", Args: []any{serialize(s), at}}, err
	case instrument.Disconnected:
		return instrument.Event{Name: "socket_disconnected", Args: []any{h.Namespace, h.Socket, h.Reason, at}}, nil
	case instrument.Updated:
		return instrument.Event{Name: "socket_updated", Args: []any{map[string]any{"id": h.Socket, "nsp": h.Namespace, "data": dataOf(h.Data)}}}, nil
	case instrument.Upgraded:
		return instrument.Event{Name: "socket_updated", Args: []any{map[string]any{"id": h.Socket, "nsp": h.Namespace, "transport": h.Transport}}}, nil
	case instrument.Joined:
		return instrument.Event{Name: "room_joined", Args: []any{h.Namespace, h.Room, h.Socket, at}}, nil
	case instrument.Left:
		return instrument.Event{Name: "room_left", Args: []any{h.Namespace, h.Room, h.Socket, at}}, nil
	}
	args, err := h.Event()
	name := "event_received"
	if h.Kind == instrument.Sent {
		name = "event_sent"
	}
	return instrument.Event{Name: name, Args: []any{h.Namespace, h.Socket, args, at}}, err
}
