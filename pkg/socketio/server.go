package socketio

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"reflect"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/dozeio/doze/internal/instrument"
	"github.com/dozeio/doze/pkg/acks"
	"github.com/dozeio/doze/pkg/engine"
	"github.com/dozeio/doze/pkg/notes"
	"github.com/dozeio/doze/pkg/observe"
	"github.com/dozeio/doze/pkg/rooms"
)

// Options are the settings of a Server. The zero value of each field means its default. What is set here goes before
// the defaults of a deployment, and is overridden by what somebody has set for one: an environment variable of its
// functions, or a flag of doze dev.
type Options struct {
	// AllowOrigins lists the origins, such as https://chat.example.com, whose pages may connect besides the server's
	// own, and besides those that a deployment allows. "*" lets every site on the web act with its visitors' cookies:
	// name the origins instead. Pages in apps have origins such as file://, capacitor://localhost or null, which can be
	// named; null is what any site can send. What no browser sends, such as a path or a pattern, is an error of Bind
	// that says what to write.
	AllowOrigins []string

	// PingInterval is the time between two pings; default 25 s, and 300 s in a deployment on AWS, which takes 480 s at
	// most: each ping costs there.
	PingInterval time.Duration
	// PingTimeout is the time for the pong to come; default 20 s, and 60 s in a deployment on AWS. Below 40 s, clients
	// give up there before a sweep whose invocation has died is repeated.
	PingTimeout    time.Duration
	ConnectTimeout time.Duration // for a first namespace to be joined; default 45 s
	UpgradeTimeout time.Duration // default 10 s

	// MaxNamespaces is how many namespaces one client may be in at a time; default 32. One request of the polling
	// transport may join and leave so many, twice; the session is closed for more.
	MaxNamespaces int
	MaxRooms      int // that one socket may be in at a time; default 1000

	// MaxCalls is how much the handlers of one request may call for in all, as far as they do it with their own
	// context: each room that is joined or left, each emit, SocketIDs and Rooms count one; FetchSockets and
	// DisconnectSockets one for each socket besides; EmitWithAck and Then one for each 32 to 64 recipients besides;
	// UpdateData one for each KiB of the client's data. A call beyond is an error and does nothing. Default 4000: four
	// for each of the 1,000 packets that a request may bring. Below zero: no limit.
	MaxCalls int

	// MsgPack says that all clients are given socket.io-msgpack-parser, or what does the same in other languages: each
	// packet is one binary message. A client with the default parser is disconnected, with a line in the log, and so is
	// one with that parser where MsgPack is not set. API Gateway takes no binary frames from clients, so that those
	// without the option forceBase64 stay on polling there.
	MsgPack bool
	// MaxPayload is how many bytes a request of the polling transport may have, and a message over WebSocket; default a
	// million. A request that is larger is refused with the status 413, a message closes its connection. API Gateway
	// takes no more than 32 KiB in a frame and 128 KiB in a message, whatever is set here, and Lambda 6 MB in a request
	// with all that comes with it: more than 4 MB is an error at the start of a deployment.
	MaxPayload int
	// Path is where clients find the server, as their own option path says; default /socket.io/. A deployment does not
	// start with another one: its template sends that path to the server, and all others to the page.
	Path string
	// Transports are those that there are: "polling", "websocket" or, by default, both. A request for another one is
	// refused with "Transport unknown".
	Transports []string
	// NoUpgrades keeps clients that poll from going over to WebSocket, which costs: a waiting poll is a running
	// function.
	NoUpgrades bool

	// AllowRequest, if not nil, decides who may begin a session, before there is one and before anything is written. It
	// sees the request of the handshake, over either transport, with headers and query, but not the auth of a CONNECT,
	// which comes later, to a middleware. An error refuses the request with the status 403 and the code 4: of a
	// *ConnectError the client is told the message, where it can see one, which over WebSocket it cannot; any other error
	// is logged, and the client is told "Forbidden". It may be called concurrently, and the client waits for it.
	AllowRequest func(ctx context.Context, r Request) error
	// InitialHeaders, if not nil, adds headers, such as a Set-Cookie, to the answer that begins a session, and Headers
	// after it to that and to each answer of the protocol, refusals left out. h has what is there already. They see the
	// headers of each request besides. A handshake over WebSocket asks them too, but API Gateway does not pass on what
	// they add there. They may be called concurrently. When one panics, or adds what no header can be, that is logged,
	// and the answer is as it was.
	InitialHeaders, Headers func(ctx context.Context, r Request, h http.Header)

	// Tracer makes spans of invocations, handlers, calls of the table and posts; default: nobody does. examples/tracing
	// makes OpenTelemetry's.
	Tracer observe.Tracer

	Logger *slog.Logger // default: the deployment's, else slog.Default()
}

// Request is an HTTP request, or the handshake of a WebSocket connection.
type Request = engine.Request

