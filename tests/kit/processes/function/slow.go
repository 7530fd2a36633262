package main

import (
	"context"
	"math/rand/v2"
	"time"

	"github.com/dozeio/doze/pkg/apigw"
	"github.com/dozeio/doze/pkg/engine"
	"github.com/dozeio/doze/pkg/socketio"
	"github.com/dozeio/doze/tests/kit/processes"
)

// slow makes what a session's functions call as slow as on AWS.
func slow(b socketio.Backend, l processes.Latency) socketio.Backend {
	b.Sessions, b.Poster, b.Timers = slowStore{b.Sessions, l.Table}, slowPoster{b.Poster, l.Post}, slowQueue{b.Timers, l}
	return b
}

func wait(d time.Duration) {
	if d > 0 {
		<-time.NewTimer(d).C
	}
}

// slowStore is slow where a connection begins, which is what it is for.
type slowStore struct {
	engine.Store
	by time.Duration
}

func (s slowStore) Create(ctx context.Context, row engine.Session, handshake []byte, live *engine.Live) error {
	wait(2 * s.by) // the session, then the rest at once
	return s.Store.Create(ctx, row, handshake, live)
}

func (s slowStore) Get(ctx context.Context, a engine.Address, strong bool) (engine.Session, error) {
	wait(s.by)
	return s.Store.Get(ctx, a, strong)
}

func (s slowStore) Update(ctx context.Context, a engine.Address, t engine.Transition) (engine.Session, bool, error) {
	wait(s.by)
	return s.Store.Update(ctx, a, t)
}

func (s slowStore) Timer(ctx context.Context, shard int, strong bool) (engine.Timer, error) {
	wait(s.by)
	return s.Store.Timer(ctx, shard, strong)
}

func (s slowStore) SetTimer(ctx context.Context, shard int, generation int64, t engine.Timer) (bool, error) {
	wait(s.by)
	return s.Store.SetTimer(ctx, shard, generation, t)
}

type slowPoster struct {
	engine.Poster
	by time.Duration
}

func (p slowPoster) Post(ctx context.Context, connection string, f engine.Frame) error {
	wait(p.by)
	return p.Poster.Post(ctx, connection, f)
}

func (p slowPoster) Exists(ctx context.Context, connection string) error {
	wait(p.by)
	return p.Poster.Exists(ctx, connection)
}

type slowQueue struct {
	engine.Timers
	l processes.Latency
}

func (q slowQueue) Schedule(ctx context.Context, job []byte, after time.Duration) error {
	wait(q.l.Send)
	delivery := q.l.Deliver
	if q.l.Spread > 0 {
		delivery += time.Duration(rand.Int64N(int64(q.l.Spread)))
	}
	return q.Timers.Schedule(ctx, job, after+delivery)
}

// slowHandler is the way to a function and back.
type slowHandler struct {
	apigw.Handler
	by time.Duration
}

func (h slowHandler) Invoke(ctx context.Context, event []byte) ([]byte, error) {
	wait(h.by)
	return h.Handler.Invoke(ctx, event)
}
