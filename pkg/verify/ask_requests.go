package verify

import (
	"context"
	"crypto/rand"
	"fmt"
	"net/http"
	"net/url"
	"strings"
	"time"
)

// requests asks how the HTTP side answers.
func requests() []Question {
	return []Question{{
		ID: "polling.idle", Title: "a GET to which nothing comes is answered in time", Must: true, Namespace: true, Alongside: true,
		Expected: "6 after some 20 s, below 29",
		Why:      "An HTTP API ends a request after 30 s, and a client takes that for an error.",
		ask:      askIdle,
	}, {
		ID: "polling.two-gets", Title: "of two GETs of one session at once, one is refused and the session ends", Must: true,
		Expected: "400 for one, the session ends",
		Why:      "The protocol allows one, and Node's server does the same.",
		ask:      askTwoGets,
	}, {
		ID: "polling.unknown-sid", Title: "a GET with a sid that nobody has is refused", Must: true,
		Expected: `400 and {"code":1,...}`,
		Why:      "A client whose session has ended begins a new one then.",
		ask:      askUnknown,
	}, {
		ID: "websocket.unknown-sid", Title: "a WebSocket with a sid that nobody has is refused with the function's status",
		Expected: "400",
		Why:      "API Gateway passes on the status of $connect. To a client any refusal is the same.",
		ask:      askUnknownWebSocket,
	}, {
		ID: "polling.large", Title: "a polling request of nearly a megabyte arrives whole", Must: true, Namespace: true,
		Expected: "the ack has its size",
		Why:      "The handshake announces a maxPayload; Lambda takes 6 MB, an HTTP API 10.",
		ask:      askLarge,
	}, {
		ID: "http.head", Title: "HEAD of the page is answered like GET",
		Expected: "the same status",
		Why:      "Uptime checks ask so. The template has routes for HEAD.",
		ask:      askHead,
	}, {
		ID: "origin.own", Title: "a page of the deployment's own origin may connect over both transports", Must: true,
		Expected: "200 and 101",
		Why:      "The chat's page is one. Behind CloudFront the functions see another Host; DOZE_PUBLIC_ORIGIN tells them.",
		ask:      askOwnOrigin,
	}, {
		ID: "origin.foreign", Title: "a page of another site may not",
		Expected: `403 and 403, unless AllowOrigins is "*"`,
		Why:      "It would act with its visitors' cookies. The headers have to come through CloudFront and both APIs.",
		ask:      askForeignOrigin,
	}}
}

func askIdle(ctx context.Context, d *deployment) (Finding, error) {
	s, err := d.open(ctx)
	if err != nil {
		return Finding{}, err
	}
	defer s.close(ctx)
	if err := s.join(ctx); err != nil {
		return Finding{}, err
	}
	if _, err := s.await(ctx, eventPrefix); err != nil { // the welcome
		return Finding{}, err
	}
	began := time.Now()
	a, err := s.get(ctx)
	took := time.Since(began)
	if err != nil {
		return differs("after %.1f s: %v", took.Seconds(), err), nil
	}
	if a.body == "2" {
		return Finding{Verdict: Unknown, Seen: fmt.Sprintf("a ping came after %.1f s", took.Seconds())}, nil
	}
	f := found(a.status == http.StatusOK && a.body == "6" && took < 29*time.Second, "%v after %.1f s", a, took.Seconds())
	return f.with(map[string]float64{"held_s": took.Seconds()}), nil
}

func askTwoGets(ctx context.Context, d *deployment) (Finding, error) {
	s, err := d.open(ctx)
	if err != nil {
		return Finding{}, err
	}
	ctx, cancel := context.WithTimeout(ctx, d.o.Wait)
	defer cancel()
	answers := make(chan string, 2)
	for range 2 {
		go func() {
			a, err := s.get(ctx)
			if err != nil {
				a.body = err.Error()
			}
			answers <- fmt.Sprint(a.status)
		}()
	}
	both := []string{<-answers, <-answers}
	late, err := s.get(ctx)
	if err != nil {
		return Finding{}, err
	}
	refused := both[0] == "400" || both[1] == "400"
	return found(refused && late.status == http.StatusBadRequest, "%s; a GET then: %d", strings.Join(both, " and "), late.status), nil
}

