// Package admin lets the official Admin UI of Socket.IO (https://admin.socket.io, or the npm package
// @socket.io/admin-ui) look at a server and act on it:
//
//	err := admin.Instrument(io, admin.Options{Username: "ops", PasswordHash: "$2b$10$..."})
//
// The page is a client of a namespace of its own, /admin. What happens is told while somebody looks, and not otherwise:
// then the only trace of this package is that a process which handles something reads half a unit of the table, once in
// five seconds at most, to know that nobody does.
package admin

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"sync"
	"time"

	"golang.org/x/crypto/bcrypt"

	"github.com/dozeio/doze/internal/instrument"
	"github.com/dozeio/doze/pkg/socketio"
)

// Mode is how much the page is told.
type Mode string

// The modes, as in Node.
const (
	Development Mode = "development" // everything that happens to each socket
	Production  Mode = "production"  // numbers only
)

// Options are the settings of Instrument. The zero value of each field means its default, but Username and PasswordHash
// are needed.
type Options struct {
	Username string
	// PasswordHash is bcrypt's, and begins with $2a$, $2b$ or $2y$: htpasswd -nBC 10 "" asks for one and prints it after a
	// colon.
	PasswordHash string
	// InsecureNoAuth lets everybody in who may connect. With it, Username and PasswordHash have to be empty.
	InsecureNoAuth bool

	Namespace string // that the page joins; default /admin
	ReadOnly  bool   // takes the page's buttons away, and does nothing that a client asks for
	// Mode is Development by default, as in Node. That costs a message to each page for each event that comes or goes:
	// docs/costs.md says how much.
	Mode     Mode
	ServerID string // what the page calls the server; default doze. All processes are one server
	Hostname string // and where it is; default the ServerID
	PID      int    // of a server that is one process; default 0
}

// Instrument has a server answer the Admin UI. Call it once, before Bind. An error says which option to change.
func Instrument(io *socketio.Server, o Options) error {
	if o.Namespace == "" {
		o.Namespace = "/admin"
	}
	if o.Mode == "" {
		o.Mode = Development
	}
	if o.ServerID == "" {
		o.ServerID = "doze"
	}
	if o.Hostname == "" {
		o.Hostname = o.ServerID
	}
	switch {
	case o.Mode != Development && o.Mode != Production:
		return fmt.Errorf("admin: Mode is %q: write development or production", o.Mode)
	case o.InsecureNoAuth && (o.Username != "" || o.PasswordHash != ""):
		return errors.New("admin: InsecureNoAuth lets everybody in: take Username and PasswordHash away, or InsecureNoAuth")
	case !o.InsecureNoAuth && (o.Username == "" || o.PasswordHash == ""):
		return errors.New("admin: set Username and PasswordHash, or InsecureNoAuth to let everybody in")
	}
	if !o.InsecureNoAuth {
		if _, err := bcrypt.Cost([]byte(o.PasswordHash)); err != nil || len(o.PasswordHash) != bcryptLength {
			return fmt.Errorf("admin: PasswordHash is not bcrypt's, which begins with $2a$, $2b$ or $2y$ and has 60 characters, as htpasswd -nBC 10 \"\" prints it after a colon: %s", notBcrypt(o.PasswordHash))
		}
	}
	a := &admin{o: o, io: io, counts: map[string]int{}, emitting: make(chan struct{}, 1), comparing: make(chan struct{}, 1),
		compare: bcrypt.CompareHashAndPassword}
	if err := io.Instrument(a); err != nil {
		return err
	}
	n := io.Of(o.Namespace)
	n.Use(a.authenticate)
	n.OnConnection(a.welcome)
	if !o.ReadOnly {
		n.On("emit", a.emit)
		n.On("join", a.join)
		n.On("leave", a.leave)
		n.On("_disconnect", a.disconnect)
	}
	return nil
}

