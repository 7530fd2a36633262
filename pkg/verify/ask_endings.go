package verify

import (
	"context"
	"crypto/rand"
	"fmt"
	"time"

	"github.com/dozeio/doze/pkg/verify/counterpart"
)

// endings asks what a deployment learns of a connection that ends.
func endings() []Question {
	const why = "Which codes API Gateway passes on, and what it makes of others, is not documented. Doze tells \"transport close\" from \"transport error\" by it."
	return []Question{{
		ID: "close.normal", Title: "a client that closes its connection is noticed at once", Namespace: true,
		Expected: `1000; "transport close"`,
		Why:      "$disconnect is best effort. Without it the heartbeat notices, minutes later.",
		ask:      func(ctx context.Context, d *deployment) (Finding, error) { return askClose(ctx, d, 1000) },
	}, {
		ID: "close.1012", Title: "a client closes with 1012", Namespace: true,
		Expected: `1012; "transport close"`, Why: why,
		ask: func(ctx context.Context, d *deployment) (Finding, error) { return askClose(ctx, d, 1012) },
	}, {
		ID: "close.5000", Title: "a client closes with 5000, which is no code", Namespace: true,
		Expected: "1002; noticed", Why: why,
		ask: func(ctx context.Context, d *deployment) (Finding, error) { return askClose(ctx, d, 5000) },
	}}
}

// watcher joins a room, in which it hears who leaves.
func (d *deployment) watcher(ctx context.Context) (s *socket, room string, err error) {
	if s, err = d.join(ctx); err != nil {
		return nil, "", err
	}
	room = rand.Text()
	if err := s.call(ctx, &room, "join", room); err != nil {
		s.close()
		return nil, "", err
	}
	return s, room, nil
}

func askClose(ctx context.Context, d *deployment, code int) (Finding, error) {
	watcher, room, err := d.watcher(ctx)
	if err != nil {
		return Finding{}, err
	}
	defer watcher.close()
	s, err := d.join(ctx)
	if err != nil {
		return Finding{}, err
	}
	defer s.ws.CloseNow()
	if err := s.call(ctx, &room, "join", room); err != nil {
		return Finding{}, err
	}
	began := time.Now()
	if err := s.closeWith(code); err != nil {
		return Finding{}, err
	}
	within, cancel := context.WithTimeout(ctx, d.o.Wait)
	defer cancel()
	answered := fmt.Sprint(s.ended(within))
	switch answered {
	case "0":
		answered = "no answer"
	case "-1":
		answered = "no close frame"
	}
	var left counterpart.Left
	f, err := watcher.event(within, "left", &left)
	if err != nil {
		return differs("%s; the room does not hear of it", answered), nil
	}
	took := f.at.Sub(began)
	want, reason := fmt.Sprint(code), "transport close"
	if code == 5000 {
		want, reason = "1002", string(left.Reason)
	}
	return found(answered == want && string(left.Reason) == reason, "%s; %q after %d ms", answered, left.Reason, took.Milliseconds()).
		with(map[string]float64{"noticed_ms": float64(took.Milliseconds())}), nil
}
