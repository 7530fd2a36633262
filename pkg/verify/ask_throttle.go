package verify

import (
	"context"
	"fmt"
	"strings"
	"sync"
)

var throttle = Question{
	ID: "throttle", Title: "what a client sees whose messages are over the stage's rate", Namespace: true, Flood: true,
	Expected: "error frames, closes or silence, to keep",
	Why:      "AWS documents 429 for requests, and nothing for the messages of a connection.",
	ask:      askThrottle,
}

// Of a flood: how many connections send how many events each.
const (
	flooders  = 10
	floodEach = 300
)

func askThrottle(ctx context.Context, d *deployment) (Finding, error) {
	var all []*socket
	defer func() { closeAll(all) }()
	for range flooders {
		s, err := d.join(ctx)
		if err != nil {
			return Finding{}, err
		}
		all = append(all, s)
	}
	var sending sync.WaitGroup
	for _, s := range all {
		sending.Go(func() {
			for i := range floodEach {
				if s.send(ctx, packet(int64(i), "number", i)) != nil {
					return
				}
			}
		})
	}
	sending.Wait()
	within, cancel := context.WithTimeout(ctx, d.o.Wait)
	defer cancel()
	acked, other, closed := 0, "", map[int]int{}
	for _, s := range all {
		for range floodEach {
			f, err := s.next(within)
			if err != nil {
				closed[s.ended(within)]++
				break
			}
			if strings.HasPrefix(f.text, ackPrefix) {
				acked++
			} else if other == "" {
				other = show(f.text)
			}
		}
	}
	seen := fmt.Sprintf("%d of %d acked", acked, flooders*floodEach)
	delete(closed, 0) // those that stay open
	for code, n := range closed {
		seen += fmt.Sprintf("; %d closed with %d", n, code)
	}
	if other != "" {
		seen += "; " + other
	}
	return found(true, "%s", seen).with(map[string]float64{"acked": float64(acked), "sent": flooders * floodEach}), nil
}
