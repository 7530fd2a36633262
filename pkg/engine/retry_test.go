package engine_test

import (
	"context"
	"errors"
	"testing"
	"time"

	"github.com/dozeio/doze/pkg/engine"
	"github.com/dozeio/doze/pkg/store/storetest"
)

func TestRace7RetriesEndWithTheInvocation(t *testing.T) {
	inWorld(t, engine.Options{}, func(t *testing.T, w *world) {
		for _, c := range []struct {
			time        time.Duration // of the invocation
			call        time.Duration // of each call
			least, most int           // calls
		}{
			{time.Hour, 0, 9, 9},
			{time.Hour, 3 * time.Second, 9, 9},
			{300 * time.Millisecond, 20 * time.Millisecond, 4, 7},
			{300 * time.Millisecond, time.Hour, 1, 1},
		} {
			ctx, cancel := context.WithTimeout(t.Context(), c.time)
			begin, calls := time.Now(), 0
			err := w.e.Retry(ctx, func() error {
				calls++
				if ctx.Err() != nil {
					t.Errorf("%v: call %d begins when the time is over", c, calls)
				}
				select {
				case <-time.After(c.call):
				case <-ctx.Done():
				}
				return storetest.ErrThrottled
			})
			cancel()
			if d := time.Since(begin); d > c.time || calls < c.least || calls > c.most || !errors.Is(err, storetest.ErrThrottled) {
				t.Errorf("%v: %d calls in %v, %v", c, calls, d, err)
			}
		}
	})
}
