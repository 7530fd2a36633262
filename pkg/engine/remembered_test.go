package engine

import (
	"errors"
	"testing"
	"testing/synctest"
	"time"
)

// TestAProcessForgetsConnections has connections end, and finds others gone. Nothing happens after that.
func TestAProcessForgetsConnections(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		e := &Engine{opt: Options{Clock: systemClock{}}}
		e.rates.init(100)
		for _, connection := range []string{"a", "b"} {
			e.rates.add(connection)
		}
		e.rates.forget("a")
		if n := len(e.rates.count); n != 1 || e.rates.count["b"] != 1 {
			t.Errorf("the messages of %d connections are counted", n)
		}
		met := func() int {
			e.met.mu.Lock()
			defer e.met.mu.Unlock()
			return len(e.met.gone)
		}
		farewell := Farewell(t.Context())
		for range 2 {
			for _, connection := range []string{"c", "d"} {
				if err := e.ended(farewell, connection); !errors.Is(err, ErrGone) {
					t.Fatal(err)
				}
			}
			if n := met(); n != 2 {
				t.Errorf("%d connections are met", n)
			}
			time.Sleep(metFor)
			synctest.Wait()
			if n := met(); n != 0 {
				t.Errorf("%d connections are met %v later", n, metFor)
			}
		}
	})
}