// Server is a Socket.IO server: namespaces with their handlers. Register everything first, then Bind it to a backend.
// After that all methods but those that register are safe for concurrent use.
type Server struct {
	opt        Options
	namespaces map[string]*Namespace
	dynamic    dynamic
	onError    func(ctx context.Context, s *Socket, event string, err error) error
	watcher    instrument.Watcher // nil: none

	binding sync.Mutex
	bound   atomic.Bool // set when all below is

	engine  *engine.Engine
	store   rooms.Store   // tries again
	once    rooms.Store   // the same, and does not
	acks    acks.Store    // nil: there is none
	notes   notes.Store   // nil: there is none
	adapter rooms.Adapter // for what is done to sockets, in which handlers may run
	emits   rooms.Adapter // for what is sent to them
	meter   observe.Meter
	tracer  observe.Tracer
	events  map[string]string // labels of events
	random  io.Reader
	now     func() time.Time
}

// New returns a Server with the one namespace "/".
func New(o Options) *Server {
	if o.MaxNamespaces == 0 {
		o.MaxNamespaces = 32
	}
	if o.MaxRooms == 0 {
		o.MaxRooms = 1000
	}
	if o.MaxCalls == 0 {
		o.MaxCalls = 4000
	}
	s := &Server{opt: o, namespaces: map[string]*Namespace{}}
	s.Of("/")
	return s
}

// Of returns the namespace of a name, which begins with a slash (one is added if need be), and makes it if there is
// none yet. After Bind, one that a function of OfFunc takes is that of those who have joined it, or will: for emits to
// them. It panics when it would have to make another one after Bind, or when the protocol cannot carry the name: it is
// UTF-8 without comma, question mark and 0x1e. An emitter's Server takes any name at any time, because it has no
// handlers.
func (s *Server) Of(name string) *Namespace {
	if !strings.HasPrefix(name, "/") {
		name = "/" + name
	}
	if n := s.namespaces[name]; n != nil {
		return n
	}
	if s.bound.Load() {
		if n := s.child(name); n != nil {
			return n
		}
	}
	if !isNamespaceName(name) {
		panic(fmt.Sprintf("socketio: Of(%q): the name of a namespace is UTF-8 without comma, question mark and 0x1e", name))
	}
	n := newNamespace(s, name, newRegistered())
	if s.bound.Load() && s.hasHandlersElsewhere() {
		return n
	}
	s.registering("Of(%q)", name)
	s.namespaces[name] = n
	return n
}

func (s *Server) registering(format string, args ...any) {
	if s.bound.Load() {
		panic(fmt.Sprintf("socketio: "+format+" after Bind: namespaces and handlers are registered once, at start-up", args...))
	}
}

// Backend is where a Server keeps its clients and how it reaches them. Every main makes one.
type Backend struct {
	Sessions engine.Store
	Rooms    rooms.Store
	Poster   engine.Poster
	Timers   engine.Timers
	Acks     acks.Store  // of what the server asks clients; nil: EmitWithAck and Then are errors
	Notes    notes.Store // of package admin; nil: a server that it instruments cannot be bound

	// Options are what somebody has set for this deployment: what is not zero here goes before the Server's Options.
	// The AllowOrigins of all three are added up.
	Options engine.Options
	// Defaults are the deployment's own. What is not zero here counts where neither Options nor the Server's say
	// anything.
	Defaults engine.Options
}

// Bind connects the Server with its backend and returns the engine that takes its requests. It may be called once.
func (s *Server) Bind(b Backend) (*engine.Engine, error) {
	s.binding.Lock()
	defer s.binding.Unlock()
	if s.bound.Load() {
		return nil, errors.New("socketio: the server has a backend already: make another server with New")
	}
	if b.Sessions == nil || b.Rooms == nil || b.Poster == nil || b.Timers == nil {
		return nil, errors.New("socketio: Bind needs all of Sessions, Rooms, Poster and Timers")
	}
	o := firstOf(b.Options, engine.Options{
		PingInterval: s.opt.PingInterval, PingTimeout: s.opt.PingTimeout,
		ConnectTimeout: s.opt.ConnectTimeout, UpgradeTimeout: s.opt.UpgradeTimeout,
		AllowOrigins: s.opt.AllowOrigins, BinaryMessages: s.opt.MsgPack, Logger: s.opt.Logger, Tracer: s.opt.Tracer,
		MaxPayload: s.opt.MaxPayload, Path: s.opt.Path, Transports: s.opt.Transports, NoUpgrades: s.opt.NoUpgrades,
		AllowRequest: forbidding(s.opt.AllowRequest), InitialHeaders: s.opt.InitialHeaders, Headers: s.opt.Headers,
	}, b.Defaults)
	if s.watcher != nil {
		if b.Notes == nil {
			return nil, errors.New("socketio: the server has nowhere to keep what package admin has to know: set Backend.Notes")
		}
		o.Watch = engineWatch{s.watcher}
	}
	e, err := engine.New(b.Sessions, b.Poster, b.Timers, handlerOf{s}, o)
	if err != nil {
		return nil, err
	}
	o = e.Options()
	s.engine, s.random, s.now = e, o.Rand, o.Clock.Now
	s.meter, s.tracer, s.events = o.Meter, o.Tracer, s.eventLabels()
	s.once, s.store = b.Rooms, rooms.Retrying(b.Rooms, e.Retry)
	if b.Acks != nil {
		s.acks = acks.Retrying(b.Acks, e.Retry)
	}
	if s.tracer != observe.Untraced {
		s.once, s.store = tracedRooms{s.once, s.tracer}, tracedRooms{s.store, s.tracer}
		if s.acks != nil {
			s.acks = tracedAcks{s.acks, s.tracer}
		}
	}
	s.adapter = rooms.Adapter{Store: s.store}
	s.emits = s.adapter
	_, posts := b.Poster.(engine.Unblocking)
	_, alone := b.Sessions.(engine.Watched)
	if posts && alone { // neither waits: goroutines would save no time, and thousands of goodbyes have many
		s.emits.AtATime = 1
	}
	s.opt.Logger = o.Logger
	if s.watcher != nil {
		s.notes = notes.Retrying(b.Notes, e.Retry)
		if err := s.watcher.Bound(instrumented{s}); err != nil {
			return nil, err
		}
	}
	s.bound.Store(true)
	return e, nil
}

