//go:build full

package dynamo_test

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"os/exec"
	"reflect"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/dozeio/doze/pkg/engine"
	"github.com/dozeio/doze/pkg/rooms"
	"github.com/dozeio/doze/pkg/store/dynamo"
	"github.com/dozeio/doze/pkg/store/storetest"
	"github.com/dozeio/doze/tests/kit/dynalite"
)

// The suites again, with every call made by another process than the one before.
func TestSessionsOfSeveralProcesses(t *testing.T) {
	onEach(t, func(t *testing.T, s *server) {
		p := startProcesses(t, s)
		storetest.Sessions(t, func(_ *testing.T, now func() time.Time) engine.Store { return spread{p, now} })
	})
}

func TestRoomsOfSeveralProcesses(t *testing.T) {
	onEach(t, func(t *testing.T, s *server) {
		p := startProcesses(t, s)
		storetest.Rooms(t, func(_ *testing.T, now func() time.Time) rooms.Store { return spread{p, now} })
	})
}

// serveVariable is set for the processes that make the calls: to the endpoint and the table.
const serveVariable = "DOZE_TEST_SERVE"

// A call is one of a method of a Store, by its name, at a time.
type storeCall struct {
	Method string
	Now    time.Time
	In     []json.RawMessage
	Kind   string // of a transition
}

// An answer is what it returned.
type storeAnswer struct {
	Out       []json.RawMessage
	Error     string
	Exists    bool // engine.ErrExists
	Temporary bool
}

var transitions = map[string]reflect.Type{}

func init() {
	for _, t := range []engine.Transition{engine.Announce{}, engine.Greet{}, engine.Doubt{}, engine.Count{}, engine.SetEntry{}, engine.Keep{}, engine.Close{}, engine.Finish{}, engine.Append{}, engine.BeginPoll{},
		engine.EndPoll{}, engine.Tell{}, engine.Pong{}, engine.Probe{}, engine.Unprobe{}, engine.Drain{}, engine.Settle{}} {
		transitions[reflect.TypeOf(t).Name()] = reflect.TypeOf(t)
	}
}

// serveCalls is what such a process does until its standard input ends.
func serveCalls(where string) {
	url, name, _ := strings.Cut(where, " ")
	mine := dynalite.Client(url)
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
	fmt.Println(listener.Addr())
	go func() {
		_, _ = io.Copy(io.Discard, os.Stdin)
		os.Exit(0)
	}()
	err = http.Serve(listener, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		var c storeCall
		if err := json.NewDecoder(r.Body).Decode(&c); err != nil {
			http.Error(w, err.Error(), http.StatusBadRequest)
			return
		}
		store := dynamo.New(mine, name, func() time.Time { return c.Now })
		_ = json.NewEncoder(w).Encode(answer(r.Context(), store, c))
	}))
	fmt.Fprintln(os.Stderr, err)
	os.Exit(1)
}

func answer(ctx context.Context, store *dynamo.Store, c storeCall) (a storeAnswer) {
	method := reflect.ValueOf(store).MethodByName(c.Method)
	in := []reflect.Value{reflect.ValueOf(ctx)}
	for i, raw := range c.In {
		t := method.Type().In(i + 1)
		if t.Kind() == reflect.Interface {
			t = transitions[c.Kind]
		}
		v := reflect.New(t)
		if err := json.Unmarshal(raw, v.Interface()); err != nil {
			return storeAnswer{Error: err.Error()}
		}
		in = append(in, v.Elem())
	}
	results := method.Call
	if method.Type().IsVariadic() {
		results = method.CallSlice
	}
	out := results(in)
	if err, _ := out[len(out)-1].Interface().(error); err != nil {
		var t interface{ Temporary() bool }
		a.Error, a.Exists, a.Temporary = err.Error(), errors.Is(err, engine.ErrExists), errors.As(err, &t) && t.Temporary()
	}
	for _, v := range out[:len(out)-1] {
		raw, err := json.Marshal(v.Interface())
		if err != nil {
			return storeAnswer{Error: err.Error()}
		}
		a.Out = append(a.Out, raw)
	}
	return a
}

// processes are the addresses of those that make calls.
type processes struct {
	urls []string
	next atomic.Uint64
	http http.Client
}

func startProcesses(t *testing.T, s *server) *processes {
	t.Helper()
	p := &processes{http: http.Client{Transport: &http.Transport{MaxIdleConnsPerHost: 256}}}
	for range 3 {
		cmd := exec.Command(os.Args[0])
		cmd.Env = append(os.Environ(), serveVariable+"="+s.url+" "+s.table)
		cmd.Stderr = os.Stderr
		in, err := cmd.StdinPipe()
		if err != nil {
			t.Fatal(err)
		}
		out, err := cmd.StdoutPipe()
		if err != nil {
			t.Fatal(err)
		}
		if err := cmd.Start(); err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() {
			in.Close()
			_ = cmd.Wait()
		})
		line, err := bufio.NewReader(out).ReadString('\n')
		if err != nil {
			t.Fatal(err)
		}
		p.urls = append(p.urls, "http://"+strings.TrimSpace(line))
	}
	t.Cleanup(p.http.CloseIdleConnections)
	return p
}

