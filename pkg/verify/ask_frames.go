package verify

import (
	"cmp"
	"context"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/coder/websocket"

	"github.com/dozeio/doze/pkg/verify/counterpart"
)

// frames asks what becomes of what a client sends over WebSocket.
func frames() []Question {
	return []Question{{
		ID: "order.frames", Title: "events that a client sends at once are all handled, in any order", Must: true, Namespace: true,
		Expected: "every one is acked",
		Why:      "AWS promises no order (developer guide, routes and integrations). How much is swapped is what clients feel.",
		ask:      askOrder,
	}, {
		ID: "empty.event", Title: "nothing comes back for an event without an ack", Must: true, Namespace: true,
		Expected: "no frame, not even an empty one",
		Why:      "A stock client answers an empty frame with a transport error (serverless/serverless#6816 saw one, for a route with a response).",
		ask: func(ctx context.Context, d *deployment) (Finding, error) {
			return askEmpty(ctx, d, packet(-1, "quiet", 1))
		},
	}, {
		ID: "empty.pong", Title: "nothing comes back for a pong", Must: true, Namespace: true,
		Expected: "no frame, not even an empty one",
		Why:      "As empty.event; each client sends a pong at every ping.",
		ask:      func(ctx context.Context, d *deployment) (Finding, error) { return askEmpty(ctx, d, "3") },
	}, {
		ID: "frame.several", Title: "a message of 100 KiB in frames of 30 KiB arrives whole", Namespace: true,
		Expected: "the ack has its size",
		Why:      "AWS: a message of up to 128 KiB, in frames of up to 32. Browsers cannot cut messages.",
		ask:      askSeveral,
	}, {
		ID: "frame.over", Title: "a frame of 33 KiB ends the connection", Namespace: true,
		Expected: "1009",
		Why:      "AWS: frames over 32 KiB. It is what a client's large event meets.",
		ask:      func(ctx context.Context, d *deployment) (Finding, error) { return askOver(ctx, d, 33<<10, 33<<10) },
	}, {
		ID: "message.over", Title: "a message of 129 KiB in frames of 16 KiB ends the connection", Namespace: true,
		Expected: "1009",
		Why:      "AWS: messages over 128 KiB.",
		ask:      func(ctx context.Context, d *deployment) (Finding, error) { return askOver(ctx, d, 129<<10, 16<<10) },
	}, {
		ID: "frame.binary", Title: "a binary frame ends the connection", Namespace: true,
		Expected: "1003",
		Why:      "AWS: binary media types are not for WebSocket APIs. Doze refuses binary over WebSocket for it.",
		ask:      askBinary,
	}, {
		ID: "ping.control", Title: "a WebSocket ping is answered, and reaches no function",
		Expected: "a pong",
		Why:      "dvmatyun/web_socket#13. Its time is that of the network and of API Gateway alone.",
		ask:      askPing,
	}}
}

func askOrder(ctx context.Context, d *deployment) (Finding, error) {
	s, err := d.join(ctx)
	if err != nil {
		return Finding{}, err
	}
	defer s.close()
	const n = 50
	for i := range n {
		if err := s.send(ctx, packet(int64(i), "number", i)); err != nil {
			return Finding{}, err
		}
	}
	within, cancel := context.WithTimeout(ctx, d.o.Wait)
	defer cancel()
	var acks []counterpart.Numbered // in the order of their arrival
	for range n {
		f, err := s.await(within, ackPrefix)
		if err != nil {
			return differs("%d of %d were acked: %v", len(acks), n, err), nil
		}
		var ack counterpart.Numbered
		if err := ackOf(f.text, &ack); err != nil {
			return Finding{}, err
		}
		acks = append(acks, ack)
	}
	processes := map[string]bool{}
	for _, a := range acks {
		processes[a.Process] = true
	}
	arrived := swapped(acks)
	slices.SortStableFunc(acks, func(a, b counterpart.Numbered) int { return cmp.Compare(a.At, b.At) })
	begun := swapped(acks)
	return found(true, "%d acked; begun out of order %d by the functions' clocks, acks %d; %d processes", n, begun, arrived, len(processes)).with(map[string]float64{
		"begun_swapped": float64(begun), "acks_swapped": float64(arrived), "processes": float64(len(processes)), "n": n,
	}), nil
}

