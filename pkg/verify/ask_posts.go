package verify

import (
	"context"
	"fmt"
	"strings"
	"time"

	"github.com/dozeio/doze/pkg/verify/counterpart"
)

// posts asks what becomes of what the deployment sends.
func posts() []Question {
	return []Question{{
		ID: "post.first", Title: "what is posted in the first moment of a connection arrives once", Must: true, Namespace: true,
		Expected: "answer to CONNECT, event, once each",
		Why:      "aws/aws-sdk-js#3773 saw a post within $connect that was answered 410 and arrived later.",
		ask:      askFirst,
	}, {
		ID: "post.order", Title: "events of one handler arrive in the order of its emits", Must: true, Namespace: true,
		Expected: "in order",
		Why:      "AWS orders nothing: Doze waits for each post before the next.",
		ask:      askPostOrder,
	}, {
		ID: "post.size", Title: "posts of 33 to 128 KiB arrive whole", Must: true, Namespace: true,
		Expected: "whole, in any number of frames",
		Why:      "AWS's 32 KiB for frames \"applies to @connections commands\"; users post up to 128. Doze refuses what is larger.",
		ask:      askSize,
	}}
}

func askFirst(ctx context.Context, d *deployment) (Finding, error) {
	var all []*socket
	defer func() { closeAll(all) }()
	for range opens {
		within, cancel := context.WithTimeout(ctx, d.o.Wait)
		defer cancel()
		s, err := d.connect(within)
		if err != nil {
			return Finding{}, err
		}
		all = append(all, s)
		if err := s.send(ctx, connectPacket); err != nil {
			return Finding{}, err
		}
	}
	for n, s := range all {
		within, cancel := context.WithTimeout(ctx, d.o.Wait)
		defer cancel()
		for _, want := range []string{connectPacket, packetBegin("welcome")} {
			f, err := s.next(within)
			if err != nil || !strings.HasPrefix(f.text, want) {
				return differs("connection %d of %d: %s %v instead of %s", n+1, opens, show(f.text), err, want), nil
			}
		}
	}
	wait(ctx, d.o.Quiet)
	for _, s := range all {
		if more := s.rest(); len(more) > 0 {
			return differs("%s came twice, or by itself", show(more[0].text)), nil
		}
	}
	return found(true, "once each, %d of %d", opens, opens), nil
}

// packetBegin is how an event of the namespace begins.
func packetBegin(event string) string { return fmt.Sprintf("%s[%q", eventPrefix, event) }

func askPostOrder(ctx context.Context, d *deployment) (Finding, error) {
	s, err := d.join(ctx)
	if err != nil {
		return Finding{}, err
	}
	defer s.close()
	const n = 30
	within, cancel := context.WithTimeout(ctx, d.o.Wait)
	defer cancel()
	began := time.Now()
	if err := s.send(within, packet(1, "count", n)); err != nil {
		return Finding{}, err
	}
	for i := range n {
		var number int
		if _, err := s.event(within, "counted", &number); err != nil {
			return differs("after %d of %d: %v", i, n, err), nil
		}
		if number != i+1 {
			return differs("event %d came in place %d", number, i+1), nil
		}
	}
	took := time.Since(began)
	return found(true, "%d in order, in %d ms", n, took.Milliseconds()).with(map[string]float64{"all_ms": float64(took.Milliseconds())}), nil
}

func askSize(ctx context.Context, d *deployment) (Finding, error) {
	s, err := d.join(ctx)
	if err != nil {
		return Finding{}, err
	}
	defer s.close()
	var seen []string
	figures := map[string]float64{}
	for _, size := range []int{1 << 10, 33 << 10, 64 << 10, 100 << 10, counterpart.MaxFill} {
		within, cancel := context.WithTimeout(ctx, d.o.Wait)
		defer cancel()
		if err := s.emit(within, "fill", size); err != nil {
			return Finding{}, err
		}
		var text string
		f, err := s.event(within, "filled", &text)
		if err != nil || len(text) != size {
			return differs("of %d bytes came %d: %v", size, len(text), err), nil
		}
		name := fmt.Sprintf("%d KiB", (size+512)>>10)
		if s.wire == nil {
			seen = append(seen, name)
			continue
		}
		n := s.wire.framesOf(len(f.text))
		seen = append(seen, fmt.Sprintf("%s in %d", name, n))
		figures[fmt.Sprintf("%dKiB_frames", (size+512)>>10)] = float64(n)
	}
	return found(true, "frames: %s", strings.Join(seen, ", ")).with(figures), nil
}
