// Package oneprocess runs a whole deployment in one process: the functions behind a local API Gateway, on the embedded
// store. It is pkg/devserver with its parts in sight, for pkg/devcommand and for the tests of Doze itself.
package oneprocess

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"net"
	"net/http"
	"sync"
	"sync/atomic"
	"syscall"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"

	"github.com/dozeio/doze/internal/control"
	"github.com/dozeio/doze/internal/direct"
	"github.com/dozeio/doze/internal/scrape"
	"github.com/dozeio/doze/pkg/apigw"
	"github.com/dozeio/doze/pkg/apigw/outgoing"
	"github.com/dozeio/doze/pkg/engine"
	"github.com/dozeio/doze/pkg/gateway"
	"github.com/dozeio/doze/pkg/observe"
	"github.com/dozeio/doze/pkg/rooms"
	"github.com/dozeio/doze/pkg/site"
	"github.com/dozeio/doze/pkg/socketio"
	"github.com/dozeio/doze/pkg/store/memory"
)

// Options are those of pkg/devserver, where each but Public is described.
type Options struct {
	Addr    string
	Hosts   []string
	Engine  engine.Options
	Gateway gateway.Options
	Clients string
	Wrap    func(socketio.Backend) socketio.Backend
	Direct  bool
	Public  *Public // nil: all is at one address
}

// Server is a running deployment and its parts. Its fields are for reading.
type Server struct {
	URL      string // as in pkg/devserver
	InnerURL string // of Public.Inner
	Warning  string
	Gateway  *gateway.Gateway
	Store    *memory.Store
	Engine   *engine.Engine

	http   *http.Server
	inner  *http.Server // nil for none
	alone  bool         // sessions end with the process, Direct only
	ending atomic.Bool
	ended  chan struct{}
	served error

	purging sync.Mutex
	next    func() bool // stops the next purge
}

// late is a function that is known only after the gateway that calls it.
type late struct{ h atomic.Pointer[apigw.Handler] }

func (l *late) Invoke(ctx context.Context, event []byte) ([]byte, error) {
	return (*l.h.Load()).Invoke(ctx, event)
}

func (l *late) set(h apigw.Handler) { l.h.Store(&h) }

// defaultPath is the gateway's.
const defaultPath = "/socket.io/"

// lateTimers is a gateway's queue, which is known only after the application has said at what path that is to be.
type lateTimers struct {
	gateway atomic.Pointer[gateway.Gateway]
}

func (l *lateTimers) Schedule(ctx context.Context, job []byte, after time.Duration) error {
	return l.gateway.Load().Schedule(ctx, job, after)
}

// Start runs a deployment until Close. bind is the Bind method of an application's socketio.Server, or what else makes
// an engine.
func Start(o Options, bind func(socketio.Backend) (*engine.Engine, error)) (*Server, error) {
	if o.Addr == "" {
		o.Addr = "127.0.0.1:0"
	}
	listener, err := net.Listen("tcp", o.Addr)
	if errors.Is(err, syscall.EADDRINUSE) {
		return nil, fmt.Errorf("%s is taken by another program: end that one, or choose another address in Addr: port 0 takes a free one", o.Addr)
	} else if err != nil {
		return nil, err
	}
	return StartOn(listener, o, bind)
}

// StartOn is Start for who listens already, so that o.Addr is of no use. The listener is closed with the server, or
// after an error.
func StartOn(listener net.Listener, o Options, bind func(socketio.Backend) (*engine.Engine, error)) (*Server, error) {
	s := &Server{URL: gateway.URL(listener.Addr()), Warning: gateway.Warning(listener.Addr()), ended: make(chan struct{})}
	if err := s.wire(o, listener.Addr(), bind); err != nil {
		listener.Close()
		if s.Gateway != nil {
			err = errors.Join(err, s.Gateway.Close(context.Background()))
		}
		return nil, err
	}
	s.purge()
	go func() {
		defer close(s.ended)
		if err := s.http.Serve(listener); !errors.Is(err, http.ErrServerClosed) {
			s.served = err
		}
	}()
	return s, nil
}

