package socketio

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"time"

	"github.com/dozeio/doze/internal/instrument"
	"github.com/dozeio/doze/pkg/engine"
	"github.com/dozeio/doze/pkg/rooms"
)

// maxTogether is how many bytes of events are sent as one parcel, which goes into an outbox as a whole.
const maxTogether = 32 << 10

func (i instrumented) Emit(ctx context.Context, namespace string, events []instrument.Event) (leftOut int, err error) {
	n := i.s.namespace(ctx, namespace)
	if n == nil {
		return len(events), fmt.Errorf("socketio: there is no namespace %q", namespace)
	}
	var parcels []engine.Parcel
	tooLarge := 0
	for _, event := range events {
		p, err := eventParcel(i.s.engine, n.name, event.Name, event.Args)
		if errors.Is(err, ErrTooLarge) {
			tooLarge++
			continue
		} else if err != nil {
			return len(events), err
		}
		parcels = append(parcels, p)
	}
	if tooLarge > 0 {
		i.s.opt.Logger.WarnContext(ctx, "those who look on are not told of what is too large for a packet", "namespace", n.name, "left out", tooLarge)
	}
	if len(parcels) == 0 {
		return 0, nil
	}
	var mu sync.Mutex // guards leftOut
	rest, err := i.s.adapter.Broadcast(ctx, Broadcast{namespace: n}.target(ctx), func(ctx context.Context, m rooms.Member) error {
		out, err := i.emitTo(ctx, engine.Address(m.Address), parcels)
		mu.Lock()
		defer mu.Unlock()
		leftOut += out
		return err
	})
	if len(rest.Parts) > 0 {
		leftOut += len(parcels) * max(1, rest.Known)
	}
	return leftOut, err
}

// busyPause is how long a client is left alone that takes nothing at the moment.
const busyPause = 20 * time.Millisecond

// emitTo sends one recipient parcels, and returns how many it has left out. Those for a client that polls go into its
// outbox together. A connection gets each by itself, so that a post which ctx ends is no half of anything, and the
// client need not be disconnected.
func (i instrumented) emitTo(ctx context.Context, to engine.Address, parcels []engine.Parcel) (leftOut int, failed error) {
	for len(parcels) > 0 {
		if ctx.Err() != nil {
			return leftOut + len(parcels), failed
		}
		n, err := 1, error(nil)
		if _, connected := to.Connection(); connected {
			err = i.s.engine.DeliverVolatile(ctx, to, parcels[0])
		} else {
			together := parcels[0]
			for ; n < len(parcels) && together.Size()+parcels[n].Size() <= maxTogether; n++ {
				together.Packets = append(together.Packets[:len(together.Packets):len(together.Packets)], parcels[n].Packets...)
			}
			var moved engine.Address
			if moved, err = i.s.engine.DeliverPolling(ctx, to, together); moved != "" {
				to = moved
				continue
			}
		}
		switch {
		case errors.Is(err, ErrGone):
			return leftOut, failed
		case errors.Is(err, ErrOutboxFull):
			return leftOut + len(parcels), err
		case errors.Is(err, ErrBusy):
			if i.s.sleep(ctx, busyPause) == nil {
				continue
			}
			return leftOut + len(parcels), err
		case err != nil:
			leftOut, failed = leftOut+n, err
		}
		parcels = parcels[n:]
	}
	return leftOut, failed
}
