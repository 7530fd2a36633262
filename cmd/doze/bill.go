package main

import (
	"math"
	"time"

	"github.com/dozeio/doze/pkg/engine"
)

// use is how a deployment is used, on average over a month of 730 hours.
type use struct {
	clients, polling float64       // connected at the same time: over WebSocket, and those that stay with polling
	hours            float64       // a day that they are connected
	stay             time.Duration // of a connection
	rate             rate          // of events of each client, as people write it
	messages         float64       // events of each client in an hour that it is connected
	members          float64       // others whom an event goes to
	rooms            float64       // that a client joins after it has connected
	size             float64       // bytes of an event
	ping             time.Duration
	handler          time.Duration // of an invocation, besides waiting polls
	logged           float64       // bytes for each event, by handlers
	webSocketOnly    bool          // clients do not begin with polling
	oneOrigin        bool          // CloudFront is before the APIs
	metrics          bool          // Doze's own are made
}

// What API Gateway and Doze allow.
const (
	maxConnection = 2 * time.Hour
	maxPolling    = 12 * time.Hour
	maxEvent      = 128 << 10 // bytes of a message
	messageStep   = 32 << 10  // bytes that are billed as one
	hoursOfMonth  = 730.0
)

// What Lambda and Doze do by themselves.
const (
	pollers = 5.0 // of Lambda for a queue, which ask again every 20 s
	shards  = float64(engine.Shards)
	looks   = 1.5 // RRU of a sweep for its timer and another's; the rest is for the rows of 400 connections
)

// What nobody has measured on Lambda.
const (
	pollTime      = 20 * time.Second       // of a GET that waits
	shortPoll     = 250 * time.Millisecond // of a GET to which something comes
	shortReads    = 3.0                    // RRU of such a GET
	farewell      = 250 * time.Millisecond // $disconnect waits 200 ms for what is on its way
	postTime      = time.Millisecond       // of one post of a broadcast, in the function that sends it
	sweepTime     = 100 * time.Millisecond // of a sweep that has up to 50 connections to ping, the most that it does at once
	frameOverhead = 60.0                   // bytes around an event
	smallAnswer   = 300.0                  // bytes of an HTTP answer
)

// quantity is how much of what is billed a month takes.
type quantity struct {
	messages, minutes, http, requests, gbSeconds, reads, writes, queue, logged, custom, edge, bytes, alarms, boards float64
}

// reckoning adds operations up.
type reckoning struct {
	quantity
	installed
	table   map[string]measured
	handler float64 // seconds
}

// do counts an operation that happened some times, in a function of some memory that ran for some seconds each.
func (r *reckoning) do(name string, times, gb, seconds float64) {
	r.polled(name, times, gb, seconds)
	posts := times * r.table[name].posts
	r.messages += posts
	r.bytes += posts * frameOverhead
}

// polled is do for a client that polls, whose answers wait in its outbox.
func (r *reckoning) polled(name string, times, gb, seconds float64) {
	m := r.table[name]
	r.requests += times * m.invocations
	r.gbSeconds += times * m.invocations * gb * seconds
	r.reads += times * m.reads
	r.writes += times * m.writes
}

// frames counts messages of the WebSocket API besides the posts that an operation is measured with.
func (r *reckoning) frames(in, out, size float64) {
	steps := math.Max(1, math.Ceil(size/messageStep))
	r.messages += steps * (in + out)
	r.bytes += out * (size + frameOverhead)
}

func (r *reckoning) answers(times, size float64) {
	r.http += times
	r.bytes += times * (smallAnswer + size)
}

// short counts GETs to which something comes soon.
func (r *reckoning) short(times, size float64) {
	r.answers(times, size)
	r.requests += times
	r.gbSeconds += times * r.pollGB * shortPoll.Seconds()
	r.reads += times * shortReads
	r.writes += times * r.table[opPoll].writes
}