// forbidding returns a function that decides as allow does, and tells the client what a *ConnectError says.
func forbidding(allow func(context.Context, Request) error) func(context.Context, Request) error {
	if allow == nil {
		return nil
	}
	return func(ctx context.Context, r Request) error {
		err := allow(ctx, r)
		if refused := (*ConnectError)(nil); errors.As(err, &refused) && refused != nil {
			return &engine.Forbidden{Message: refused.Message}
		}
		return err
	}
}

// firstOf returns options of which each is the first that is not zero. AllowOrigins are added up, in a slice of their
// own.
func firstOf(all ...engine.Options) (o engine.Options) {
	var origins []string
	to := reflect.ValueOf(&o).Elem()
	for _, from := range all {
		origins = append(origins, from.AllowOrigins...)
		for i := range to.NumField() {
			if to.Field(i).IsZero() {
				to.Field(i).Set(reflect.ValueOf(from).Field(i))
			}
		}
	}
	o.AllowOrigins = origins
	return o
}

// backend returns the engine, or ErrUnbound.
func (s *Server) backend() (*engine.Engine, error) {
	if !s.bound.Load() {
		return nil, ErrUnbound
	}
	return s.engine, nil
}

// To returns a broadcast to rooms of the namespace "/"; without rooms, to nobody.
func (s *Server) To(rooms ...string) Broadcast { return s.Of("/").To(rooms...) }

// In is To.
func (s *Server) In(rooms ...string) Broadcast { return s.Of("/").To(rooms...) }

// Except returns a broadcast to all of the namespace "/" but the members of rooms; without rooms, to all.
func (s *Server) Except(rooms ...string) Broadcast { return s.Of("/").Except(rooms...) }

// Volatile returns a broadcast to all of the namespace "/" of what is worth nothing later. See Broadcast.Volatile.
func (s *Server) Volatile() Broadcast { return s.Of("/").Volatile() }

// Emit sends an event to all of the namespace "/". See Broadcast.Emit.
func (s *Server) Emit(ctx context.Context, event string, args ...any) error {
	return s.Of("/").Emit(ctx, event, args...)
}

// SocketIDs returns the ids of all sockets of the namespace "/". See Broadcast.SocketIDs.
func (s *Server) SocketIDs(ctx context.Context) ([]string, error) { return s.Of("/").SocketIDs(ctx) }

// FetchSockets returns all sockets of the namespace "/". See Broadcast.FetchSockets.
func (s *Server) FetchSockets(ctx context.Context) ([]*Socket, error) {
	return s.Of("/").FetchSockets(ctx)
}

// FetchSocket returns the socket of the namespace "/" with an id. See Namespace.FetchSocket.
func (s *Server) FetchSocket(ctx context.Context, id string) (*Socket, error) {
	return s.Of("/").FetchSocket(ctx, id)
}

// SocketsJoin adds all sockets of the namespace "/" to rooms. See Broadcast.SocketsJoin.
func (s *Server) SocketsJoin(ctx context.Context, rooms ...string) error {
	return s.Of("/").SocketsJoin(ctx, rooms...)
}

// SocketsLeave removes all sockets of the namespace "/" from rooms. See Broadcast.SocketsLeave.
func (s *Server) SocketsLeave(ctx context.Context, rooms ...string) error {
	return s.Of("/").SocketsLeave(ctx, rooms...)
}

// DisconnectSockets disconnects all sockets of the namespace "/". See Broadcast.DisconnectSockets.
func (s *Server) DisconnectSockets(ctx context.Context, closeConnection bool) error {
	return s.Of("/").DisconnectSockets(ctx, closeConnection)
}
