//go:build full

// Package sweeps lets clients do nothing but answer pings, on deployments of processes: for a hundred sweeps, while
// sweeps are killed, and where Lambda ends the heartbeat's loop.
package sweeps

import (
	"math/rand/v2"
	"testing"
	"time"

	"github.com/dozeio/doze/pkg/engine"
	"github.com/dozeio/doze/pkg/gateway"
	"github.com/dozeio/doze/tests/kit/processes"
)

// second is a heartbeat of a second. As on AWS, what a sweep may take that dies and the time until it comes again are
// less than PingTimeout.
var second = processes.Options{
	Engine:  engine.Options{PingInterval: time.Second, PingTimeout: 10 * time.Second},
	Gateway: gateway.Options{JobVisibility: 4 * time.Second, JobTimeout: 4 * time.Second},
}

// TestClientsLiveThroughAHundredSweeps kills twenty of the sweeps, at any instant.
func TestClientsLiveThroughAHundredSweeps(t *testing.T) {
	t.Parallel()
	const sweeps, kills = 100, 20
	d := start(t, second)
	clients := d.connect(32)
	pinged := func(n int64) func() bool {
		return func() bool { return d.fewest(clients) >= n }
	}
	for i := range int64(kills) {
		d.until("pings", pinged(i*sweeps/kills+1))
		d.killASweep(clients, func() time.Duration { return 0 })
	}
	d.until("pings", pinged(sweeps))
	d.allLive(clients)
	s := d.Gateway.Stats()
	t.Logf("%d sweeps and other jobs for %d shards, of which %d died; each client got %d pings or more; %d posts", s.Jobs, d.shards(), d.Heartbeat.Stats().Errors, d.fewest(clients), s.Posts)
	if s.RecursiveInvocationsDropped != 0 || s.JobsDropped != 0 {
		t.Errorf("%+v", s)
	}
}

// TestLambdaEndsTheHeartbeatWithoutRecursiveLoop is the same without the property, which the template has: the count
// that ends a chain of sweeps comes all the way from the queue, through the functions' SDK, and back to it.
func TestLambdaEndsTheHeartbeatWithoutRecursiveLoop(t *testing.T) {
	t.Parallel()
	o := second
	o.TerminateLoops = true
	d := start(t, o)
	clients := d.connect(16)
	for _, c := range clients {
		<-c.ended
		if n := c.pings.Load(); n >= 40 {
			t.Errorf("a client got %d pings", n)
		}
	}
	s := d.Gateway.Stats()
	t.Logf("%d sweeps and other jobs", s.Jobs)
	if s.RecursiveInvocationsDropped == 0 {
		t.Errorf("all are lost, but not for that reason: %+v", s)
	}
}

// TestASweepThatDiesComesAgainInTime kills sweeps where the next one would come too late for their clients: it is the
// queue that has to bring them again.
func TestASweepThatDiesComesAgainInTime(t *testing.T) {
	t.Parallel()
	const kills = 12
	seed := rand.Uint64()
	t.Logf("seed %d", seed)
	random := rand.New(rand.NewPCG(seed, 0))
	const visibility = 2 * time.Second
	d := start(t, processes.Options{
		Engine:  engine.Options{PingInterval: 10 * time.Second, PingTimeout: 8 * time.Second},
		Gateway: gateway.Options{JobVisibility: visibility, JobTimeout: visibility},
		Latency: processes.Latency{Table: 10 * time.Millisecond, Post: 100 * time.Millisecond}, // so that a sweep takes time to be killed in
	})
	clients := d.connect(32)
	d.until("pings", func() bool { return d.fewest(clients) >= 1 })
	for range kills {
		jobs := d.Gateway.Stats().Jobs
		d.killASweep(clients, func() time.Duration { return time.Duration(random.Int64N(int64(150 * time.Millisecond))) })
		// The sweep that died is not to die again when it comes, from the queue or because another shard's sweep has
		// missed it: that is for who has been unlucky twice.
		again := time.Now().Add(2 * visibility)
		d.until("the sweep again", func() bool {
			return d.fewest(clients) >= 1 && time.Now().After(again) && d.Gateway.Stats().Jobs > jobs+1 && d.Heartbeat.Stats().Busy == 0
		})
	}
	now := d.fewest(clients)
	d.until("pings", func() bool { return d.fewest(clients) >= now+2 })
	d.allLive(clients)
	t.Logf("%d sweeps died, for %d shards", d.Heartbeat.Stats().Errors, d.shards())
}
