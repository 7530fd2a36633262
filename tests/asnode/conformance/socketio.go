package conformance

import (
	"encoding/json"
	"slices"
	"strings"

	"github.com/coder/websocket"
)

// socketCases is the Socket.IO v5 suite, in its order.
var socketCases = slices.Concat(socketEngine, socketConnect, socketDisconnect, socketMessages)

var socketEngine = []testCase{
	{"Engine.IO protocol / handshake / HTTP long-polling / should successfully open a session", opensPolling},
	{"Engine.IO protocol / handshake / HTTP long-polling / should fail with an invalid 'EIO' query parameter", refusesPollingVersion},
	{"Engine.IO protocol / handshake / HTTP long-polling / should fail with an invalid 'transport' query parameter", refusesPollingTransport},
	{"Engine.IO protocol / handshake / HTTP long-polling / should fail with an invalid request method", refusesMethod},
	{"Engine.IO protocol / handshake / WebSocket / should successfully open a session", opensWebSocket},
	{"Engine.IO protocol / handshake / WebSocket / should fail with an invalid 'EIO' query parameter", refusesWebSocketVersion},
	{"Engine.IO protocol / handshake / WebSocket / should fail with an invalid 'transport' query parameter", refusesWebSocketTransport},
	{"Engine.IO protocol / heartbeat / HTTP long-polling / should send ping/pong packets", pingsPolling},
	{"Engine.IO protocol / heartbeat / HTTP long-polling / should close the session upon ping timeout", timesOutPolling},
	{"Engine.IO protocol / heartbeat / WebSocket / should send ping/pong packets", pingsWebSocket},
	{"Engine.IO protocol / heartbeat / WebSocket / should close the session upon ping timeout", timesOutWebSocket},
	{"Engine.IO protocol / close / HTTP long-polling / should forcefully close the session", closesPolling},
	{"Engine.IO protocol / close / WebSocket / should forcefully close the session", closesWebSocket},
	{"Engine.IO protocol / upgrade / should successfully upgrade from HTTP long-polling to WebSocket", func(c *client) {
		sid, _ := c.openPolling()
		c.probe(sid).send("5")
	}},
	{"Engine.IO protocol / upgrade / should ignore HTTP requests with same sid after upgrade", func(c *client) { pollAfterUpgrade(c) }},
	{"Engine.IO protocol / upgrade / should ignore WebSocket connection with same sid after upgrade", func(c *client) { secondWebSocket(c) }},
}

var socketConnect = []testCase{
	{"Socket.IO protocol / connect / should allow connection to the main namespace", func(c *client) {
		c.openWebSocket().joins("40", "40", `42["auth",{}]`)
	}},
	{"Socket.IO protocol / connect / should allow connection to the main namespace with a payload", func(c *client) {
		c.openWebSocket().joins(`40{"token":"123"}`, "40", `42["auth",{"token":"123"}]`)
	}},
	{"Socket.IO protocol / connect / should allow connection to a custom namespace", func(c *client) {
		c.openWebSocket().joins("40/custom,", "40/custom,", `42/custom,["auth",{}]`)
	}},
	{"Socket.IO protocol / connect / should allow connection to a custom namespace with a payload", func(c *client) {
		c.openWebSocket().joins(`40/custom,{"token":"abc"}`, "40/custom,", `42/custom,["auth",{"token":"abc"}]`)
	}},
	{"Socket.IO protocol / connect / should disallow connection to an unknown namespace", func(c *client) {
		s := c.openWebSocket()
		s.send("40/random")
		s.wants(`44/random,{"message":"Invalid namespace"}`)
	}},
	{"Socket.IO protocol / connect / should disallow connection with an invalid handshake", func(c *client) {
		s := c.openWebSocket()
		s.send("4abc")
		s.closed(onlyPings)
	}},
	{"Socket.IO protocol / connect / should close the connection if no handshake is received", func(c *client) {
		c.openWebSocket().closed(onlyPings)
	}},
}

// joins sends a CONNECT packet and expects its acceptance, which begins with prefix and carries a socket id and nothing
// else, and then the event by which the application tells what it was given.
func (s *socket) joins(connect, prefix, auth string) {
	s.Helper()
	s.send(connect)
	got := s.message()
	payload, ok := strings.CutPrefix(got, prefix)
	if !ok {
		s.Fatalf("got %q, want it to begin with %q", got, prefix)
	}
	var keys map[string]any
	if err := json.Unmarshal([]byte(payload), &keys); err != nil {
		s.Fatalf("CONNECT packet %q: %v", got, err)
	}
	if id, _ := keys["sid"].(string); id == "" || len(keys) != 1 {
		s.Fatalf("CONNECT packet %q, want a sid and nothing else", got)
	}
	s.wants(auth)
}

