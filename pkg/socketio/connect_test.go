package socketio_test

import (
	"encoding/json"
	"errors"
	"fmt"
	"net/url"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/dozeio/doze/internal/testparts"
	"github.com/dozeio/doze/pkg/engine"
	"github.com/dozeio/doze/pkg/protocol"
	"github.com/dozeio/doze/pkg/socketio"
	"github.com/dozeio/doze/pkg/socketio/socketiotest"
)

func TestMiddlewaresRunInOrderAndTheFirstErrorKeepsTheSocketOut(t *testing.T) {
	var order []string
	step := func(name string, err error) func(ctx, sock) error {
		return func(ctx, sock) error { order = append(order, name); return err }
	}
	io, _ := newServer()
	io.Of("/in").Use(step("first", nil))
	io.Of("/in").Use(step("second", nil))
	io.Of("/in").OnConnection(step("connection", nil))
	io.Of("/in").OnConnection(step("another", nil))
	io.Of("/out").Use(step("first", nil))
	io.Of("/out").Use(step("refuse", &socketio.ConnectError{Message: "no"}))
	io.Of("/out").Use(step("never", nil))
	io.Of("/out").OnConnection(step("never", nil))
	s := socketiotest.New(t, io)
	s.Connect("/in")
	s.ConnectError("/out")
	if got := strings.Join(order, " "); got != "first second connection another first refuse" {
		t.Errorf("ran %s", got)
	}
}

func TestAMiddlewareMayReadTheHandshakeSetDataJoinLeaveAndEmit(t *testing.T) {
	overBoth(t, func(t *testing.T, transport socketiotest.Option) {
		io, log := newServer()
		main := io.Of("/")
		main.Use(func(c ctx, s sock) error {
			var auth struct{ Name string }
			h, err := s.Handshake(c)
			if err != nil {
				return err
			}
			if h.Query.Get("q") != "1" || h.Headers.Get("X-Test") != "2" || h.Address == "" || h.URL == "" || h.Time.IsZero() || h.Secure || h.XDomain || string(h.Auth) != `{"name":"ada"}` {
				return fmt.Errorf("handshake: %+v", h)
			}
			return errors.Join(s.Auth(&auth), socketio.UpdateData(c, s, func(n *string) error { *n = auth.Name; return nil }),
				s.Join(c, "a", "b"), s.Join(c, "b", "c"), s.Leave(c, "c", "never"), s.Emit(c, "early", 1))
		})
		main.Use(func(c ctx, s sock) error {
			var name string
			rooms, err := s.Rooms(c)
			if fmt.Sprint(rooms) != "[a b]" {
				return fmt.Errorf("rooms %v", rooms)
			}
			return errors.Join(err, s.Data(&name), s.Emit(c, "name", name), s.To("a").Emit(c, "coming", name))
		})
		main.OnConnection(func(c ctx, s sock) error {
			rooms, err := s.Rooms(c)
			return errors.Join(err, s.Emit(c, "rooms", rooms))
		})
		main.On("data", func(c ctx, s sock) (name string, err error) { return name, s.Data(&name) })
		main.On("late", func(c ctx, s sock) (string, error) {
			h, err := s.Handshake(c)
			return string(h.Auth) + h.Query.Get("q"), errors.Join(err, s.Auth(new(any)))
		})
		s := socketiotest.New(t, io)
		options := []socketiotest.Option{transport, socketiotest.Auth(map[string]string{"name": "ada"}), socketiotest.Query("q", "1"), socketiotest.Header("X-Test", "2")}
		first, second := s.Connect("/", options...), s.Connect("/", options...)
		for _, client := range []*socketiotest.Client{first, second} {
			client.Expect("early", 1)
			client.Expect("name", "ada")
			client.Expect("rooms", []string{"a", "b"})
		}
		first.Expect("coming", "ada")
		if got := first.Emit("data"); got[0] != "ada" {
			t.Errorf("data %v", got)
		}
		if got := first.Emit("late"); got[0] != "1" {
			t.Errorf("later the handshake has %v", got)
		}
		log.nothing(t)
	})
}

// recordingPoster keeps what is posted.
type recordingPoster struct {
	engine.Poster
	posts []string
}

func (r *recordingPoster) Post(c ctx, connection string, f engine.Frame) error {
	r.posts = append(r.posts, string(f.Data))
	return r.Poster.Post(c, connection, f)
}