// unknownSID is one that could be a session's, and is none.
func unknownSID() string { return rand.Text()[:24] }

func askUnknown(ctx context.Context, d *deployment) (Finding, error) {
	a, err := d.ask(ctx, http.MethodGet, query(d.protocol, "polling", unknownSID()), "", nil)
	if err != nil {
		return Finding{}, err
	}
	return found(a.status == http.StatusBadRequest && strings.HasPrefix(a.body, `{"code":1,`), "%v", a), nil
}

func askUnknownWebSocket(ctx context.Context, d *deployment) (Finding, error) {
	c, err := d.dial(ctx, query(d.websocket, "websocket", unknownSID()), nil)
	if err == nil {
		c.close()
		return differs("it was accepted"), nil
	}
	if statusOf(err) == 0 {
		return Finding{}, err
	}
	return found(statusOf(err) == http.StatusBadRequest, "%d", statusOf(err)), nil
}

func askLarge(ctx context.Context, d *deployment) (Finding, error) {
	s, err := d.open(ctx)
	if err != nil {
		return Finding{}, err
	}
	defer s.close(ctx)
	if err := s.join(ctx); err != nil {
		return Finding{}, err
	}
	size := s.MaxPayload - 1000
	if err := s.post(ctx, packet(1, "length", strings.Repeat("x", size))); err != nil {
		return differs("%d bytes: %v", size, err), nil
	}
	ack, err := s.await(ctx, ackPrefix)
	if err != nil {
		return differs("%d bytes: %v", size, err), nil
	}
	var got int
	if err := ackOf(ack, &got); err != nil {
		return Finding{}, err
	}
	return found(got == size, "%d of %d bytes", got, size), nil
}

func askHead(ctx context.Context, d *deployment) (Finding, error) {
	get, err := d.ask(ctx, http.MethodGet, d.page, "", nil)
	if err != nil {
		return Finding{}, err
	}
	head, err := d.ask(ctx, http.MethodHead, d.page, "", nil)
	if err != nil {
		return Finding{}, err
	}
	protocol, err := d.ask(ctx, http.MethodHead, query(d.protocol, "polling", ""), "", nil)
	if err != nil {
		return Finding{}, err
	}
	return found(head.status == get.status, "%d as GET is %d; of a handshake %d", head.status, get.status, protocol.status), nil
}

// byOrigin tries both transports as a page of an origin does.
func (d *deployment) byOrigin(ctx context.Context, origin string) (polling, websocket int, err error) {
	header := http.Header{"Origin": {origin}}
	a, err := d.ask(ctx, http.MethodGet, query(d.protocol, "polling", ""), "", header)
	if err != nil {
		return 0, 0, err
	}
	if o, ok := parseOpen(a.body); ok {
		(&session{opened: o, d: d}).close(ctx)
	}
	c, err := d.dial(ctx, query(d.websocket, "websocket", ""), header)
	if err == nil {
		defer c.close()
		_, err = c.next(ctx) // an open packet is on its way
		return a.status, http.StatusSwitchingProtocols, err
	}
	if statusOf(err) == 0 {
		return 0, 0, err
	}
	return a.status, statusOf(err), nil
}

func askOwnOrigin(ctx context.Context, d *deployment) (Finding, error) {
	own := (&url.URL{Scheme: d.page.Scheme, Host: d.page.Host}).String()
	polling, websocket, err := d.byOrigin(ctx, own)
	if err != nil {
		return Finding{}, err
	}
	return found(polling == http.StatusOK && websocket == http.StatusSwitchingProtocols, "%d and %d", polling, websocket), nil
}

func askForeignOrigin(ctx context.Context, d *deployment) (Finding, error) {
	polling, websocket, err := d.byOrigin(ctx, "https://another-site.invalid")
	if err != nil {
		return Finding{}, err
	}
	return found(polling == http.StatusForbidden && websocket == http.StatusForbidden, "%d and %d", polling, websocket), nil
}
