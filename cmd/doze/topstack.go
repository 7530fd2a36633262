package main

import (
	"context"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"

	"github.com/dozeio/doze"
	"github.com/dozeio/doze/internal/stackmetrics"
)

// stackLooker looks at a stack.
type stackLooker struct {
	stack   *stackmetrics.Stack
	in      installed // what the template makes and is paid for by the month
	minutes int
}

func lookAtStack(ctx context.Context, cfg aws.Config, name string, minutes int) (looker, error) {
	template, err := doze.Files.ReadFile("template.yaml")
	if err != nil {
		return nil, err
	}
	in, err := readTemplate(string(template))
	if err != nil {
		return nil, err
	}
	stack, err := stackmetrics.Find(ctx, cfg, name)
	if err != nil {
		return nil, err
	}
	return stackLooker{stack, in, minutes}, nil
}

func (s stackLooker) look(ctx context.Context, now time.Time) (looked, error) {
	a, err := s.stack.Read(ctx, now, s.minutes)
	if err != nil {
		return looked{}, err
	}
	return lookedOf(a, s.in, s.stack.OneOrigin, now), nil
}

// lookedOf makes rates and dollars of amounts.
func lookedOf(a stackmetrics.Amounts, in installed, oneOrigin bool, now time.Time) looked {
	l := looked{At: now, Present: &Present{WebSocket: a.WebSocket, Unjoined: a.Unjoined, Polling: a.Polling}, Late: &a.Late, Dead: &a.Dead}
	if a.Unknown != nil {
		l.Unknown = a.Unknown.Error()
		return l
	}
	l.Counted = &Counted{Seconds: a.To.Sub(a.From).Seconds(), EventP99: a.EventP99}
	// An HTTP API's GET goes to one function, and what else it has to that of messages, which has each frame, too.
	posted := max(0, a.Requests-a.Functions[stackmetrics.Poll].Invocations)
	frames := max(0, a.Functions[stackmetrics.Message].Invocations-posted)
	l.Events, l.Requests, l.Posts = frames/l.Seconds, a.Requests/l.Seconds, max(0, a.Messages-frames)/l.Seconds
	l.Errors, l.Throttles = a.ClientErrors+a.Failures, a.TableThrottles
	lost := 0.0
	for _, f := range a.Functions {
		lost += f.Errors
		l.Throttles += f.Throttles
	}
	l.Errors += max(lost, a.LostClients) // a function's error is an execution error of its API, too
	hours := l.Seconds / 3600
	q := quantity{
		messages: a.Messages, minutes: float64(a.WebSocket) * l.Seconds / 60, http: a.Requests, reads: a.ReadUnits, writes: a.WriteUnits,
		queue: a.QueueRequests, logged: a.LogBytes, edge: a.Connects,
		alarms: in.metrics * hours / hoursOfMonth, boards: in.dashboards * hours / hoursOfMonth,
	}
	for _, f := range a.Functions {
		q.requests += f.Invocations
		q.gbSeconds += f.GBSeconds
	}
	dollars := 0.0
	for _, line := range (use{oneOrigin: oneOrigin}).lines(q) {
		dollars += line.usd() / hours
	}
	l.Dollars = &dollars
	return l
}