// admin is one server's.
type admin struct {
	o      Options
	io     *socketio.Server
	server instrument.Server
	since  time.Time // Bind

	emitting  chan struct{} // has room for whoever tells the pages what has happened
	comparing chan struct{} // has room for whoever compares a password
	compare   func(hash, password []byte) error

	mu      sync.Mutex    // guards what follows
	looked  bool          // somebody looks, as far as this process knows
	until   time.Time     // which is old then
	held    time.Duration // by Looks, since Done
	unread  bool          // the mark could not be read the last time
	lost    bool          // its tick is, and nobody in this process has begun another
	counts  map[string]int
	counted time.Time // when counts were last written
	queue   []instrument.Happening
	dropped int

	failed       int // logins since failedLogged
	failedLogged time.Time
}

var _ instrument.Watcher = (*admin)(nil)

// Bound implements instrument.Watcher.
func (a *admin) Bound(s instrument.Server) error {
	a.server, a.since = s, s.Now()
	return nil
}

// features are what the page may use, in Node's order.
func (o Options) features() []string {
	var f []string
	if !o.ReadOnly {
		f = append(f, "EMIT", "JOIN", "LEAVE", "DISCONNECT", "MJOIN", "MLEAVE", "MDISCONNECT")
	}
	f = append(f, "AGGREGATED_EVENTS")
	if o.Mode == Development {
		f = append(f, "ALL_EVENTS")
	}
	return f
}

// config is the page's first event.
type config struct {
	SupportedFeatures []string `json:"supportedFeatures"`
}

// welcome tells a page what it may do and who is there, and begins the ticks if this is the first.
func (a *admin) welcome(ctx context.Context, s *socketio.Socket) error {
	if err := a.beginSession(ctx, s); err != nil {
		return err
	}
	a.know(true)
	if err := a.arm(ctx); err != nil {
		return err
	}
	if err := s.Emit(ctx, "config", config{a.o.features()}); err != nil || a.o.Mode != Development {
		return err
	}
	return a.sendAll(ctx, s)
}

// mostSockets is how many sockets a page is told of when it comes.
const mostSockets = 1000

// maxAll is how many bytes of sockets are in one event. What does not fit follows in events of its own: API Gateway takes
// 32 KiB in a frame. A page that does not take all goes without the rest, and the log says so.
const maxAll = 30 << 10

// sendAll tells a page who is there. A store that fails is no reason to send the page away.
func (a *admin) sendAll(ctx context.Context, s *socketio.Socket) error {
	there, more, err := a.server.Sockets(ctx, mostSockets)
	if err != nil { // the page is told of those that could be read, and of what happens from now on
		a.server.Logger().WarnContext(ctx, "the admin page is not told of all sockets: some could not be read; open it again when the table answers", "shown", len(there), "error", err)
	}
	if more {
		a.server.Logger().WarnContext(ctx, "the admin page is not told of all sockets: there are more than it can show", "shown", mostSockets)
	}
	all, size := []json.RawMessage{}, 0
	var rest []instrument.Event
	for _, one := range there {
		b, err := json.Marshal(serialize(one))
		if err != nil {
			return err
		}
		if size+len(b) > maxAll {
			rest = append(rest, instrument.Event{Name: "socket_connected", Args: []any{json.RawMessage(b), date(a.server.Now())}})
			continue
		}
		all, size = append(all, b), size+len(b)
	}
	// all_sockets goes first; of the rest, Reply leaves out rows that no packet takes.
	events := append([]instrument.Event{{Name: "all_sockets", Args: []any{all}}}, rest...)
	sent, err := a.server.Reply(ctx, a.o.Namespace, events)
	if err != nil {
		return err
	}
	if out := len(events) - sent; out > 0 {
		if sent == 0 {
			out = len(there)
		}
		a.server.Logger().WarnContext(ctx, "the admin page is not told of all sockets: they are more than it takes at once, or have very many rooms", "left out", out, "socket", s.ID())
	}
	return nil
}
