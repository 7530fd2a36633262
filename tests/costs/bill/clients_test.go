//go:build full

package bill

import (
	"net/http"
	"strings"

	"github.com/dozeio/doze/tests/kit/rawclient"
)

// open connects over WebSocket, in one invocation, and returns the connection as it has its open packet.
func (d *deployment) open() (c *rawclient.Conn) {
	d.t.Helper()
	d.clock.during(real, func() { // the open packet is tried again and again until the connection is made
		var err error
		c, err = d.client.Dial(d.ctx, rawclient.WebSocket, d.header...)
		d.must(err)
		if sid := rawclient.SID(d.next(c)); sid == "" {
			d.t.Fatal("no open packet")
		}
	})
	return c
}

func (d *deployment) next(c *rawclient.Conn) string {
	d.t.Helper()
	frame, err := c.Next(d.ctx)
	d.must(err)
	return frame
}

// send sends frames, and expects answers that begin as given, in order.
func (d *deployment) send(c *rawclient.Conn, frame string, answers ...string) (last string) {
	d.t.Helper()
	d.must(c.Send(d.ctx, frame))
	for _, want := range answers {
		if last = d.next(c); !strings.HasPrefix(last, want) {
			d.t.Fatalf("%s was answered with %s, want %s", frame, last, want)
		}
	}
	return last
}

// request makes a request of the polling transport and expects an answer that begins as given.
func (d *deployment) request(method, query, body, want string) string {
	d.t.Helper()
	a, err := d.client.Do(d.ctx, method, query, body, d.header...)
	d.must(err)
	if a.Status != http.StatusOK || !strings.HasPrefix(a.Body, want) {
		d.t.Fatalf("%s %s was answered with %d %s, want %s", method, body, a.Status, a.Body, want)
	}
	return a.Body
}

// member connects over WebSocket, to the namespace "/" and to its rooms, and returns its connection.
func (d *deployment) member(rooms ...string) (c *rawclient.Conn) {
	d.t.Helper()
	d.of(1, func() { c = d.open() })
	d.of(1, func() { d.send(c, "40", "40{") })
	for _, name := range rooms {
		d.of(1, func() { d.send(c, `421["join","`+name+`"]`, "431[") })
	}
	return c
}

// post sends packets over the polling transport.
func (d *deployment) post(sid string, packets ...string) {
	d.t.Helper()
	d.request(http.MethodPost, rawclient.Session(sid), strings.Join(packets, "\x1e"), "ok")
}

// poll takes what waits for a client that polls.
func (d *deployment) poll(sid, want string) {
	d.t.Helper()
	d.of(1, func() { d.request(http.MethodGet, rawclient.Session(sid), "", want) })
}
