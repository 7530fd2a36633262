package verify

import (
	"context"
	"crypto/rand"
	"fmt"
	"time"

	"github.com/dozeio/doze/pkg/verify/counterpart"
)

// latencies asks how long things take. Nothing is expected: what is seen is to be kept.
func latencies() []Question {
	const expected, why = "p50 and p99, to keep", "Nobody has measured Doze on AWS."
	return []Question{
		{ID: "latency.handshake", Title: "handshake over polling", Expected: expected, Why: why, ask: askHandshakes},
		{ID: "latency.connect", Title: "WebSocket: handshake, open packet, CONNECT", Expected: expected, Why: why, Namespace: true, ask: askConnects},
		{ID: "latency.ack", Title: "event to ack over WebSocket", Expected: expected, Why: why, Namespace: true, ask: askAcks},
		{ID: "latency.ack-polling", Title: "event to ack over polling", Expected: expected, Why: why, Namespace: true, ask: askPollingAcks},
		{ID: "latency.broadcast", Title: "broadcast to the last of all", Expected: expected, Why: why, Namespace: true, ask: askBroadcasts},
	}
}

func askHandshakes(ctx context.Context, d *deployment) (Finding, error) {
	var all times
	for range d.o.Rounds {
		s, err := d.open(ctx)
		if err != nil {
			return Finding{}, err
		}
		all = append(all, s.took)
		s.close(ctx)
	}
	return found(true, "%v", all).with(all.figures("")), nil
}

func askConnects(ctx context.Context, d *deployment) (Finding, error) {
	var handshake, open, joined times
	for range d.o.Rounds {
		s, err := d.join(ctx)
		if err != nil {
			return Finding{}, err
		}
		handshake, open, joined = append(handshake, s.shook), append(open, s.open), append(joined, time.Since(s.began))
		s.close()
	}
	figures := handshake.figures("handshake_")
	for _, more := range []map[string]float64{open.figures("open_"), joined.figures("joined_")} {
		for name, value := range more {
			figures[name] = value
		}
	}
	return found(true, "101: %v; open packet: %v; namespace: %v", handshake, open, joined).with(figures), nil
}

func askAcks(ctx context.Context, d *deployment) (Finding, error) {
	s, err := d.join(ctx)
	if err != nil {
		return Finding{}, err
	}
	defer s.close()
	var all times
	for i := range d.o.Rounds {
		began := time.Now()
		var ack counterpart.Numbered
		if err := s.call(ctx, &ack, "number", i); err != nil {
			return Finding{}, err
		}
		all = append(all, time.Since(began))
	}
	return found(true, "%v", all).with(all.figures("")), nil
}

func askPollingAcks(ctx context.Context, d *deployment) (Finding, error) {
	s, err := d.open(ctx)
	if err != nil {
		return Finding{}, err
	}
	defer s.close(ctx)
	if err := s.join(ctx); err != nil {
		return Finding{}, err
	}
	var all times
	for i := range d.o.Rounds {
		began := time.Now()
		if err := s.post(ctx, packet(int64(i), "number", i)); err != nil {
			return Finding{}, err
		}
		if _, err := s.await(ctx, fmt.Sprintf("%s%d[", ackPrefix, i)); err != nil {
			return Finding{}, err
		}
		all = append(all, time.Since(began))
	}
	return found(true, "%v", all).with(all.figures("")), nil
}

func askBroadcasts(ctx context.Context, d *deployment) (Finding, error) {
	sender, err := d.join(ctx)
	if err != nil {
		return Finding{}, err
	}
	defer sender.close()
	var members []*socket
	defer func() { closeAll(members) }()
	room := rand.Text()
	for range d.o.Clients {
		s, err := d.join(ctx)
		if err != nil {
			return Finding{}, err
		}
		members = append(members, s)
		if err := s.call(ctx, &room, "join", room); err != nil {
			return Finding{}, err
		}
	}
	var all times
	for range d.o.Rounds {
		text := rand.Text()
		began := time.Now()
		if err := sender.call(ctx, &text, "tell", room, text); err != nil {
			return Finding{}, err
		}
		last := began
		for _, s := range members {
			f, err := s.event(ctx, "told", &text)
			if err != nil {
				return Finding{}, err
			}
			if f.at.After(last) {
				last = f.at
			}
		}
		all = append(all, last.Sub(began))
	}
	f := found(true, "to %d: %v", len(members), all).with(all.figures(""))
	f.Figures["members"] = float64(len(members))
	return f, nil
}