// farError is an error of another process.
type farError struct {
	text      string
	temporary bool
}

func (e farError) Error() string   { return e.text }
func (e farError) Temporary() bool { return e.temporary }

// spread is a store whose calls are made by processes in turn.
type spread struct {
	*processes
	now func() time.Time
}

func (s spread) call(ctx context.Context, method string, in []any, out ...any) error {
	c := storeCall{Method: method, Now: s.now()}
	for _, v := range in {
		if t, ok := v.(engine.Transition); ok {
			c.Kind = reflect.TypeOf(t).Name()
		}
		raw, err := json.Marshal(v)
		if err != nil {
			return err
		}
		c.In = append(c.In, raw)
	}
	body, err := json.Marshal(c)
	if err != nil {
		return err
	}
	url := s.urls[s.next.Add(1)%uint64(len(s.urls))]
	request, err := http.NewRequestWithContext(ctx, http.MethodPost, url, bytes.NewReader(body))
	if err != nil {
		return err
	}
	response, err := s.http.Do(request)
	if err != nil {
		return err
	}
	defer response.Body.Close()
	var a storeAnswer
	if err := json.NewDecoder(response.Body).Decode(&a); err != nil {
		return err
	}
	switch {
	case a.Exists:
		return engine.ErrExists
	case a.Error != "":
		return farError{a.Error, a.Temporary}
	}
	for i, v := range out {
		if err := json.Unmarshal(a.Out[i], v); err != nil {
			return err
		}
	}
	return nil
}

func (s spread) Create(ctx context.Context, row engine.Session, handshake []byte, live *engine.Live) error {
	return s.call(ctx, "Create", []any{row, handshake, live})
}

func (s spread) Get(ctx context.Context, a engine.Address, strong bool) (row engine.Session, err error) {
	err = s.call(ctx, "Get", []any{a, strong}, &row)
	return row, err
}

func (s spread) Update(ctx context.Context, a engine.Address, t engine.Transition) (row engine.Session, ok bool, err error) {
	err = s.call(ctx, "Update", []any{a, t}, &row, &ok)
	return row, ok, err
}

func (s spread) Handshake(ctx context.Context, of engine.Session) (h []byte, err error) {
	err = s.call(ctx, "Handshake", []any{of}, &h)
	return h, err
}

func (s spread) PutLive(ctx context.Context, l engine.Live) error {
	return s.call(ctx, "PutLive", []any{l})
}

func (s spread) Touch(ctx context.Context, a engine.Address, last time.Time, joined bool) error {
	return s.call(ctx, "Touch", []any{a, last, joined})
}

func (s spread) Lives(ctx context.Context, shard int) (lives []engine.Live, err error) {
	err = s.call(ctx, "Lives", []any{shard}, &lives)
	return lives, err
}

func (s spread) Forget(ctx context.Context, a engine.Address, sid string) error {
	return s.call(ctx, "Forget", []any{a, sid})
}

func (s spread) Timer(ctx context.Context, shard int, strong bool) (t engine.Timer, err error) {
	err = s.call(ctx, "Timer", []any{shard, strong}, &t)
	return t, err
}

func (s spread) SetTimer(ctx context.Context, shard int, generation int64, t engine.Timer) (ok bool, err error) {
	err = s.call(ctx, "SetTimer", []any{shard, generation, t}, &ok)
	return ok, err
}

func (s spread) Join(ctx context.Context, namespace string, m rooms.Member, names ...string) (n int, err error) {
	err = s.call(ctx, "Join", []any{namespace, m, names}, &n)
	return n, err
}

func (s spread) Leave(ctx context.Context, namespace, socket string, names ...string) error {
	return s.call(ctx, "Leave", []any{namespace, socket, names})
}

func (s spread) Move(ctx context.Context, namespace, socket, address string) error {
	return s.call(ctx, "Move", []any{namespace, socket, address})
}

func (s spread) Members(ctx context.Context, namespace, room, cursor string) (page []rooms.Member, next string, err error) {
	err = s.call(ctx, "Members", []any{namespace, room, cursor}, &page, &next)
	return page, next, err
}

func (s spread) Rooms(ctx context.Context, namespace, socket string) (names []string, err error) {
	err = s.call(ctx, "Rooms", []any{namespace, socket}, &names)
	return names, err
}

func (s spread) Counts(ctx context.Context, namespace string) (counts map[string]int, err error) {
	err = s.call(ctx, "Counts", []any{namespace}, &counts)
	return counts, err
}
