package admin

import (
	"context"
	"time"

	"github.com/dozeio/doze/internal/instrument"
)

// A client's answer waits for the pages no longer than tellFor, and handFor besides where that was not enough: what is
// left goes with a job, of maxLeft bytes of packets at most, in an invocation that nobody waits for.
const (
	tellFor = 100 * time.Millisecond
	handFor = 50 * time.Millisecond
	maxLeft = 256 << 10
)

// handOver has a job send what pages have not been sent for want of time.
func (a *admin) handOver(ctx context.Context, left []instrument.Unsent) {
	size, out := 0, 0
	for i, u := range left {
		for n, packets := range u.Events {
			for _, p := range packets {
				size += len(p)
			}
			if size > maxLeft {
				out += len(u.Events) - n
				left[i].Events = u.Events[:n]
				break
			}
		}
	}
	if out > 0 {
		a.server.Logger().WarnContext(ctx, "so much has happened that the admin page is not told of all", "left out", out)
	}
	if err := a.later(ctx, job{Left: left}, 0); err != nil {
		a.server.Logger().WarnContext(ctx, "the admin page could not be told what has happened", "error", err)
	}
}

// resume sends pages what an invocation had no time for.
func (a *admin) resume(ctx context.Context, unsent []instrument.Unsent) {
	left, err := a.server.EmitUnsent(ctx, a.o.Namespace, unsent)
	if err != nil {
		a.server.Logger().WarnContext(ctx, "the admin page could not be told what has happened", "error", err)
	}
	if events(left) > 0 && events(left) < events(unsent) { // else it would come again and again
		a.handOver(ctx, left)
	}
}

func events(unsent []instrument.Unsent) (n int) {
	for _, u := range unsent {
		n += len(u.Events)
	}
	return n
}