// swapped counts those that come after a later one.
func swapped(acks []counterpart.Numbered) (n int) {
	last := -1
	for _, a := range acks {
		if a.Number < last {
			n++
		}
		last = max(last, a.Number)
	}
	return n
}

func askEmpty(ctx context.Context, d *deployment, frame string) (Finding, error) {
	s, err := d.join(ctx)
	if err != nil {
		return Finding{}, err
	}
	defer s.close()
	const n = 3
	for range n {
		if err := s.send(ctx, frame); err != nil {
			return Finding{}, err
		}
	}
	wait(ctx, d.o.Quiet)
	if got := s.rest(); len(got) > 0 {
		return differs("%d frames after %d, the first %s", len(got), n, show(got[0].text)), nil
	}
	var size int
	if err := s.call(ctx, &size, "length", "four"); err != nil {
		return differs("after that no ack came: %v", err), nil
	}
	return found(true, "nothing after %d", n), nil
}

func askSeveral(ctx context.Context, d *deployment) (Finding, error) {
	s, err := d.join(ctx)
	if err != nil {
		return Finding{}, err
	}
	defer s.close()
	const size, frame = 100 << 10, 30 << 10
	within, cancel := context.WithTimeout(ctx, d.o.Wait)
	defer cancel()
	if err := s.sendIn(within, frame, packet(1, "length", strings.Repeat("x", size))); err != nil {
		return differs("%v", err), nil
	}
	var got int
	if err := s.acked(within, 1, &got); err != nil {
		return differs("%v", err), nil
	}
	return found(got == size, "%d of %d bytes", got, size), nil
}

// askOver sends a message of a size in frames of another, which is too large.
func askOver(ctx context.Context, d *deployment, size, frame int) (Finding, error) {
	s, err := d.join(ctx)
	if err != nil {
		return Finding{}, err
	}
	defer s.close()
	text := packet(-1, "quiet", "")
	text = packet(-1, "quiet", strings.Repeat("x", size-len(text)))
	_ = s.sendIn(ctx, frame, text) // fails where the connection is closed before the end
	return s.closedWith(ctx, websocket.StatusMessageTooBig), nil
}

func askBinary(ctx context.Context, d *deployment) (Finding, error) {
	s, err := d.join(ctx)
	if err != nil {
		return Finding{}, err
	}
	defer s.close()
	if err := s.ws.Write(ctx, websocket.MessageBinary, []byte{4, 2}); err != nil {
		return Finding{}, err
	}
	return s.closedWith(ctx, websocket.StatusUnsupportedData), nil
}

// closedWith compares how a connection ends with what is expected.
func (s *socket) closedWith(ctx context.Context, want websocket.StatusCode) Finding {
	ctx, cancel := context.WithTimeout(ctx, s.d.o.Wait)
	defer cancel()
	switch code := s.ended(ctx); code {
	case 0:
		return differs("the connection stays open")
	case -1:
		return differs("the connection breaks without a close frame")
	default:
		return found(code == int(want), "%d", code)
	}
}

func askPing(ctx context.Context, d *deployment) (Finding, error) {
	s, err := d.connect(ctx)
	if err != nil {
		return Finding{}, err
	}
	defer s.close()
	var all times
	for range d.o.Rounds {
		began := time.Now()
		within, cancel := context.WithTimeout(ctx, d.o.Wait)
		err := s.ws.Ping(within)
		cancel()
		if err != nil {
			return differs("no pong after %d", len(all)), nil
		}
		all = append(all, time.Since(began))
	}
	return found(true, "%s", fmt.Sprint(all)).with(all.figures("")), nil
}
