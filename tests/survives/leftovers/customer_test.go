package leftovers

import (
	"context"
	"fmt"
	"net/http"
	"strings"
	"sync"

	"github.com/dozeio/doze/tests/kit/rawclient"
)

// customer is one client. One goroutine drives it.
type customer struct {
	network
	ctx    context.Context
	number int
	sid    string
	line   line // nil while it polls
	random func(n int) int
	keep   func(line) // until the end of the test: for those who fall silent with their connection open

	upgraded bool
	acks     int
}

// must ends a life that was refused what it may expect.
func must(err error) {
	if err != nil {
		panic(failure{err})
	}
}

type failure struct{ error }

func (c *customer) get() (rawclient.Answer, error) {
	return c.do(c.ctx, http.MethodGet, rawclient.Session(c.sid), "")
}

func (c *customer) tryPost(body string) (rawclient.Answer, error) {
	return c.do(c.ctx, http.MethodPost, rawclient.Session(c.sid), body)
}

// post sends packets by HTTP and expects them to be taken.
func (c *customer) post(packets ...string) {
	a, err := c.tryPost(strings.Join(packets, "\x1e"))
	if err == nil && a.Status != http.StatusOK {
		err = fmt.Errorf("POST %.80q was answered %d %q", packets, a.Status, a.Body)
	}
	must(err)
}

// send sends packets the way the customer does at the moment.
func (c *customer) send(packets ...string) {
	if c.line != nil {
		must(c.line.send(c.ctx, packets...))
		return
	}
	c.post(packets...)
}

// until reads packets until one begins like this.
func (c *customer) until(prefix string) string {
	for {
		if c.line != nil {
			frame, err := c.line.next(c.ctx)
			if err != nil {
				must(fmt.Errorf("waiting for %s: %w", prefix, err))
			}
			if strings.HasPrefix(frame, prefix) {
				return frame
			}
			continue
		}
		a, err := c.get()
		if err == nil && a.Status != http.StatusOK {
			err = fmt.Errorf("waiting for %s: a poll was answered %d %q", prefix, a.Status, a.Body)
		}
		must(err)
		found := ""
		for packet := range strings.SplitSeq(a.Body, "\x1e") {
			if packet == "2" {
				c.post("3")
			}
			if strings.HasPrefix(packet, prefix) {
				found = packet
			}
		}
		if found != "" {
			return found
		}
	}
}

// request emits an event and waits for its ack.
func (c *customer) request(event, args string) {
	c.acks++
	c.send(fmt.Sprintf("42%d[%q%s]", c.acks, event, args))
	c.until(fmt.Sprintf("43%d[", c.acks))
}

func (c *customer) openPolling() {
	a, err := c.do(c.ctx, http.MethodGet, rawclient.Polling, "")
	if err == nil && a.Status != http.StatusOK {
		err = fmt.Errorf("the handshake was answered %d %q", a.Status, a.Body)
	}
	must(err)
	c.sid = rawclient.SID(a.Body)
}

func (c *customer) openWebSocket() {
	l, err := c.dial(c.ctx, rawclient.WebSocket)
	must(err)
	c.line = l
	c.sid = rawclient.SID(c.until("0{"))
}

func (c *customer) join() {
	c.send("40")
	c.until("40{")
}

// probe opens a connection for an upgrade and does nothing on it yet.
func (c *customer) probe() line {
	l, err := c.dial(c.ctx, rawclient.Probe(c.sid))
	must(err)
	return l
}

// probed opens a connection for an upgrade up to the answer to the probe.
func (c *customer) probed() line {
	l := c.probe()
	must(l.send(c.ctx, "2probe"))
	if f, err := l.next(c.ctx); err != nil || f != "3probe" {
		must(fmt.Errorf("the probe was answered %q, %v", f, err))
	}
	return l
}

// upgrade does as the stock client does: a poll waits meanwhile, and ends before the upgrade is confirmed.
func (c *customer) upgrade() {
	var poll sync.WaitGroup
	poll.Go(func() { _, _ = c.get() })
	l := c.probed()
	poll.Wait()
	must(l.send(c.ctx, "5"))
	c.line, c.upgraded = l, true
}
