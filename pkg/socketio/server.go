package socketio

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"time"
	"unicode/utf8"

	"github.com/dozeio/doze/pkg/engine"
	"github.com/dozeio/doze/pkg/rooms"
)

// Options are the settings of a Server. The zero value of each field means its default. A deployment may override the
// durations: Backend.Options go first.
type Options struct {
	// AllowOrigins lists the origins, such as https://chat.example.com, whose pages may connect besides the server's
	// own. "*" lets every site on the web act with its visitors' cookies: name the origins instead.
	AllowOrigins []string

	PingInterval   time.Duration // default 25 s
	PingTimeout    time.Duration // default 20 s
	ConnectTimeout time.Duration // for a first namespace to be joined; default 45 s
	UpgradeTimeout time.Duration // default 10 s

	// MaxNamespaces is how many namespaces one client may be in at a time; default 32. One request of the polling
	// transport may join and leave so many, twice; the session is closed for more.
	MaxNamespaces int
	MaxRooms      int // that one socket may be in at a time; default 1000

	// MaxCalls is how much the handlers of one request may call for in all, as far as they do it with their own
	// context: each room that is joined or left, each emit, Sockets and Rooms count one, UpdateData one for each KiB of
	// the client's data. A call beyond is an error and does nothing. Default 4000: four for each of the 1,000 packets
	// that a request may bring. Below zero: no limit.
	MaxCalls int

	Logger *slog.Logger // default: slog.Default()
}

// Server is a Socket.IO server: namespaces with their handlers. Register everything first, then Bind it to a backend.
// After that all methods but those that register are safe for concurrent use.
type Server struct {
	opt        Options
	namespaces map[string]*Namespace
	onError    func(ctx context.Context, s *Socket, event string, err error) error

	binding sync.Mutex
	bound   atomic.Bool // set when all below is

	engine  *engine.Engine
	store   *retrying
	adapter rooms.Adapter
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
	if o.Logger == nil {
		o.Logger = slog.Default()
	}
	s := &Server{opt: o, namespaces: map[string]*Namespace{}}
	s.Of("/")
	return s
}

// Of returns the namespace of a name, which begins with a slash (one is added if need be), and makes it if there is
// none yet. It panics when it would have to make one after Bind, or when the protocol cannot carry the name: it is
// UTF-8 without comma, question mark and 0x1e.
func (s *Server) Of(name string) *Namespace {
	if !strings.HasPrefix(name, "/") {
		name = "/" + name
	}
	if n := s.namespaces[name]; n != nil {
		return n
	}
	if strings.ContainsAny(name, ",?\x1e") || !utf8.ValidString(name) {
		panic(fmt.Sprintf("socketio: Of(%q): the name of a namespace is UTF-8 without comma, question mark and 0x1e", name))
	}
	s.registering("Of(%q)", name)
	n := &Namespace{server: s, name: name, handlers: map[string]*handler{}, counts: counts{reading: make(chan struct{}, 1)}}
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
	Options  engine.Options // what is not zero here goes before the Server's Options; AllowOrigins are added
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
	o := b.Options
	for _, d := range []struct {
		to   *time.Duration
		from time.Duration
	}{
		{&o.PingInterval, s.opt.PingInterval}, {&o.PingTimeout, s.opt.PingTimeout},
		{&o.ConnectTimeout, s.opt.ConnectTimeout}, {&o.UpgradeTimeout, s.opt.UpgradeTimeout},
	} {
		if *d.to == 0 {
			*d.to = d.from
		}
	}
	o.AllowOrigins = slices.Concat(o.AllowOrigins, s.opt.AllowOrigins)
	if o.Logger == nil {
		o.Logger = s.opt.Logger
	}
	e, err := engine.New(b.Sessions, b.Poster, b.Timers, handlerOf{s}, o)
	if err != nil {
		return nil, err
	}
	o = e.Options()
	s.engine, s.random, s.now = e, o.Rand, o.Clock.Now
	s.store = &retrying{store: b.Rooms, engine: e}
	s.adapter = rooms.Adapter{Store: s.store}
	s.opt.Logger = o.Logger
	s.bound.Store(true)
	return e, nil
}

// backend returns the engine, or ErrUnbound.
func (s *Server) backend() (*engine.Engine, error) {
	if !s.bound.Load() {
		return nil, ErrUnbound
	}
	return s.engine, nil
}

// To returns a broadcast to rooms of the namespace "/".
func (s *Server) To(rooms ...string) Broadcast { return s.Of("/").To(rooms...) }

// In is To.
func (s *Server) In(rooms ...string) Broadcast { return s.Of("/").To(rooms...) }

// Except returns a broadcast to all of the namespace "/" but the members of rooms.
func (s *Server) Except(rooms ...string) Broadcast { return s.Of("/").Except(rooms...) }

// Emit sends an event to all of the namespace "/". See Broadcast.Emit.
func (s *Server) Emit(ctx context.Context, event string, args ...any) error {
	return s.Of("/").Emit(ctx, event, args...)
}
