package gateway

import "sync/atomic"

// Stats counts what happened since New. A test under Jitter asserts that Swapped is not zero.
type Stats struct {
	Connections int    // open now
	Connects    uint64 // invocations of $connect, and so on
	Messages    uint64
	Disconnects uint64
	Requests    uint64 // invocations by the HTTP API
	Jobs        uint64 // deliveries to Jobs, redeliveries included
	JobsDropped uint64 // after the last attempt
	Posts       uint64 // POSTs to @connections, whatever the answer
	Swapped     uint64 // $default invocations that began after a later message's of the same connection
	Faults      uint64 // injected

	Throttled  uint64 // requests, handshakes, messages and @connections calls that met an empty bucket
	Throttles  uint64 // invocations that there was no concurrency for
	ColdStarts uint64 // invocations that met a new environment

	RecursiveInvocationsDropped uint64 // jobs that Options.MaxHops ended, by the name of CloudWatch's metric
}

type counters struct {
	connects, messages, disconnects, requests, jobs, jobsDropped, posts, swapped, recursive, throttled, throttles, coldStarts atomic.Uint64
}

// Stats returns the counts of this moment.
func (g *Gateway) Stats() Stats {
	g.mu.RLock()
	connections := 0
	for _, c := range g.conns {
		if c.isOpen() {
			connections++
		}
	}
	g.mu.RUnlock()
	g.faults.mu.Lock()
	injected := g.faults.injected
	g.faults.mu.Unlock()
	s := &g.stats
	return Stats{
		Connections: connections, Faults: injected,
		Connects: s.connects.Load(), Messages: s.messages.Load(), Disconnects: s.disconnects.Load(), Requests: s.requests.Load(),
		Jobs: s.jobs.Load(), JobsDropped: s.jobsDropped.Load(), Posts: s.posts.Load(), Swapped: s.swapped.Load(),
		Throttled: s.throttled.Load(), Throttles: s.throttles.Load(), ColdStarts: s.coldStarts.Load(),
		RecursiveInvocationsDropped: s.recursive.Load(),
	}
}
