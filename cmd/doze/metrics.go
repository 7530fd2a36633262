package main

import (
	"io"

	"github.com/dozeio/doze/pkg/observe"
	"github.com/dozeio/doze/pkg/observe/emf"
)

// Metrics of CloudWatch's that have values while clients are connected: the figures of docs/operate.md, by their
// labels, of which an application has so many that matter. An hour without a value costs nothing.
const (
	metricsOfClients = 14.0
	metricsOfEvents  = 6.0 // five events with a handler, and recipients
)

// metricLines is how many bytes of log an invocation's figures are.
type metricLines struct{ event, handshake, connect, upgrade, disconnect, sweep float64 }

// bytesOf counts what a function writes.
type bytesOf float64

func (n *bytesOf) Write(p []byte) (int, error) {
	*n += bytesOf(len(p))
	return len(p), nil
}

var _ io.Writer = (*bytesOf)(nil)

// measureLines has lines written as the functions do: of an event with so many recipients, an ack among its posts, and of
// what a client's visit is made of.
func measureLines(members int) (all metricLines) {
	line := func(count func(m *emf.Meter)) float64 {
		var n bytesOf
		m := emf.New(&n, "doze-example", nil)
		count(m)
		m.Flush()
		return float64(n)
	}
	post := func(m *emf.Meter) {
		m.Count(observe.Posts, "ok", 1)
		m.Observe(observe.PostTime, 12.34)
	}
	return metricLines{
		event: line(func(m *emf.Meter) {
			m.Count(observe.Events, "message", 1)
			m.Observe(observe.EventTime, 23.45)
			m.Observe(observe.Recipients, float64(members))
			for range members + 1 {
				post(m)
			}
		}),
		handshake:  line(func(m *emf.Meter) { m.Count(observe.Handshakes, "websocket", 1) }),
		connect:    line(func(m *emf.Meter) { m.Count(observe.Connects, "", 1); post(m) }),
		upgrade:    line(func(m *emf.Meter) { m.Observe(observe.UpgradeTime, 123.45) }),
		disconnect: line(func(m *emf.Meter) { m.Count(observe.Disconnects, "transport close", 1) }),
		sweep: line(func(m *emf.Meter) {
			m.Observe(observe.QueueAge, 123.45)
			m.Part(observe.Sessions, "polling", 0, 7, emf.SumOver)
			m.Part(observe.Sessions, "websocket", 0, 7, emf.SumOver)
			post(m)
		}),
	}
}

// leaving is the line of the log that says why a socket has left, which is there without metrics too.
const leaving = 230.0

// observed counts what the functions log by themselves, and the metrics that CloudWatch makes of it.
func (r *reckoning) observed(u use, visits, events, sweeps float64) {
	r.logged += visits * leaving
	if !u.metrics || u.clients+u.polling == 0 {
		return
	}
	n := measureLines(int(min(u.members, 1000)))
	r.logged += events*n.event*max(1, u.members/1000) + visits*(n.handshake+n.connect+n.upgrade+n.disconnect+u.rooms*n.event) + sweeps*n.sweep
	r.custom = metricsOfClients * u.hours / 24
	if u.messages > 0 {
		r.custom += metricsOfEvents * u.hours / 24
	}
}
