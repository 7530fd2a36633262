package verify

import (
	"context"
	"fmt"
	"net/http"
	"strings"
	"sync"
	"time"
)

// transports asks how sessions begin.
func transports() []Question {
	return []Question{{
		ID: "polling.open", Title: "a session begins over polling", Must: true,
		Expected: "200, open packet, upgrade offered",
		Why:      "A stock client begins so. HTTP API, GET function, table.",
		ask:      askPolling,
	}, {
		ID: "websocket.open", Title: "a session begins over WebSocket; the open packet is the first frame, and comes once", Must: true,
		Expected: "one open packet, before all else",
		Why:      "$connect cannot post to its own connection (410): the packet is posted after its response, at most once. A second one runs a client's handshake twice.",
		ask:      askWebSocket,
	}, {
		ID: "websocket.early", Title: "a client that sends its CONNECT before it has the open packet gets the open packet first", Must: true,
		Expected: "open packet, then the answer",
		Why:      "A client takes nothing else for the beginning of a session.",
		ask:      askEarly,
	}, {
		ID: "upgrade", Title: "a polling session moves to WebSocket", Must: true,
		Expected: "3probe, GET ends with 6, moved, then 400",
		Why:      "A stock client does this by default.",
		ask:      askUpgrade,
	}, {
		ID: "frontdoor.websocket", Title: "one origin takes both transports: transport=websocket reaches the WebSocket API", Must: true,
		Expected: "101 and an open packet",
		Why:      "CloudFront's function chooses the origin of an upgrade request by the query. AWS documents it for requests in general, not for these.",
		ask:      askFrontDoor,
	}, {
		ID: "websocket.path", Title: "a path after the stage of a WebSocket API is refused",
		Expected: "403",
		Why:      "robanderson.dev/blog/cloudfront-url-transform. The front door takes the path away; if AWS took it, it would not need to.",
		ask:      askPath,
	}, {
		ID: "websocket.deflate", Title: "API Gateway does not compress WebSocket messages",
		Expected: "no extension",
		Why:      "Assumed. It would make posts cheaper to send, no more.",
		ask:      askDeflate,
	}}
}

func askPolling(ctx context.Context, d *deployment) (Finding, error) {
	s, err := d.open(ctx)
	if err != nil {
		return differs("%v", err), nil
	}
	defer s.close(ctx)
	return found(len(s.Upgrades) == 1 && s.Upgrades[0] == "websocket", "200, upgrades %q, pings every %v", s.Upgrades, ms(s.PingInterval)), nil
}

func ms(n int) time.Duration { return time.Duration(n) * time.Millisecond }

// opens is how many connections the questions about beginnings look at.
const opens = 10

func askWebSocket(ctx context.Context, d *deployment) (Finding, error) {
	var all []*socket
	defer func() { closeAll(all) }()
	var shook, open times
	for range opens {
		within, cancel := context.WithTimeout(ctx, d.o.Wait)
		s, err := d.connect(within)
		cancel()
		if err != nil {
			return differs("connection %d of %d: %v", len(all)+1, opens, err), nil
		}
		all = append(all, s)
		shook, open = append(shook, s.shook), append(open, s.open)
	}
	wait(ctx, d.o.Quiet)
	for _, s := range all {
		if more := s.rest(); len(more) > 0 {
			return differs("after the open packet came %s by itself", show(more[0].text)), nil
		}
	}
	f := found(true, "%d of %d; after the handshake began: %v", len(all), opens, open).with(open.figures("open_"))
	f.Figures["handshake_p50_ms"] = shook.quantile(0.5)
	return f, nil
}

func closeAll(all []*socket) {
	var closing sync.WaitGroup
	for _, s := range all {
		closing.Go(s.close)
	}
	closing.Wait()
}

func askEarly(ctx context.Context, d *deployment) (Finding, error) {
	for n := range opens {
		if seen, err := d.early(ctx); err != nil {
			return differs("connection %d of %d: %v", n+1, opens, err), nil
		} else if seen != "" {
			return differs("connection %d of %d: %s", n+1, opens, seen), nil
		}
	}
	return found(true, "open packet first, %d of %d", opens, opens), nil
}

// early returns what came instead of the open packet, "" when that was the first.
func (d *deployment) early(ctx context.Context) (seen string, err error) {
	ctx, cancel := context.WithTimeout(ctx, d.o.Wait)
	defer cancel()
	c, err := d.dial(ctx, query(d.websocket, "websocket", ""), nil)
	if err != nil {
		return "", err
	}
	defer c.close()
	if err := c.send(ctx, connectPacket); err != nil {
		return "", err
	}
	first, err := c.next(ctx)
	if err != nil {
		return "", err
	}
	if _, ok := parseOpen(first.text); !ok {
		seen := show(first.text) + " came first"
		if _, err := c.await(ctx, "0"); err != nil {
			seen += ", and then: " + err.Error()
		}
		return seen, nil
	}
	_, err = c.await(ctx, connectPacket, refusalPrefix)
	return "", err
}

