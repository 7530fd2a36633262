package control

import (
	"context"
	"errors"
)

// Traffic is what a server in one process has counted since it began.
type Traffic struct {
	Connects uint64 `json:"connects"` // of WebSockets
	Messages uint64 `json:"messages"` // of clients, over WebSockets
	Requests uint64 `json:"requests"` // over HTTP
	Posts    uint64 `json:"posts"`
	Jobs     uint64 `json:"jobs"`
	Errors   uint64 `json:"errors"`   // jobs that were dropped
	Refusals uint64 `json:"refusals"` // what a rate or the concurrency refused
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
