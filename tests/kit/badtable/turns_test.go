package badtable_test

import (
	"context"
	"io"
	"net/http"
	"net/http/httptest"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/dozeio/doze/tests/kit/badtable"
)

// TestWhatNobodyWaitsForIsNotPassedOn keeps a DynamoDB busy. Requests that pile up before one and are passed on after
// their clients have given up, each on a connection of its own, would keep it busy for ever.
func TestWhatNobodyWaitsForIsNotPassedOn(t *testing.T) {
	var arrived atomic.Int32
	release := make(chan struct{})
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		_, _ = io.Copy(io.Discard, r.Body)
		arrived.Add(1)
		<-release
	}))
	t.Cleanup(server.Close)
	p, err := badtable.Start(server.URL, badtable.Options{})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(p.Close)
	ask := func(ctx context.Context) (err any) {
		defer func() { err = recover() }()
		p.ServeHTTP(httptest.NewRecorder(), httptest.NewRequestWithContext(ctx, http.MethodPost, "/", nil))
		return nil
	}
	var all sync.WaitGroup
	for range badtable.AtOnce {
		all.Go(func() {
			if err := ask(t.Context()); err != nil {
				t.Error(err)
			}
		})
	}
	for arrived.Load() < badtable.AtOnce {
		time.Sleep(time.Millisecond)
	}
	impatient, cancel := context.WithTimeout(t.Context(), 100*time.Millisecond)
	defer cancel()
	if ask(impatient) == nil {
		t.Error("a busy DynamoDB has answered")
	}
	close(release)
	all.Wait()
	if err := ask(t.Context()); err != nil {
		t.Error(err)
	}
	if got := arrived.Load(); got != badtable.AtOnce+1 {
		t.Errorf("%d requests arrived, want %d: not the one whose client has given up", got, badtable.AtOnce+1)
	}
}
