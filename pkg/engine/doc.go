// Package engine keeps Engine.IO v4 sessions whose packets are handled by short invocations that share nothing but a
// [Store]: handshake on either transport, waiting poll, post, upgrade, heartbeat and close.
//
// Nothing here listens and nothing waits for anybody. Whatever receives requests (API Gateway through Lambda, or the
// local gateway) turns each into one call of [Engine.HTTP], [Engine.Connect], [Engine.Frame], [Engine.Disconnect] or
// [Engine.Job]; the call reads the session from the store, acts, writes conditionally, and returns. Whoever has the
// address of another client's session opens it with [Engine.Open], and acts under the same conditions. All methods are
// safe for concurrent use, and no goroutine outlives the call that started it.
//
// The protocol is https://github.com/socketio/engine.io-protocol, revision 4. The path of a packet through the files:
// http.go or frame.go, then the [Handler], then invocation.go and send.go; upgrade.go, heartbeat.go with sweep.go, and
// close.go hold the three things that happen to a session as a whole. Every change of a session row is a [Transition].
package engine