func askUpgrade(ctx context.Context, d *deployment) (Finding, error) {
	s, err := d.open(ctx)
	if err != nil {
		return Finding{}, err
	}
	ctx, cancel := context.WithTimeout(ctx, d.o.Wait)
	defer cancel()
	c, err := d.dial(ctx, query(d.websocket, "websocket", s.SID), nil)
	if err != nil {
		return differs("the WebSocket of the session: %v", err), nil
	}
	defer c.close()
	type ended struct {
		answer
		error
	}
	waiting := make(chan ended, 1)
	go func() {
		a, err := s.get(ctx)
		waiting <- ended{a, err}
	}()
	began := time.Now()
	if err := c.send(ctx, "2probe"); err != nil {
		return Finding{}, err
	}
	if f, err := c.next(ctx); err != nil || f.text != "3probe" {
		return differs("2probe was answered %s %v", show(f.text), err), nil
	}
	var get ended
	select {
	case get = <-waiting:
	case <-ctx.Done():
		return differs("the GET did not end after the probe"), nil
	}
	if get.error != nil || get.status != http.StatusOK || get.body != "6" {
		return differs("the waiting GET was answered %v %v", get.answer, get.error), nil
	}
	if err := c.send(ctx, "5", connectPacket); err != nil {
		return Finding{}, err
	}
	if _, err := c.await(ctx, connectPacket, refusalPrefix); err != nil {
		return differs("after the upgrade: %v", err), nil
	}
	took := time.Since(began)
	late, err := s.get(ctx)
	if err != nil {
		return Finding{}, err
	}
	f := found(late.status == http.StatusBadRequest, "moved in %d ms; a GET then: %v", took.Milliseconds(), late)
	return f.with(map[string]float64{"upgrade_ms": float64(took.Milliseconds())}), nil
}

func askFrontDoor(ctx context.Context, d *deployment) (Finding, error) {
	if !d.oneOrigin && d.o.WebSocket == "" {
		return Finding{Verdict: Unknown, Seen: "the deployment has an address for each transport: there is no front door"}, nil
	}
	to := d.page.JoinPath("socket.io/")
	to.Scheme = "ws" + strings.TrimPrefix(to.Scheme, "http")
	ctx, cancel := context.WithTimeout(ctx, d.o.Wait)
	defer cancel()
	c, err := d.dial(ctx, query(to, "websocket", ""), nil)
	if err != nil {
		return differs("%v", err), nil
	}
	defer c.close()
	first, err := c.next(ctx)
	if _, ok := parseOpen(first.text); err != nil || !ok {
		return differs("the first frame: %s %v", show(first.text), err), nil
	}
	a, err := d.ask(ctx, http.MethodGet, d.page, "", nil)
	if err != nil {
		return Finding{}, err
	}
	door := "no CloudFront"
	if a.header.Get("X-Amz-Cf-Id") != "" {
		door = "through CloudFront"
	}
	return found(true, "101, open packet after %d ms, %s", first.at.Sub(c.began).Milliseconds(), door), nil
}

func askPath(ctx context.Context, d *deployment) (Finding, error) {
	if d.oneOrigin {
		return Finding{Verdict: Unknown, Seen: "the WebSocket API's own address is not known: name it (-websocket)"}, nil
	}
	c, err := d.dial(ctx, query(d.websocket.JoinPath("socket.io/"), "websocket", ""), nil)
	if err == nil {
		defer c.close()
		_, err = c.next(ctx)
		return differs("it was accepted"), err
	}
	if statusOf(err) == 0 {
		return Finding{}, err
	}
	return found(statusOf(err) == http.StatusForbidden, "%d", statusOf(err)), nil
}

func askDeflate(ctx context.Context, d *deployment) (Finding, error) {
	c, err := d.dialWith(ctx, query(d.websocket, "websocket", ""), nil, compressed)
	if err != nil {
		return Finding{}, err
	}
	defer c.close()
	if _, err := c.next(ctx); err != nil { // an open packet is on its way
		return Finding{}, err
	}
	seen := "no extension"
	if c.extensions != "" {
		seen = fmt.Sprintf("%.60q", c.extensions)
	}
	return found(c.extensions == "", "%s", seen), nil
}