// openNamespace opens a session over WebSocket and joins the main namespace.
func (c *client) openNamespace() *socket {
	c.Helper()
	s := c.openWebSocket()
	s.joins("40", "40", `42["auth",{}]`)
	return s
}

var socketDisconnect = []testCase{
	{"Socket.IO protocol / disconnect / should disconnect from the main namespace", func(c *client) {
		s := c.openNamespace()
		s.send("41")
		if got := s.next(); got != "2" {
			c.Fatalf("got %q, want the connection to live on with a ping", got)
		}
	}},
	{"Socket.IO protocol / disconnect / should connect then disconnect from a custom namespace", func(c *client) {
		s := c.openNamespace()
		if got := s.next(); got != "2" {
			c.Fatalf("got %q, want a ping", got)
		}
		s.send("3")
		s.joins("40/custom", "40/custom,", `42/custom,["auth",{}]`)
		s.send("41/custom", `42["message","message to main namespace"]`)
		s.wants(`42["message-back","message to main namespace"]`)
	}},
}

var socketMessages = []testCase{
	{"Socket.IO protocol / message / should send a plain-text packet", func(c *client) {
		s := c.openNamespace()
		s.send(`42["message",1,"2",{"3":[true]}]`)
		s.wants(`42["message-back",1,"2",{"3":[true]}]`)
	}},
	{"Socket.IO protocol / message / should send a packet with binary attachments", func(c *client) {
		c.echoesAttachments(
			`452-["message",{"_placeholder":true,"num":0},{"_placeholder":true,"num":1}]`,
			`452-["message-back",{"_placeholder":true,"num":0},{"_placeholder":true,"num":1}]`)
	}},
	{"Socket.IO protocol / message / should send a plain-text packet with an ack", func(c *client) {
		s := c.openNamespace()
		s.send(`42456["message-with-ack",1,"2",{"3":[false]}]`)
		s.wants(`43456[1,"2",{"3":[false]}]`)
	}},
	{"Socket.IO protocol / message / should send a packet with binary attachments and an ack", func(c *client) {
		c.echoesAttachments(
			`452-789["message-with-ack",{"_placeholder":true,"num":0},{"_placeholder":true,"num":1}]`,
			`462-789[{"_placeholder":true,"num":0},{"_placeholder":true,"num":1}]`)
	}},
	{"Socket.IO protocol / message / should close the connection upon invalid format (unknown packet type)", func(c *client) {
		c.refusesPacket("4abc")
	}},
	{"Socket.IO protocol / message / should close the connection upon invalid format (invalid payload format)", func(c *client) {
		c.refusesPacket("42{}")
	}},
	{"Socket.IO protocol / message / should close the connection upon invalid format (invalid ack id)", func(c *client) {
		c.refusesPacket(`42abc["message-with-ack",1,"2",{"3":[false]}]`)
	}},
}

// echoesAttachments expects a packet with two attachments to come back with both. Through a gateway without binary
// frames it expects the first binary frame to close the WebSocket with 1003; the packet's header, which is text, may
// have been refused by then, so the code is asked of a connection where no header stands before the frame.
func (c *client) echoesAttachments(packet, reply string) {
	c.Helper()
	s := c.openNamespace()
	if !c.target.BinaryFrames {
		s.sendBinary([]byte{1, 2, 3})
		s.noBinary()
		s = c.openNamespace()
		s.send(packet)
		// The server may close after the header: then the frame cannot be sent any more.
		_ = s.conn.Write(s.ctx, websocket.MessageBinary, []byte{1, 2, 3})
		s.closed(onlyPings)
		return
	}
	s.send(packet)
	s.sendBinary([]byte{1, 2, 3})
	s.sendBinary([]byte{4, 5, 6})
	s.wants(reply)
	s.wantsBinary([]byte{1, 2, 3})
	s.wantsBinary([]byte{4, 5, 6})
}

func (c *client) refusesPacket(packet string) {
	c.Helper()
	s := c.openNamespace()
	s.send(packet)
	s.closed(onlyPings)
}
