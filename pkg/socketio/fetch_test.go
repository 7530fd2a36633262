package socketio_test

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/dozeio/doze/pkg/engine"
	"github.com/dozeio/doze/pkg/socketio"
	"github.com/dozeio/doze/pkg/socketio/socketiotest"
)

func TestFetchSocketsReadsTheDataOfThoseThatAnEmitWouldReach(t *testing.T) {
	io := socketio.New(socketio.Options{Logger: slog.New(slog.DiscardHandler), MaxCalls: 6})
	if _, err := io.To("tea").FetchSockets(t.Context()); !errors.Is(err, socketio.ErrUnbound) {
		t.Errorf("before Bind: %v, want ErrUnbound", err)
	}
	for _, namespace := range []string{"/", "/other"} {
		n := io.Of(namespace)
		n.Use(func(ctx context.Context, s *socketio.Socket) error {
			if err := s.Join(ctx, "all"); err != nil {
				return err
			}
			return socketio.UpdateData(ctx, s, func(data *named) error { return s.Auth(data) })
		})
		n.On("rename", func(ctx context.Context, s *socketio.Socket, name string) error {
			return socketio.UpdateData(ctx, s, func(data *named) error { data.Name = name; return nil })
		})
		n.On("others", func(ctx context.Context, s *socketio.Socket, room string) ([]string, error) {
			return fetched(s.To(room).FetchSockets(ctx))
		})
	}
	s := socketiotest.New(t, io)
	auth := func(name string) socketiotest.Option { return socketiotest.Auth(named{name}) }
	ada := s.Connect("/", auth("ada"))
	bob := s.Connect("/", auth("bob"), polling)
	eve := s.Connect("/", auth("eve"), polling)
	ada.Connect("/other", auth("ada elsewhere"))
	bob.Emit("rename", "robert")
	eve.Upgrade() // its row is another now
	main := io.Of("/")
	for _, c := range []struct {
		name string
		of   socketio.Broadcast
		want string
	}{
		{"a room", main.To("all"), "ada eve robert"},
		{"everybody but one", main.Except(bob.ID()), "ada eve"},
		{"one socket", main.To(eve.ID()), "eve"},
		{"another namespace", io.Of("/other").To("all"), "ada elsewhere"},
		{"a room without members", main.To("tea"), ""},
		{"a room that nobody can join", main.To(""), ""},
	} {
		names, err := fetched(c.of.FetchSockets(t.Context()))
		if got := strings.Join(names, " "); err != nil || got != c.want {
			t.Errorf("%s: %q %v, want %q", c.name, got, err, c.want)
		}
	}
	if got := ada.Emit("others", "all"); fmt.Sprint(got) != "[[eve robert]]" {
		t.Errorf("the others for ada: %v", got)
	}
	one, err := main.To(bob.ID()).FetchSockets(t.Context())
	if err != nil || len(one) != 1 || one[0].ID() != bob.ID() {
		t.Errorf("bob is %v %v", one, err)
	}
	if err := one[0].Emit(t.Context(), "hello", 1); err != nil {
		t.Error(err)
	}
	bob.Expect("hello", 1)
	if rooms, err := one[0].Rooms(t.Context()); err != nil || !slices.Contains(rooms, "all") {
		t.Errorf("a fetched socket is in %q, %v", rooms, err)
	}
	eve.Vanish()
	if names, err := fetched(main.To("all").FetchSockets(t.Context())); err != nil || strings.Join(names, " ") != "ada robert" {
		t.Errorf("without eve: %v %v", names, err)
	}
	for range 60 { // beyond the calls that one request has
		s.Connect("/", auth("more"))
	}
	if ack, ok := ada.TryEmit("others", "all"); ok {
		t.Errorf("reading more sockets than MaxCalls is acked with %v", ack)
	}
}

type named struct {
	Name string `json:"name"`
}

// fetched returns the data of sockets, which are names, in order.
func fetched(sockets []*socketio.Socket, err error) ([]string, error) {
	names := []string{}
	for _, socket := range sockets {
		var data named
		err = errors.Join(err, socket.Data(&data))
		names = append(names, data.Name)
	}
	slices.Sort(names)
	return names, err
}

