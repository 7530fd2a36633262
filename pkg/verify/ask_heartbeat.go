package verify

import (
	"context"
	"errors"
	"time"
)

// sweeps is how many pings are waited for: more than the 16 hops after which Lambda ends a chain of SQS and Lambda.
const sweeps = 20

var heartbeat = Question{
	ID: "heartbeat", Title: "twenty pings come at the announced interval, and the client stays connected", Must: true, Namespace: true, Long: true, Alongside: true,
	Expected: "20 pings, each in time",
	Why:      "Lambda ends a chain of SQS and Lambda after about 16 invocations unless the function allows it (lambda/latest/dg/invocation-recursion).",
	ask:      askHeartbeat,
}

func askHeartbeat(ctx context.Context, d *deployment) (Finding, error) {
	s, err := d.join(ctx)
	if err != nil {
		return Finding{}, err
	}
	defer s.close()
	interval, most := ms(s.PingInterval), ms(s.PingInterval+s.PingTimeout)
	var between times
	for last := s.began.Add(s.open); len(between) < sweeps; {
		within, cancel := context.WithDeadline(ctx, last.Add(most))
		at, err := s.ping(within, len(between))
		cancel()
		switch {
		case ctx.Err() != nil:
			return Finding{Verdict: Unknown, Seen: "the time was over before the last ping"}, nil
		case err != nil:
			return differs("after %d pings: %v", len(between), err).with(between.figures("interval_")), nil
		}
		between = append(between, at.Sub(last))
		last = at
	}
	f := found(true, "%d pings of %v: %v", sweeps, interval, between).with(between.figures("interval_"))
	f.Figures["announced_ms"] = float64(interval / time.Millisecond)
	return f, nil
}

// ping waits for the ping of a number, from 0.
func (c *conn) ping(ctx context.Context, number int) (time.Time, error) {
	for {
		c.mu.Lock()
		pings, news, err := c.pings, c.news, c.err
		c.mu.Unlock()
		if len(pings) > number {
			return pings[number], nil
		}
		if err != nil {
			return time.Time{}, ending(err)
		}
		select {
		case <-news:
		case <-ctx.Done():
			return time.Time{}, errors.New("no ping came within interval and timeout")
		}
	}
}
