package socketio

import (
	"context"
	"errors"
	"fmt"
	"sync"

	"github.com/dozeio/doze/internal/instrument"
	"github.com/dozeio/doze/pkg/engine"
	"github.com/dozeio/doze/pkg/rooms"
)

// maxTogether is how many bytes of events are sent as one parcel, which goes into an outbox as a whole.
const maxTogether = 32 << 10

func (i instrumented) EmitAll(ctx context.Context, namespace string, events []instrument.Event) error {
	_, err := i.emit(ctx, namespace, events, false)
	return err
}

func (i instrumented) EmitSoon(ctx context.Context, namespace string, events []instrument.Event) ([]instrument.Unsent, error) {
	return i.emit(ctx, namespace, events, true)
}

// emit sends events to all of a namespace. Soon says that the sender has no time.
func (i instrumented) emit(ctx context.Context, namespace string, events []instrument.Event, soon bool) (unsent []instrument.Unsent, err error) {
	n := i.s.namespace(ctx, namespace)
	if n == nil {
		return nil, fmt.Errorf("socketio: there is no namespace %q", namespace)
	}
	var parcels []engine.Parcel
	tooLarge := 0
	for _, event := range events {
		p, err := eventParcel(i.s.engine, n.name, event.Name, event.Args)
		if errors.Is(err, ErrTooLarge) {
			tooLarge++
			continue
		} else if err != nil {
			return nil, err
		}
		parcels = append(parcels, p)
	}
	if tooLarge > 0 {
		i.s.opt.Logger.WarnContext(ctx, "those who look on are not told of what is too large for a packet", "namespace", n.name, "left out", tooLarge)
	}
	if len(parcels) == 0 {
		return nil, nil
	}
	var (
		mu    sync.Mutex // guards unsent and begun
		begun bool
	)
	_, err = i.s.adapter.Broadcast(ctx, Broadcast{namespace: n}.target(ctx), func(ctx context.Context, m rooms.Member) error {
		rest, err := i.emitTo(ctx, m, parcels, soon)
		mu.Lock()
		defer mu.Unlock()
		begun = true
		if len(rest) > 0 {
			unsent = append(unsent, instrument.Unsent{Socket: m.Socket, Events: packetsOf(rest)})
		}
		return err
	})
	if soon && ctx.Err() != nil && !begun { // who is there could not be read in time
		return []instrument.Unsent{{Events: packetsOf(parcels)}}, nil
	}
	return unsent, err
}

// emitTo sends one recipient parcels, and returns those that it has not come to when ctx ends. Those for a client that
// polls go into its outbox together. A connection gets each by itself: of several together it may get some, and would
// then be closed.
func (i instrumented) emitTo(ctx context.Context, m rooms.Member, parcels []engine.Parcel, soon bool) (rest []engine.Parcel, err error) {
	address := engine.Address(m.Address)
	_, connected := address.Connection()
	deliver := i.s.engine.Deliver
	if connected && soon {
		deliver = i.s.engine.DeliverVolatile
	}
	for len(parcels) > 0 {
		if ctx.Err() != nil {
			return parcels, nil
		}
		next, n := parcels[0], 1
		for ; !connected && n < len(parcels) && next.Size()+parcels[n].Size() <= maxTogether; n++ {
			next.Packets = append(next.Packets[:len(next.Packets):len(next.Packets)], parcels[n].Packets...)
		}
		err := deliver(ctx, address, next)
		switch {
		case errors.Is(err, ErrGone):
			return nil, nil
		case soon && errors.Is(err, ErrBusy): // it was not sent, and who has time waits for the client
			return parcels, nil
		case soon && err != nil && ctx.Err() != nil: // nobody knows whether it was
			return parcels[n:], nil
		case soon && err != nil && !errors.Is(err, ErrOutboxFull):
			return parcels[n:], err
		case err != nil:
			return nil, err
		}
		parcels = parcels[n:]
	}
	return nil, nil
}

func (i instrumented) EmitUnsent(ctx context.Context, namespace string, unsent []instrument.Unsent) (rest []instrument.Unsent, err error) {
	n := i.s.namespace(ctx, namespace)
	if n == nil {
		return nil, fmt.Errorf("socketio: there is no namespace %q", namespace)
	}
	var (
		mu   sync.Mutex // guards rest
		errs []error
	)
	for at, u := range unsent {
		if ctx.Err() != nil {
			return append(rest, unsent[at:]...), errors.Join(errs...)
		}
		var parcels []engine.Parcel
		for _, packets := range u.Events {
			parcels = append(parcels, engine.Parcel{Packets: packets})
		}
		_, err := i.s.adapter.Broadcast(ctx, rooms.Target{Namespace: n.name, Rooms: []string{u.Socket}}, func(ctx context.Context, m rooms.Member) error {
			if u.Socket != "" && m.Socket != u.Socket { // somebody else is in its room
				return nil
			}
			left, err := i.emitTo(ctx, m, parcels, false)
			if len(left) > 0 {
				mu.Lock()
				defer mu.Unlock()
				rest = append(rest, instrument.Unsent{Socket: m.Socket, Events: packetsOf(left)})
			}
			return err
		})
		errs = append(errs, err)
	}
	return rest, errors.Join(errs...)
}

func packetsOf(parcels []engine.Parcel) (all [][][]byte) {
	for _, p := range parcels {
		all = append(all, p.Packets)
	}
	return all
}