func (s *Server) wire(o Options, addr net.Addr, bind func(socketio.Backend) (*engine.Engine, error)) (err error) {
	var connect, message, disconnect, heartbeat late
	var timers lateTimers
	g := o.Gateway
	g.Connect, g.Default, g.Disconnect, g.Jobs = &connect, &message, &disconnect, &heartbeat
	g.RecursiveLoop = true // as the template has it, for sweeps
	g.HTTP = map[string]gateway.Handler{
		http.MethodGet: &connect, http.MethodHead: &connect, http.MethodOptions: &connect,
		http.MethodPost: &message, http.MethodPut: &message, http.MethodDelete: &message, http.MethodPatch: &message,
	}
	both := func(a, b *bool) { *a, *b = *a || *b, *a || *b } // the gateway and the engine have to agree
	both(&g.BinaryFrames, &o.Engine.BinaryFrames)
	both(&g.OrderedFrames, &o.Engine.OrderedFrames)
	var way *direct.Way
	if o.Direct {
		way = direct.New(&timers)
		way.Proxied = o.Public != nil
		lift(&g, &o.Engine)
		g.Direct = way
	}
	if s.Gateway, err = gateway.New(g); err != nil {
		return err
	}
	timers.gateway.Store(s.Gateway)
	stage := g.Stage
	if stage == "" {
		stage = "local"
	}
	figures, now := scrape.New(), (func() time.Time)(nil)
	if o.Engine.Meter == nil {
		o.Engine.Meter = figures
	}
	if o.Engine.Clock != nil {
		now = o.Engine.Clock.Now
	}
	s.Store = memory.New(now)
	b := socketio.Backend{
		Sessions: s.Store,
		Rooms:    s.Store,
		Acks:     s.Store,
		Notes:    s.Store,
		Poster:   outgoing.NewPoster(awsConfig(), s.URL+"/"+stage),
		Timers:   &timers,
		Options:  o.Engine,
		Defaults: engine.Options{Logger: g.Logger},
	}
	if way != nil {
		b.Poster = way
	}
	if o.Wrap != nil {
		b = o.Wrap(b)
	}
	if way != nil {
		way.Timers = b.Timers
		b.Timers = way
		if b.Sessions == engine.Store(s.Store) { // no row outlives the process
			s.alone = true
			b.Sessions = direct.Watch(s.Store)
			b.Options.PollWait, b.Options.MaxAge = cmp.Or(b.Options.PollWait, pollWait), cmp.Or(b.Options.MaxAge, ages/100)
		}
	}
	if s.Engine, err = bind(b); err != nil {
		return err
	}
	path := s.Engine.Options().Path
	if g.Path != "" && g.Path != path {
		return fmt.Errorf("devserver: Gateway.Path is %q, but functions answer at %s alone: the application's Options.Path says where", g.Path, path)
	}
	if o.Public != nil {
		if err := o.Public.check(path, stage); err != nil {
			return err
		}
	}
	if g.Direct != nil {
		g.MaxFrame = s.Engine.Options().MaxPayload
		g.MaxMessage = g.MaxFrame
	}
	if path != defaultPath || g.Direct != nil { // another gateway takes the place of the one that has found its options right
		unused := s.Gateway
		g.Path = path
		if s.Gateway, err = gateway.New(g); err != nil {
			return errors.Join(err, unused.Close(context.Background()))
		}
		timers.gateway.Store(s.Gateway)
		if err := unused.Close(context.Background()); err != nil {
			return err
		}
	}
	if way != nil {
		way.Join(s.Gateway, s.Engine)
	}
	connect.set(apigw.NewConnect(s.Engine, nil))
	message.set(apigw.NewMessage(s.Engine))
	disconnect.set(apigw.NewDisconnect(s.Engine))
	heartbeat.set(apigw.NewHeartbeat(s.Engine, b.Timers))
	if o.Clients == "" {
		o.Clients = site.FindClient()
	}
	files, err := site.Handler(site.Options{Path: path, Client: o.Clients}, s.Gateway)
	if err != nil {
		return err
	}
	asked, err := s.controlled(b, o.Public != nil)
	if err != nil {
		return err
	}
	metrics := figures.Handler(func() (sockets, rooms int) {
		n := s.Store.Rows()
		return n.Sockets, n.Rooms
	}, b.Rooms == rooms.Store(s.Store))
	var all http.Handler = http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		switch {
		case r.URL.Path == control.Path:
			asked.ServeHTTP(w, r)
		case r.URL.Path == scrape.Path && o.Engine.Meter == observe.Meter(figures):
			metrics.ServeHTTP(w, r)
		default:
			files.ServeHTTP(w, r)
		}
	})
	if o.Public != nil {
		if err := o.Public.inside(s, all, o.Hosts); err != nil {
			return err
		}
		all, addr = o.Public.outside(s, stage, g.Site, all), nil // by whatever name: there is no developer whose browser could be led here
	}
	s.http = gateway.NewServer(addr, all, o.Hosts...)
	return nil
}

