package gateway

import (
	"encoding/base64"
	"time"
	"unicode/utf8"

	"github.com/gobwas/ws"
)

// message is an invocation of $default or $disconnect that is due.
type message struct {
	event      []byte
	request    id
	number     uint64 // in order of arrival, from 1
	disconnect bool
	code       int           // of disconnect, Direct only
	binary     bool          // Direct only
	delay      time.Duration // OrderedFrames only
}

// deliver invokes $default: at once or after its share of jitter, in parallel to what else the connection has sent, as
// on AWS
// (https://docs.aws.amazon.com/apigateway/latest/developerguide/apigateway-websocket-api-routes-integrations.html);
// with OrderedFrames after all that came before.
func (c *conn) deliver(m message, delay time.Duration) {
	if c.g.opt.OrderedFrames {
		m.delay = delay
		c.dispatch(m)
		return
	}
	if !c.g.tasks.after(delay, true, func() { c.run(m) }) {
		<-c.slots
	}
}

// dispatch runs an invocation on the calling goroutine, or leaves it to the one that works off the queue.
func (c *conn) dispatch(m message) {
	if !c.g.opt.OrderedFrames {
		c.run(m)
		return
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	c.queue = append(c.queue, m)
	if !c.draining {
		c.draining = c.g.tasks.run(c.drain)
	}
}

func (c *conn) drain() {
	d := drainer{c: c}
	for {
		c.mu.Lock()
		if d.yielded || len(c.queue) == 0 {
			if !d.yielded {
				c.draining, c.queue, c.corked = false, nil, false
				_ = c.uncork() // the reader will notice
			}
			leaves := c.cut && c.isIdle()
			c.mu.Unlock()
			if leaves {
				c.end(statusGoingAway, reasonGoingAway, true)
			}
			return
		}
		m := c.queue[0]
		if m.delay > 0 {
			c.queue[0].delay = 0
			c.mu.Unlock()
			c.g.tasks.after(m.delay, true, c.drain)
			return
		}
		c.queue[0] = message{}
		c.queue = c.queue[1:]
		if c.skips(m) {
			c.release(len(m.event))
			c.mu.Unlock()
			continue
		}
		c.corked = c.g.opt.Direct != nil && len(c.queue) > 0 && c.state == open
		c.mu.Unlock()
		if c.g.opt.Direct != nil {
			c.runDirectly(m, &d)
		} else {
			c.run(m)
		}
	}
}

func (c *conn) run(m message) {
	g := c.g
	if m.disconnect {
		g.stats.disconnects.Add(1)
		g.invoke(invocation{route: routeDisconnect, handler: g.opt.Disconnect, event: m.event, timeout: g.opt.IntegrationTimeout}, func([]byte, error) {})
		return
	}
	defer func() { <-c.slots }()
	c.mu.Lock()
	if m.number < c.began {
		g.stats.swapped.Add(1)
	} else {
		c.began = m.number
	}
	c.mu.Unlock()
	if g.opt.Default == nil {
		c.send(ws.OpText, errorMessage("Forbidden", c.id, m.request))
		return
	}
	g.stats.messages.Add(1)
	i := invocation{route: routeDefault, handler: g.opt.Default, event: m.event, timeout: g.opt.IntegrationTimeout}
	g.invoke(i, func(answer []byte, err error) { c.respond(m, answer, err) })
}

// respond sends the route response, where there is one, whatever its status code
// (https://github.com/yai333/React-Chat-App-using-AWS-API-Gateway-Websocket-and-Serverless-Framework/issues/2), or the
// frame that tells of a function error or timeout, which comes without a route response too. What AWS does with a
// response over its message limit is not documented, and is taken for an error here. A client that is gone or takes no
// more misses it.
func (c *conn) respond(m message, answer []byte, err error) {
	var a proxyResponse
	ok := false
	if err == nil {
		a, ok = readProxyResponse(answer)
	}
	if !ok || len(a.Body) > c.g.opt.MaxMessage {
		c.send(ws.OpText, errorMessage("Internal server error", c.id, m.request))
		return
	}
	if !c.g.opt.RouteResponse || a.Body == "" && c.g.opt.DropEmptyResponse {
		return
	}
	if a.IsBase64Encoded && c.g.opt.BinaryFrames {
		raw, err := base64.StdEncoding.DecodeString(a.Body)
		if err != nil {
			c.send(ws.OpText, errorMessage("Internal server error", c.id, m.request))
			return
		}
		c.send(ws.OpBinary, raw)
		return
	}
	c.send(ws.OpText, []byte(a.Body))
}

// send is one data message to the client.
func (c *conn) send(op ws.OpCode, payload []byte) error {
	if op == ws.OpText && !utf8.Valid(payload) {
		payload = toUTF8(payload)
	}
	c.touch()
	return c.write(appendFrame(make([]byte, 0, headerRoom+len(payload)), op, payload))
}