func TestTheClientKnowsThatItIsConnectedBeforeAnythingThatOnConnectionEmits(t *testing.T) {
	io, _ := newServer()
	io.Of("/").OnConnection(func(c ctx, s sock) error {
		return errors.Join(s.Emit(c, "own"), io.Emit(c, "all"), io.To(s.ID()).Emit(c, "room"))
	})
	var poster *recordingPoster
	s := socketiotest.New(t, io, socketiotest.Options{Wrap: func(b socketio.Backend) socketio.Backend {
		poster = &recordingPoster{Poster: b.Poster}
		b.Poster = poster
		return b
	}})
	client := s.Connect("/")
	want := []string{`40{"sid":"` + client.ID() + `"}`, `42["own"]`, `42["all"]`, `42["room"]`}
	if got := poster.posts[1:]; !slices.Equal(got, want) {
		t.Errorf("posted %q, want %q", got, want)
	}
	for _, event := range []string{"own", "all", "room"} {
		client.Expect(event)
	}

	r := engine.Request{Method: "GET", Query: url.Values{"EIO": {"4"}, "transport": {"polling"}}}
	var open protocol.Open
	if err := json.Unmarshal(testparts.Engine(s).HTTP(t.Context(), r).Body[1:], &open); err != nil {
		t.Fatal(err)
	}
	r.Query.Set("sid", open.SID)
	post := r
	post.Method, post.Body = "POST", []byte("40")
	testparts.Engine(s).HTTP(t.Context(), post)
	body := string(testparts.Engine(s).HTTP(t.Context(), r).Body)
	if !regexp.MustCompile(`^40\{"sid":"[^"]{20}"\}\x1e42\["own"\]\x1e42\["all"\]\x1e42\["room"\]$`).MatchString(body) {
		t.Errorf("the GET was answered with %q", body)
	}
}

func TestAnErrorOfOnConnectionDisconnectsTheSocket(t *testing.T) {
	overBoth(t, func(t *testing.T, transport socketiotest.Option) {
		io, log := newServer()
		var reason socketio.Reason
		io.Of("/").OnConnection(func(c ctx, s sock) error { return errors.Join(s.Join(c, "room"), errors.New("oh no")) })
		io.Of("/").OnConnection(func(ctx, sock) error { t.Error("ran after an error"); return nil })
		io.Of("/").OnDisconnect(func(_ ctx, _ sock, r socketio.Reason) error { reason = r; return nil })
		io.Of("/other")
		s := socketiotest.New(t, io)
		other := s.Connect("/other", transport)
		client := other.Connect("/")
		if client.Disconnected() != "io server disconnect" || reason != socketio.ServerDisconnect || other.Disconnected() != "" {
			t.Errorf("client %q, reason %q, its other namespace %q", client.Disconnected(), reason, other.Disconnected())
		}
		log.want(t, "OnConnection failed, so the socket is disconnected", "oh no", "connection", client.ID())
		if rows := testparts.Store(s).Rows(); rows.Members != 1 {
			t.Errorf("rows: %+v", rows)
		}
	})
}

func TestASocketMayBeDisconnectedFromOnConnection(t *testing.T) {
	overBoth(t, func(t *testing.T, transport socketiotest.Option) {
		for _, closeSession := range []bool{false, true} {
			io, log := newServer()
			reasons := 0
			io.Of("/").OnConnection(func(c ctx, s sock) error { return disconnect(c, s, closeSession) })
			io.Of("/").OnConnection(func(ctx, sock) error { t.Error("ran for a socket that is disconnected"); return nil })
			io.Of("/").OnDisconnect(func(_ ctx, _ sock, r socketio.Reason) error {
				if reasons++; r != socketio.ServerDisconnect {
					t.Errorf("reason %q", r)
				}
				return nil
			})
			s := socketiotest.New(t, io)
			if client := s.Connect("/", transport); client.Disconnected() != "io server disconnect" || reasons != 1 {
				t.Errorf("client %q, OnDisconnect ran %d times", client.Disconnected(), reasons)
			}
			if rows := testparts.Store(s).Rows(); closeSession && rows.Sessions > 0 || rows.Members > 0 {
				t.Errorf("rows: %+v", rows)
			}
			log.nothing(t)
		}
	})
}

func TestAuthOfAnyFormReachesTheApplication(t *testing.T) {
	for _, payload := range []any{nil, map[string]any{}, map[string]any{"a": []any{1.0, nil}}} {
		io, _ := newServer()
		var got json.RawMessage
		io.Of("/").OnConnection(func(_ ctx, s sock) error { return s.Auth(&got) })
		options := []socketiotest.Option{}
		if payload != nil {
			options = append(options, socketiotest.Auth(payload))
		}
		socketiotest.New(t, io).Connect("/", options...)
		want, _ := json.Marshal(payload)
		if payload == nil {
			want = nil
		}
		if string(got) != string(want) {
			t.Errorf("got %s, want %s", got, want)
		}
	}
}