// purgeEvery is how long rows that have expired may stay.
const purgeEvery = 30 * time.Second

// purge frees what rows have expired, over and over until Close: also when nobody comes any more.
func (s *Server) purge() {
	s.purging.Lock()
	defer s.purging.Unlock()
	if s.ending.Load() {
		return
	}
	s.Store.Purge()
	s.next = s.Engine.Options().Clock.AfterFunc(purgeEvery, s.purge)
}

// endPurging ends what purge began.
func (s *Server) endPurging() {
	s.purging.Lock()
	defer s.purging.Unlock()
	s.next()
}

// ages is for what is to have no limit.
const ages = 100 * 365 * 24 * time.Hour

// lift takes the limits away that are AWS's, and says what a gateway of one's own can do.
func lift(g *gateway.Options, e *engine.Options) {
	none := gateway.Throttle{Rate: -1}
	g.Account, g.NewConnections, g.WebSocketStage, g.HTTPStage, g.Concurrency = none, none, none, none, -1
	g.IdleTimeout, g.MaxAge, g.ConnectGap = ages, ages, -1
	g.MaxParallel = waiting
	g.MaxBodies = cmp.Or(g.MaxBodies, 256<<20) // of those who send a body slowly; who sends it at once holds none for long
	g.BinaryFrames, g.OrderedFrames, e.BinaryFrames, e.OrderedFrames = true, true, true, true
	e.MaxMessage = cmp.Or(e.MaxMessage, engine.MaxOutbox) // no emit may have more
}

// pollWait is longer than any interval of pings, which end a poll.
const pollWait = 15 * time.Minute

// waiting is how many messages of a connection may wait for the one that is handled, before its client has to.
const waiting = 100

// controlled answers doze emit and its siblings, by an emitter on the server's own backend. Clients connect to the same
// address, or elsewhere: to s.URL.
func (s *Server) controlled(b socketio.Backend, elsewhere bool) (http.Handler, error) {
	b.Options = s.Engine.Options()
	b.Options.HandlersElsewhere = true
	d, err := control.Of(b, socketio.Options{})
	if err != nil {
		return nil, err
	}
	began := b.Options.Clock.Now()
	webSockets := b.Options.Path
	if elsewhere {
		webSockets = s.URL + webSockets
	}
	return control.Handler(d, webSockets, func() control.Traffic {
		c := s.Gateway.Stats()
		return control.Traffic{
			Began: began, Connects: c.Connects, Messages: c.Messages, Requests: c.Requests, Posts: c.Posts, Jobs: c.Jobs,
			Errors: c.JobsDropped, Refusals: c.Throttled + c.Throttles,
		}
	}), nil
}

// awsConfig is for an @connections API that asks for no signature.
func awsConfig() aws.Config {
	return aws.Config{Region: "local", Credentials: aws.AnonymousCredentials{}}
}

// Ended is closed when the server has stopped listening, by Close or by itself; Err then says why.
func (s *Server) Ended() <-chan struct{} { return s.ended }

// Err returns why the server stopped by itself, nil after Close. It may be called once Ended is closed.
func (s *Server) Err() error { return s.served }

// keptBack is the time for the sessions of clients that poll when that of Close is over: more than the second that the
// gateway has then for what still runs.
const keptBack = 2 * time.Second

// Close closes all connections, whose sockets are disconnected in order, and waits for what still runs, while ctx
// lasts. With Direct, the sessions of clients that poll are ended too, where they are in memory: for what is left of
// these there are two seconds more. The error says what has not come to its end.
func (s *Server) Close(ctx context.Context) error {
	s.ending.Store(true)
	s.endPurging()
	polling, cancel := context.WithCancelCause(context.WithoutCancel(ctx))
	defer cancel(nil)
	defer context.AfterFunc(ctx, func() {
		time.AfterFunc(keptBack, func() { cancel(context.Cause(ctx)) })
	})()
	quiet, ended := make(chan struct{}), make(chan error, 1)
	s.Engine.Ending(polling)
	if s.alone {
		go func() { ended <- s.Engine.EndPolling(polling, quiet) }()
	} else {
		cancel(nil)
		ended <- nil
	}
	err := s.Gateway.Close(ctx)
	close(quiet)
	err = errors.Join(err, <-ended)
	if e := s.http.Shutdown(ctx); e != nil {
		err = errors.Join(err, s.http.Close())
	}
	if s.inner != nil {
		err = errors.Join(err, s.inner.Close())
	}
	<-s.ended
	return err
}
