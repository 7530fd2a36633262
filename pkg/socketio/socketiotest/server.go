package socketiotest

import (
	"context"
	"fmt"
	"math/rand/v2"
	"sync"
	"testing"
	"time"

	"github.com/dozeio/doze/internal/testparts"
	"github.com/dozeio/doze/pkg/engine"
	"github.com/dozeio/doze/pkg/socketio"
	"github.com/dozeio/doze/pkg/store/memory"
)

// Options are the settings of a Server. The zero value of each field means its default.
type Options struct {
	// Engine goes before the options of the application, as a deployment's does. Its default random source is the
	// same for every Server, so that a test has the same ids each time.
	Engine engine.Options
	// Context is what every invocation gets: when it ends, their time is over. Default: context.Background().
	Context context.Context
	// Wrap puts something between the application and its backend, to break or delay it. Close then leaves it to the
	// test to look for rows that were left behind.
	Wrap func(socketio.Backend) socketio.Backend
}

// Server runs an application. Its methods may be called concurrently.
type Server struct {
	engine *engine.Engine
	store  *memory.Store
	t      testing.TB
	wraps  bool

	answering sync.WaitGroup // goroutines of Client.Answer

	mu          sync.Mutex // guards everything below
	ctx         context.Context
	made        int // connections
	tasks       []task
	connections map[string]*session // the open ones, by id
	sessions    []*session
	closed      bool
}

func init() {
	testparts.Of = func(server any) (*engine.Engine, *memory.Store) {
		s := server.(*Server)
		return s.engine, s.store
	}
}

// New binds an application to a backend in memory, and closes it when the test ends. What goes wrong fails the test;
// with a nil t, for examples, it panics, and Close is for the caller to call.
func New(t testing.TB, io *socketio.Server, options ...Options) *Server {
	var o Options
	if len(options) > 0 {
		o = options[0]
	}
	now := time.Now
	if o.Engine.Clock != nil {
		now = o.Engine.Clock.Now
	}
	if o.Engine.Rand == nil {
		o.Engine.Rand = &random{source: rand.NewChaCha8([32]byte{})}
	}
	if o.Context == nil {
		o.Context = context.Background()
	}
	s := &Server{store: memory.New(now), t: t, ctx: o.Context, wraps: o.Wrap != nil, connections: map[string]*session{}}
	if t == nil {
		s.t = panics{}
	} else {
		t.Helper()
		t.Cleanup(s.Close)
	}
	b := socketio.Backend{Sessions: s.store, Rooms: s.store, Acks: s.store, Notes: s.store, Poster: network{s}, Timers: network{s}, Options: o.Engine}
	if o.Wrap != nil {
		b = o.Wrap(b)
	}
	e, err := io.Bind(b)
	if err != nil {
		s.t.Fatalf("socketiotest: %v", err)
	}
	s.engine = e
	return s
}

// random makes a source of random bytes safe for concurrent use.
type random struct {
	mu     sync.Mutex
	source *rand.ChaCha8
}

func (r *random) Read(p []byte) (int, error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.source.Read(p)
}

// Close closes every client that is still there and fails the test when rows other than tombstones stay behind. It
// may be called again.
func (s *Server) Close() {
	s.mu.Lock()
	closed, sessions := s.closed, s.sessions
	s.closed, s.ctx = true, context.Background()
	s.mu.Unlock()
	if closed || s.engine == nil {
		return
	}
	s.answering.Wait()
	for _, session := range sessions {
		session.end()
	}
	s.Settle()
	rows := s.store.Rows()
	if left := rows.Sessions + rows.Handshakes + rows.Lives + rows.Members; left > 0 && !s.wraps {
		s.t.Errorf("socketiotest: rows were left behind: %+v", rows)
	}
}

// task is something that the gateway or the job queue does by itself.
type task struct {
	due   time.Time
	tries int
	run   func(context.Context) error
}

// jobTries is how often a job is carried out that fails.
const jobTries = 5

// Settle carries out what is due: jobs, pongs, the notice of closed connections. The methods of a Client do so by
// themselves; it is for a test that has moved the clock on.
func (s *Server) Settle() {
	for {
		t, ok := s.next()
		if !ok {
			return
		}
		if err := t.run(s.context()); err != nil {
			if t.tries++; t.tries == jobTries {
				s.t.Errorf("socketiotest: a job failed %d times: %v", jobTries, err)
				continue
			}
			s.mu.Lock()
			s.tasks = append(s.tasks, t)
			s.mu.Unlock()
		}
	}
}

// next takes the first task that is due.
func (s *Server) next() (task, bool) {
	now := s.engine.Options().Clock.Now()
	s.mu.Lock()
	defer s.mu.Unlock()
	for i, t := range s.tasks {
		if !t.due.After(now) {
			s.tasks = append(s.tasks[:i:i], s.tasks[i+1:]...)
			return t, true
		}
	}
	return task{}, false
}

func (s *Server) context() context.Context {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.ctx
}

// soon makes a task that is due at once.
func (s *Server) soon(run func(context.Context)) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.tasks = append(s.tasks, task{run: func(ctx context.Context) error { run(ctx); return nil }})
}

// panics is the testing.TB of examples.
type panics struct{ testing.TB }

func (panics) Helper()                           {}
func (panics) Fatalf(format string, args ...any) { panic(fmt.Sprintf(format, args...)) }
func (panics) Errorf(format string, args ...any) { panic(fmt.Sprintf(format, args...)) }
