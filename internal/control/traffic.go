package control

import (
	"context"
	"errors"
	"time"
)

// Traffic is what a server in one process has counted since it began.
type Traffic struct {
	Began    time.Time `json:"began,omitzero"` // the server
	Connects uint64    `json:"connects"`       // of WebSockets
	Messages uint64    `json:"messages"`       // of clients, over WebSockets
	Requests uint64    `json:"requests"`       // over HTTP
	Posts    uint64    `json:"posts"`
	Jobs     uint64    `json:"jobs"`
	Errors   uint64    `json:"errors"`   // jobs that were dropped
	Refusals uint64    `json:"refusals"` // what a rate or the concurrency refused
}

// Since returns what was counted since an earlier look. It is false where the server has been started anew since.
func (t Traffic) Since(earlier Traffic) (Traffic, bool) {
	same := t.Began.Equal(earlier.Began)
	since := func(now, then uint64) uint64 {
		same = same && now >= then
		return now - then
	}
	counted := Traffic{
		Began: t.Began, Connects: since(t.Connects, earlier.Connects), Messages: since(t.Messages, earlier.Messages),
		Requests: since(t.Requests, earlier.Requests), Posts: since(t.Posts, earlier.Posts), Jobs: since(t.Jobs, earlier.Jobs),
		Errors: since(t.Errors, earlier.Errors), Refusals: since(t.Refusals, earlier.Refusals),
	}
	if !same {
		return Traffic{}, false
	}
	return counted, true
}

// TrafficAt asks the server in one process at a URL.
func TrafficAt(ctx context.Context, url string) (Traffic, error) {
	d := At(url).(remote)
	a, err := d.ask(ctx, request{Do: "traffic"})
	if err == nil && a.Traffic == nil {
		err = errors.New(d.url + " counts no traffic: it is no doze dev of this version")
	}
	if err != nil {
		return Traffic{}, err
	}
	return *a.Traffic, nil
}
