package engine

import (
	"log/slog"
	"maps"
	"slices"
	"strconv"
	"time"
)

// Address says where a session's packets go: into the outbox of a session that polls, or to a connection. To everybody
// but this package it is opaque text of at most 40 bytes.
type Address string

const (
	pollingPrefix    = "p" // followed by the sid
	connectionPrefix = "w" // followed by the API Gateway connection id
)

func pollingAddress(sid string) Address           { return Address(pollingPrefix + sid) }
func connectionAddress(connection string) Address { return Address(connectionPrefix + connection) }

// connection returns the connection id of a connection's address.
func (a Address) connection() (id string, ok bool) {
	if len(a) > 1 && a[:1] == connectionPrefix {
		return string(a[1:]), true
	}
	return "", false
}

// LogValue shows an address in a log: a connection by its id, and a session that polls by a hash of its sid, which is a
// secret.
func (a Address) LogValue() slog.Value {
	if connection, ok := a.connection(); ok {
		return slog.StringValue(connection)
	}
	return slog.StringValue("polling-" + strconv.FormatUint(place(a), 36))
}

// State is what a session row stands for.
type State string

// The states of a row. A polling session goes open, probing, draining, moved (its tombstone points to the connection);
// a connection goes probing, open. Both may go to closed from anywhere. Absent is a row that is not there.
const (
	Absent   State = ""
	Open     State = "open"
	Probing  State = "probing"  // polling: a connection has been accepted for an upgrade; connection: it is that one
	Draining State = "draining" // polling: the upgrade was confirmed, its outbox is being sent to the connection
	Moved    State = "moved"    // polling: Connection has taken over
	Closed   State = "closed"
)

// Reason is why a session was closed, in Socket.IO's words:
// https://socket.io/docs/v4/server-socket-instance/#disconnect.
type Reason string

// The reasons that a session is closed for.
const (
	TransportError Reason = "transport error"
	TransportClose Reason = "transport close"
	ForcedClose    Reason = "forced close"
	PingTimeout    Reason = "ping timeout"
	ParseError     Reason = "parse error"
)

// Session is one row of session state. A session that polls has one; its connection has another after an upgrade; a
// session that began on WebSocket has only the connection's.
type Session struct {
	Address    Address
	SID        string // secret: whoever has it can poll as this client
	State      State
	Created    time.Time
	Expires    time.Time           // the row is absent from then on, whether or not the store has deleted it
	Entries    map[string][]byte   // the handler's own state, by key; changed by SetEntry
	Changes    map[string][]string // operations that changed an entry last, newest first: a retry recognises itself
	Pending    [][]byte            // messages of an unfinished binary packet, see Keep
	Kept       string              // operation that wrote Pending
	Connection string              // polling row: the connection that probes, drains or has taken over
	ProbedAt   time.Time           // when the upgrade's present step, probing or draining, began
	Reason     Reason              // of a closed session
	ClosedBy   string              // operation that closed it, or cleans up after it, see Finish
	ClosedAt   time.Time           // when that operation began
	Opened     string              // connection row: operation, or job, that posts the open packet
	Greeted    bool                // connection row: the open packet has been posted
	Doubted    time.Time           // connection row: when a sweep began to wait for any sign of life, see Doubt

	// What processes have counted of a connection's messages, see Count.
	Counted      int
	CountedSince time.Time
	CountedBy    string // the last operation

	// HandshakeKey is what Store.Handshake needs, made by Store.Create. A row has it for as long as the session is its.
	HandshakeKey []byte

	// The rest is a polling session's only.
	Poll   Lease     // the GET that waits
	Outbox []Parcel  // what waits for the next GET, in order; may be blank, see Store
	Taken  Taken     // what the last GET, or the drain, took: a retry of that write recognises itself
	Recent []string  // operations of the parcels that came last, newest first: a retry of Append recognises itself
	Ponged time.Time // when the last pong came; the handshake counts as one
	Pinged time.Time // when a GET was last answered with a ping
	Sealed bool      // a draining session: its outbox takes nothing more, so that the drain comes to an end
	Told   bool      // a closed session: the client has had its answer, further requests get 400
}

// Lease is the right to wait for a session's packets.
type Lease struct {
	ID    string
	Until time.Time
}

// Parcel is what one emit put into an outbox: encoded Engine.IO packets, in text form.
type Parcel struct {
	Op      string // of what has put it there, which a retry recognises; empty before that
	Packets [][]byte
}

// Taken is the content of an outbox that one operation removed.
type Taken struct {
	By      string
	Parcels []Parcel
}

// Clone returns a copy that shares nothing but the bytes of packets and of the key, which nobody changes.
func (s Session) Clone() Session {
	s.Entries = maps.Clone(s.Entries)
	s.Changes = maps.Clone(s.Changes)
	s.Pending = slices.Clone(s.Pending)
	s.Outbox = slices.Clone(s.Outbox)
	s.Taken.Parcels = slices.Clone(s.Taken.Parcels)
	s.Recent = slices.Clone(s.Recent)
	return s
}

func (s *Session) polling() bool { return s.Address != "" && s.Address[:1] == pollingPrefix }

// greeted reports whether a connection's client has been told that its session is open, or has begun by polling.
func (s *Session) greeted() bool { return s.Greeted || !s.ProbedAt.IsZero() || len(s.Entries) > 0 }

// live reports whether the session can still send and receive.
func (s *Session) live() bool { return s.State == Open || s.State == Probing || s.State == Draining }

// Live is a session's liveness row: small, because each pong rewrites it.
type Live struct {
	Address Address
	Created time.Time
	Last    time.Time // when the last pong came; the handshake counts as one
	Joined  bool      // the handler has made an entry, so ConnectTimeout no longer applies
	Expires time.Time
}

// Timer is the row of the one heartbeat timer of a shard.
type Timer struct {
	Generation int64     // of the message that is on its way; an older one is ignored
	Due        time.Time // zero: no message is on its way
	By         string    // operation that made this generation
	Polling    int       // sessions of the shard that polled when the generation was made
}
