package socketio_test

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"sync"
	"testing"

	"github.com/dozeio/doze/pkg/socketio"
	"github.com/dozeio/doze/pkg/socketio/socketiotest"
)

// counting returns an application that counts in its sockets' data.
func counting() (*socketio.Server, *logbook) {
	io, log := newServer()
	io.Of("/").On("count", func(c ctx, s sock) (n int, err error) {
		return n, socketio.UpdateData(c, s, func(v *int) error { *v++; n = *v; return nil })
	})
	io.Of("/").On("data", func(_ ctx, s sock) (n int, err error) { err = s.Data(&n); return n, err })
	return io, log
}

func TestDataLastsFromEventToEventAndOverTheUpgrade(t *testing.T) {
	io, log := counting()
	client := socketiotest.New(t, io).Connect("/", polling)
	for i := range 6 {
		if got := client.Emit("data"); got[0] != float64(i) {
			t.Errorf("data %v, want %d", got, i)
		}
		if client.Emit("count"); i == 2 {
			client.Upgrade()
		}
	}
	log.nothing(t)
}

func TestUpdateDataIsExactUnderParallelInvocations(t *testing.T) {
	io, log := counting()
	client := socketiotest.New(t, io).Connect("/")
	var wg sync.WaitGroup
	for range 50 {
		wg.Go(func() { client.TryEmit("count") })
	}
	wg.Wait()
	if got := client.Emit("data"); got[0] != 50.0 {
		t.Errorf("counted %v", got)
	}
	log.nothing(t)
}

func TestUpdateDataIsExactInGoroutinesOfOneHandler(t *testing.T) {
	many := func(c ctx, s sock) error {
		var wg sync.WaitGroup
		var mu sync.Mutex
		var errs []error
		for range 50 {
			wg.Go(func() {
				err := errors.Join(socketio.UpdateData(c, s, func(n *int) error { *n++; return nil }), s.Join(c, "r"), s.Emit(c, "e"), s.Leave(c, "r"))
				_, other := s.Rooms(c)
				mu.Lock()
				defer mu.Unlock()
				errs = append(errs, err, other, s.Data(new(int)))
			})
		}
		wg.Wait()
		return errors.Join(errs...)
	}
	io, log := counting()
	io.Of("/").Use(many)
	io.Of("/").OnConnection(many)
	client := socketiotest.New(t, io).Connect("/")
	if got := client.Emit("data"); got[0] != 100.0 {
		t.Errorf("counted %v", got)
	}
	for range 100 {
		client.Expect("e")
	}
	log.nothing(t)
}

func TestTheSocketMayBeUsedWithinUpdateDatasFunction(t *testing.T) {
	io, log := newServer()
	io.Of("/").On("e", func(c ctx, s sock) ([]string, error) {
		err := socketio.UpdateData(c, s, func(n *int) error {
			*n++
			return errors.Join(s.Join(c, "a"), s.Emit(c, "x", *n), s.Data(new(int)), s.To("a").Emit(c, "x"))
		})
		rooms, more := s.Rooms(c)
		return rooms, errors.Join(err, more)
	})
	io.Of("/").On("nested", func(c ctx, s sock) error {
		return socketio.UpdateData(c, s, func(n *int) error {
			return socketio.UpdateData(c, s, func(n *int) error { *n++; return nil })
		})
	})
	client := socketiotest.New(t, io).Connect("/")
	client.Emit("e")
	client.Expect("x", 1)
	client.ExpectNothing()
	log.nothing(t)
	if _, ok := client.TryEmit("nested"); ok {
		t.Error("a nested UpdateData was acked")
	}
	log.want(t, "a handler failed", "does the function call UpdateData itself?", "nested", client.ID())
}

func TestAnErrorOfUpdateDatasFunctionIsReturnedAndNothingIsWritten(t *testing.T) {
	io, _ := counting()
	oops := errors.New("oops")
	io.Of("/").On("fail", func(c ctx, s sock) (bool, error) {
		err := socketio.UpdateData(c, s, func(n *int) error { *n = 99; return oops })
		return err == oops, nil
	})
	client := socketiotest.New(t, io).Connect("/")
	client.Emit("count")
	if got := client.Emit("fail"); got[0] != true {
		t.Error("another error")
	}
	if got := client.Emit("data"); got[0] != 1.0 {
		t.Errorf("data %v", got)
	}
}

