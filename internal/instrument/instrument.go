// Package instrument is how package admin looks into a socketio.Server: what it is told, and what it may ask. It is
// internal, because what is told here is more than an application should depend on.
package instrument

import (
	"context"
	"encoding/json"
	"errors"
	"log/slog"
	"net/http"
	"net/url"
	"time"

	"github.com/dozeio/doze/pkg/notes"
)

// ErrNotAJob says that what Job was given can never be carried out.
var ErrNotAJob = errors.New("instrument: not a job")

// Watcher is told what a server does, in the invocation that does it. Every method may be called concurrently, and the
// server waits for each: so what costs is for Done.
type Watcher interface {
	// Bound gives the server, once, before anything happens. An error is Bind's.
	Bound(Server) error
	// Looks reports whether anything that happens to sockets is of interest at the moment: what costs a read is not
	// found out otherwise. It may read.
	Looks(ctx context.Context) bool
	// Happened is told what has happened to a socket.
	Happened(ctx context.Context, h Happening)
	// Counted is told what has happened on the wire so many times: a type of socket.io-admin's aggregated events, and
	// its subtype, which is mostly empty.
	Counted(ctx context.Context, kind, subKind string, n int)
	// Done is told that an invocation is about to end, and whether a client waits for that. Nothing runs after it.
	Done(ctx context.Context, awaited bool)
	// Job carries out what Later was given. It may come twice and late. An error asks for another delivery, unless it is
	// ErrNotAJob.
	Job(ctx context.Context, job json.RawMessage) error
}

// Kind says what has happened to a socket.
type Kind int

// What happens to a socket, with the fields of a Happening that say more.
const (
	Connected    Kind = iota // Describe
	Disconnected             // Reason
	Updated                  // Data
	Upgraded                 // Transport
	Joined                   // Room
	Left                     // Room
	Received                 // Event
	Sent                     // Event
)

// Happening is what has happened to a socket. What is a function may be called until the invocation has ended.
type Happening struct {
	Kind      Kind
	At        time.Time
	Namespace string
	Socket    string // its id
	Reason    string
	Room      string
	Transport string
	Data      json.RawMessage // JSON, nil for none
	Describe  func(context.Context) (Socket, error)
	Event     func() ([]any, error) // its name, and its arguments, in which []byte is binary
}

// Socket describes a socket.
type Socket struct {
	ID, Namespace string
	ClientID      string // of the session, without being its secret: the same for all sockets of one client
	Transport     string // "polling" or "websocket"
	Data          json.RawMessage
	Rooms         []string // without its own

	Header          http.Header
	Query           url.Values
	Address         string
	Time            time.Time
	Secure, XDomain bool
	URL             string
}

// Census is how many there are.
type Census struct {
	Clients, Polling int
	Namespaces       []Population // "/" first, then in the order of their names
	Read             int          // what counting has cost, in read units, about
}

// Population is how many sockets a namespace has.
type Population struct {
	Name         string `json:"name"`
	SocketsCount int    `json:"socketsCount"`
}

// Event is one to emit.
type Event struct {
	Name string
	Args []any
}

// Server is what a Watcher may ask.
type Server interface {
	Now() time.Time
	// Within returns a context that ends after a time, by the server's clock; its cause then says so. The caller has to call
	// cancel.
	Within(ctx context.Context, most time.Duration) (limited context.Context, cancel func())
	Logger() *slog.Logger
	// Random returns n random characters, 24 at most.
	Random(n int) (string, error)
	Notes() notes.Store
	// Later has the Watcher do a job, in an invocation of its own.
	Later(ctx context.Context, job json.RawMessage, after time.Duration) error
	// Has reports whether there is a namespace of a name, as a client may join it.
	Has(ctx context.Context, namespace string) bool
	// Occupied reports whether a namespace has sockets.
	Occupied(ctx context.Context, namespace string) (bool, error)
	// Emit sends events to all of a namespace, to each in order, with one read of who that is. It returns at once when ctx
	// ends. It reports how many were left out, added up for all recipients, and an error that says why: with those whose
	// post was on its way when ctx ended, and may have arrived, and without those that are too large. Nobody is disconnected
	// for being slow, unless half of a binary event has arrived. For recipients that could not be read it is one.
	Emit(ctx context.Context, namespace string, events []Event) (leftOut int, err error)
	// Reply sends events to the client whose packet the handler of ctx carries out, in order, and reports how many were
	// sent. Those that are too large are left out. A client that takes no more goes without the others, and stays
	// connected: which is no error.
	Reply(ctx context.Context, namespace string, events []Event) (sent int, err error)
	// Count counts everybody, for so long at most: then it fails.
	Count(ctx context.Context, most time.Duration) (Census, error)
	// Sockets describes the sockets of all namespaces, up to a number of them, and reports whether there are more. With an
	// error it returns those that could be read.
	Sockets(ctx context.Context, most int) (all []Socket, more bool, err error)
}
