// Package conformance is the official Engine.IO v4 and Socket.IO v5 protocol suites in Go, case by case under their
// official titles, so that they run against any server by its address and without Node.
//
// The suites are docs/engine.io-protocol/v4-test-suite and docs/socket.io-protocol/v5-test-suite of the socket.io
// repository. They fix what the server under test must be: pingInterval 300 ms, pingTimeout 200 ms, maxPayload 1000000,
// upgrade to WebSocket allowed, and
//
//   - for [EngineIO] an application that sends every message back, text or binary;
//   - for [SocketIO] a connectTimeout of about a second and an application that on "/" answers the event "message" with
//     "message-back" and acks "message-with-ack", both with the same arguments, and that on "/" and on "/custom" emits
//     "auth" with the handshake's auth object at connection. No other namespace exists.
//
// What differs from the originals: pings that may come between are answered instead of failing a case, and the two
// cases that start two requests at the same time make sure that the first has left before the second is sent.
package conformance

import (
	"strings"
	"testing"
	"time"
)

// Target is the server under test.
type Target struct {
	URL  string // scheme and host, as in http://127.0.0.1:3000
	Path string // of Engine.IO; empty: /engine.io/ for EngineIO, /socket.io/ for SocketIO

	// What the open packet has to advertise and the heartbeat has to keep; zero: 300 and 200 ms.
	PingInterval, PingTimeout time.Duration

	// Overtaking says that of two requests the later may be handled first, as by functions in processes of their own.
	Overtaking bool

	// BinaryFrames says whether the server's gateway passes binary WebSocket frames on. Amazon's does not: where it
	// is false, the three cases about binary over WebSocket assert what the gateway does instead, which is to close
	// the WebSocket with 1003.
	BinaryFrames bool
}

// EngineIO runs the 25 cases of the Engine.IO v4 suite.
func EngineIO(t *testing.T, target Target) {
	run(t, target, "/engine.io/", engineCases)
}

// SocketIO runs the 32 cases of the Socket.IO v5 suite.
func SocketIO(t *testing.T, target Target) {
	run(t, target, "/socket.io/", socketCases)
}

// A testCase is one case of a suite: its official titles, outermost first, joined by " / ".
type testCase struct {
	title string
	run   func(c *client)
}

func run(t *testing.T, target Target, path string, cases []testCase) {
	if target.Path == "" {
		target.Path = path
	}
	if target.PingInterval == 0 {
		target.PingInterval = 300 * time.Millisecond
	}
	if target.PingTimeout == 0 {
		target.PingTimeout = 200 * time.Millisecond
	}
	target.URL = strings.TrimSuffix(target.URL, "/")
	runGroup(t, target, cases)
}

// runGroup runs the cases that share a first title as one subtest, in order, and descends.
func runGroup(t *testing.T, target Target, cases []testCase) {
	for len(cases) > 0 {
		title, _, nested := strings.Cut(cases[0].title, " / ")
		if !nested {
			one := cases[0]
			cases = cases[1:]
			t.Run(title, func(t *testing.T) { one.run(newClient(t, target)) })
			continue
		}
		var group []testCase
		for len(cases) > 0 && strings.HasPrefix(cases[0].title, title+" / ") {
			group = append(group, testCase{strings.TrimPrefix(cases[0].title, title+" / "), cases[0].run})
			cases = cases[1:]
		}
		t.Run(title, func(t *testing.T) { runGroup(t, target, group) })
	}
}