// forgetful is a store whose cheap reads know no session.
type forgetful struct{ engine.Store }

func (s forgetful) Get(ctx context.Context, a engine.Address, strong bool) (engine.Session, error) {
	if !strong {
		return engine.Session{}, nil
	}
	return s.Store.Get(ctx, a, strong)
}

func TestFetchSocketsFindsWhomACheapReadDoesNotKnowYet(t *testing.T) {
	io := socketio.New(socketio.Options{})
	io.Of("/").Use(func(ctx context.Context, s *socketio.Socket) error {
		return socketio.UpdateData(ctx, s, func(data *named) error { return s.Auth(data) })
	})
	s := socketiotest.New(t, io, socketiotest.Options{Wrap: func(b socketio.Backend) socketio.Backend {
		b.Sessions = forgetful{b.Sessions}
		return b
	}})
	ada := s.Connect("/", socketiotest.Auth(named{"ada"}))
	if names, err := fetched(io.Of("/").Except().FetchSockets(t.Context())); err != nil || fmt.Sprint(names) != "[ada]" {
		t.Errorf("%v %v, want ada", names, err)
	}
	if err := io.DisconnectSockets(t.Context(), false); err != nil || ada.Disconnected() == "" {
		t.Errorf("the client is %q after DisconnectSockets: %v", ada.Disconnected(), err)
	}
}

// past is a store whose cheap reads show each session as it was before its last change.
type past struct {
	engine.Store
	mu  sync.Mutex
	old map[engine.Address]engine.Session
}

func (p *past) Get(ctx context.Context, a engine.Address, strong bool) (engine.Session, error) {
	p.mu.Lock()
	old, ok := p.old[a]
	p.mu.Unlock()
	if ok && !strong {
		return old, nil
	}
	return p.Store.Get(ctx, a, strong)
}

func (p *past) Update(ctx context.Context, a engine.Address, t engine.Transition) (engine.Session, bool, error) {
	before, err := p.Store.Get(ctx, a, true)
	if err != nil {
		return before, false, err
	}
	if _, ok := t.(engine.SetEntry); ok && before.Address != "" {
		p.mu.Lock()
		p.old[a] = before
		p.mu.Unlock()
	}
	return p.Store.Update(ctx, a, t)
}

// Whoever changes data and then tells a room, and whoever joins the room and then fetches who is there, do not miss each
// other: what is told was said to a member, or was fetched.
func TestWhatIsFetchedIsNotOld(t *testing.T) {
	overBoth(t, func(t *testing.T, transport socketiotest.Option) {
		io := socketio.New(socketio.Options{})
		n := io.Of("/")
		n.Use(func(ctx context.Context, s *socketio.Socket) error {
			return errors.Join(s.Join(ctx, "tea"), socketio.UpdateData(ctx, s, func(data *named) error { return s.Auth(data) }))
		})
		n.On("call", func(ctx context.Context, s *socketio.Socket, name string) error {
			err := socketio.UpdateData(ctx, s, func(data *named) error { data.Name = name; return nil })
			return errors.Join(err, s.To("tea").Emit(ctx, "called", name))
		})
		s := socketiotest.New(t, io, socketiotest.Options{Wrap: func(b socketio.Backend) socketio.Backend {
			b.Sessions = &past{Store: b.Sessions, old: map[engine.Address]engine.Session{}}
			return b
		}})
		ada := s.Connect("/", transport, socketiotest.Auth(named{"ada"}))
		ada.Emit("call", "lovelace") // before anybody else is there
		if names, err := fetched(io.In("tea").FetchSockets(t.Context())); err != nil || fmt.Sprint(names) != "[lovelace]" {
			t.Errorf("all are %v, %v", names, err)
		}
		one, err := n.FetchSocket(t.Context(), ada.ID())
		if names, err := fetched([]*socketio.Socket{one}, err); err != nil || fmt.Sprint(names) != "[lovelace]" {
			t.Errorf("one is %v, %v", names, err)
		}
	})
}