func TestDataThatCannotBeKeptIsRefused(t *testing.T) {
	io, _ := newServer()
	try := func(f func(c ctx, s sock) error) func(c ctx, s sock) (string, error) {
		return func(c ctx, s sock) (string, error) { return fmt.Sprint(f(c, s)), nil }
	}
	set := func(v any) func(c ctx, s sock) (string, error) {
		return try(func(c ctx, s sock) error {
			return socketio.UpdateData(c, s, func(into *any) error { *into = v; return nil })
		})
	}
	io.Of("/").On("large", set(strings.Repeat("x", 16<<10)))
	io.Of("/").On("largest", set(strings.Repeat("x", 16<<10-2)))
	io.Of("/").On("channel", set(make(chan int)))
	io.Of("/").On("type", try(func(c ctx, s sock) error { return socketio.UpdateData(c, s, func(*int) error { return nil }) }))
	client := socketiotest.New(t, io).Connect("/")
	for _, c := range []struct{ event, want string }{
		{"large", "at most 16384 bytes of JSON, this is 16386"},
		{"largest", "<nil>"},
		{"channel", "marshal from Go chan int"},
		{"type", "the data of the socket is no int"},
	} {
		if got := client.Emit(c.event); !strings.Contains(got[0].(string), c.want) {
			t.Errorf("%s: %v, want %s", c.event, got, c.want)
		}
	}
}

func TestNamespacesDoNotShareData(t *testing.T) {
	io, _ := counting()
	io.Of("/other").On("data", func(_ ctx, s sock) (n int, err error) { err = s.Data(&n); return n, err })
	client := socketiotest.New(t, io).Connect("/")
	other := client.Connect("/other")
	client.Emit("count")
	if got := other.Emit("data"); got[0] != 0.0 {
		t.Errorf("data %v", got)
	}
	client.Disconnect()
	if got := client.Connect("/").Emit("data"); got[0] != 0.0 {
		t.Errorf("a new socket has the data %v", got)
	}
}

func TestAHandlerThatOutlivesItsSocketCannotTouchTheNextOne(t *testing.T) {
	for _, first := range []string{"join", "update"} {
		io, log := counting()
		started, left := make(chan bool), make(chan bool)
		io.Of("/").On("slow", func(c ctx, s sock) error {
			started <- true
			<-left
			if first == "join" { // which is undone when the handler has ended
				return s.Join(c, "room")
			}
			err := socketio.UpdateData(c, s, func(n *int) error { *n = 99; return nil })
			if !errors.Is(err, socketio.ErrGone) || !errors.Is(s.Join(c, "room"), socketio.ErrGone) {
				t.Errorf("UpdateData returned %v", err)
			}
			return nil
		})
		s := socketiotest.New(t, io)
		old := s.Connect("/")
		done := make(chan bool)
		go func() {
			old.EmitNoAck("slow")
			close(done)
		}()
		<-started
		old.Disconnect()
		next := old.Connect("/")
		next.Emit("count")
		close(left)
		<-done
		if got := next.Emit("data"); got[0] != 1.0 {
			t.Errorf("data %v", got)
		}
		if rooms, err := io.Of("/").Rooms(t.Context()); len(rooms) > 0 || err != nil {
			t.Errorf("rooms %v, %v", rooms, err)
		}
		log.nothing(t)
	}
}

func TestUpdateDataGivesUpWhenItsContextEnds(t *testing.T) {
	io, log := newServer()
	io.Of("/").On("e", func(c ctx, s sock) error {
		short, cancel := context.WithCancel(c)
		err := socketio.UpdateData(short, s, func(*int) error {
			cancel()
			return socketio.UpdateData(c, s, func(n *int) error { *n++; return nil }) // so that it has to try again
		})
		if !errors.Is(err, context.Canceled) {
			t.Errorf("UpdateData returned %v", err)
		}
		return nil
	})
	socketiotest.New(t, io).Connect("/").Emit("e")
	log.nothing(t)
}

func TestDataOfATypeIsDataOrItsZeroOrAnError(t *testing.T) {
	io, _ := newServer()
	main := io.Of("/")
	type user struct{ Name string }
	main.On("set", func(c ctx, s sock, name string) (user, error) {
		err := socketio.UpdateData(c, s, func(u *user) error { u.Name = name; return nil })
		u, another := socketio.Data[user](s)
		return u, errors.Join(err, another)
	})
	s := socketiotest.New(t, io)
	client := s.Connect("/")
	if u, err := socketio.Data[user](fetch(t, main, client)); err != nil || u != (user{}) {
		t.Errorf("without data: %v %v", u, err)
	}
	if p, err := socketio.Data[*user](fetch(t, main, client)); err != nil || p != nil {
		t.Errorf("a pointer without data: %v %v", p, err)
	}
	if got := client.Emit("set", "ada"); fmt.Sprint(got) != "[map[Name:ada]]" {
		t.Errorf("its own handler has %v", got)
	}
	fetched := fetch(t, main, client)
	if u, err := socketio.Data[user](fetched); err != nil || u.Name != "ada" {
		t.Errorf("%v %v", u, err)
	}
	if n, err := socketio.Data[int](fetched); err == nil || n != 0 || !strings.Contains(err.Error(), "is no int") {
		t.Errorf("as a number: %v %v", n, err)
	}
	if list, err := socketio.Data[[]string](fetched); err == nil || list != nil {
		t.Errorf("as a list: %v %v", list, err)
	}
}