// month reckons what a use asks of AWS.
func (u use) month(table map[string]measured, in installed) quantity {
	r := &reckoning{table: table, installed: in, handler: u.handler.Seconds()}
	share := u.hours / 24
	ws, polling := u.clients*hoursOfMonth*share, u.polling*hoursOfMonth*share // hours
	r.minutes = ws * 60
	r.webSocket(u, ws/min(u.stay, maxConnection).Hours())
	r.pollers(u, polling, polling/min(u.stay, maxPolling).Hours())
	pings := ws * 3600 / u.ping.Seconds()
	r.do(opPing, pings, r.messageGB, r.handler)
	r.frames(pings, 0, 0)
	r.events(u, ws*u.messages, polling*u.messages)

	sweeps := 0.0
	if u.clients+u.polling > 0 {
		sweeps = min(shards, u.clients+u.polling) * share * hoursOfMonth * 3600 / u.ping.Seconds()
	}
	r.do(opSweep, sweeps, r.messageGB, sweepTime.Seconds())
	rows := table[opSweep].reads - looks
	r.reads += pings*rows/400 - sweeps*rows
	r.queue += sweeps * (table[opSweep].queued + 2) // sent, received and deleted
	r.queue += in.queues * pollers * hoursOfMonth * 3600 / pollTime.Seconds()
	r.logged = (ws + polling) * u.messages * u.logged
	r.observed(u, ws/min(u.stay, maxConnection).Hours()+polling/min(u.stay, maxPolling).Hours(), (ws+polling)*u.messages, sweeps)
	r.alarms, r.boards = in.metrics, in.dashboards
	return r.quantity
}

// webSocket counts connections that came, and went again.
func (r *reckoning) webSocket(u use, visits float64) {
	if u.webSocketOnly {
		r.do(opOpen, visits, r.connectGB, r.handler)
		r.queue += visits * r.table[opOpen].queued
		r.do(opConnect, visits, r.messageGB, r.handler)
		r.frames(visits, 0, 0) // CONNECT
	} else {
		r.do(opHandshake, visits, r.pollGB, r.handler)
		r.answers(2*visits, 0) // the handshake's, and that of the POST with CONNECT
		r.short(2*visits, 0)   // the GET that brings its reply, and the one that the upgrade ends
		r.do(opUpgrade, visits, r.messageGB, r.handler)
		r.do(opPolled, visits, r.messageGB, r.handler)
		r.frames(2*visits, 0, 0) // 2probe and 5
	}
	if u.oneOrigin {
		r.edge += visits // the upgrade request
	}
	r.do(opEvent, visits*u.rooms, r.messageGB, r.handler)
	r.do(opJoin, visits*u.rooms, r.messageGB, 0)
	r.frames(visits*u.rooms, 0, 0)
	r.do(opDisconnect, visits, r.disconnectGB, farewell.Seconds())
}

// pollers counts clients that stay with polling, for some hours in some visits.
func (r *reckoning) pollers(u use, hours, visits float64) {
	r.do(opHandshake, visits, r.pollGB, r.handler)
	r.do(opPolled, visits, r.messageGB, r.handler)
	r.answers(2*visits, 0)
	r.polled(opEvent, visits*u.rooms, r.messageGB, r.handler)
	r.do(opJoin, visits*u.rooms, r.messageGB, 0)
	r.do(opOutbox, visits*u.rooms, 0, 0)
	r.answers(visits*u.rooms, 0)
	r.short(visits*(u.rooms+1), 0)
	r.do(opDisconnect, visits, r.disconnectGB, farewell.Seconds())
	polls := hours * 3600 / pollTime.Seconds()
	r.do(opPoll, polls, r.pollGB, pollTime.Seconds())
	r.answers(polls, 0)
	pongs := hours * 3600 / u.ping.Seconds() // a POST each, with a write
	r.answers(pongs, 0)
	r.requests += pongs
	r.gbSeconds += pongs * r.messageGB * r.handler
	r.writes += pongs
}

// events counts what clients of both kinds send, with an ack each, to others who are of both kinds alike.
func (r *reckoning) events(u use, ws, polling float64) {
	r.do(opEvent, ws, r.messageGB, r.handler)
	r.polled(opEvent, polling, r.messageGB, r.handler)
	r.frames(ws, 0, u.size)
	r.answers(polling, 0)
	total := u.clients + u.polling
	if total == 0 {
		return
	}
	if u.members > 0 {
		pages := math.Ceil(u.members / 40)
		r.reads += (ws + polling) * pages * r.table[opBroadcast].reads / 2 // 80 members are two pages
	}
	sent := (ws + polling) * u.members
	posts, kept := sent*u.clients/total, sent*u.polling/total+polling // acks are kept too
	r.frames(0, posts, u.size)
	r.gbSeconds += posts * r.messageGB * postTime.Seconds()
	r.do(opOutbox, kept, 0, 0)
	r.short(kept, u.size)
}
