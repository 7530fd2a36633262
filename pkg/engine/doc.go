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
//
// What ends here has one word for each thing:
//
//	close    a session is no more: its row says so (Close), and exactly one invocation wins. A suffix says of
//	         which: closeOverdue, closeUnconfirmed (an upgrade), closeBehind (a connection), closeProbe, closeGone;
//	         in a sweep closeSwept, closeUnjoined (in no namespace), closeSilent (no pong). writeClose is that row alone
//	finish   what a close entails: the handler cleans up, the other rows go. finishLate: after a crash of who closed
//	forget   the liveness row goes (Store), last of all
//	cut      the gateway is asked to close a connection; the session is closed by the $disconnect that follows
//	dead     a liveness row is marked for the next sweep to close (Dead): markDead
//	judge    what a sweep has doubted is closed, unless there was a sign of life (Doubt)
//	drop     close or cut, whichever the address needs, because something for the client was lost (Engine.Drop)
//	end      only of a waiting GET, which gives its lease back (EndPoll); the session goes on
package engine
