package gateway_test

import (
	"context"
	"encoding/json"
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-lambda-go/events"

	"github.com/dozeio/doze/pkg/gateway"
)

// startQueue has a function for jobs that takes note and answers as told.
func startQueue(t *testing.T, o gateway.Options, answer func(events.SQSMessage) (any, error)) (*bench, chan events.SQSMessage) {
	jobs := make(chan events.SQSMessage, 100)
	o.Jobs = gateway.HandlerFunc(func(_ context.Context, event []byte) ([]byte, error) {
		var e events.SQSEvent
		if err := json.Unmarshal(event, &e); err != nil || len(e.Records) != 1 {
			t.Errorf("%v in %s", err, event)
		}
		jobs <- e.Records[0]
		a, err := answer(e.Records[0])
		if err != nil {
			return nil, err
		}
		return json.Marshal(a)
	})
	return start(t, o), jobs
}

func fine(events.SQSMessage) (any, error) { return events.SQSEventResponse{}, nil }

func TestJobsComeWhenTheirTimeHasCome(t *testing.T) {
	clock := newClock()
	b, jobs := startQueue(t, gateway.Options{Clock: clock}, fine)
	for _, ms := range []time.Duration{250, 20, 100} {
		if err := b.Schedule(b.ctx, []byte(ms.String()), ms*time.Millisecond); err != nil {
			t.Fatal(err)
		}
	}
	for _, ms := range []time.Duration{20, 100, 250} {
		due, _ := clock.Next()
		clock.Advance(due.Sub(clock.Now()))
		j := <-jobs
		if j.Body != ms.String() || clock.Now().Sub(newClock().Now()) != ms*time.Millisecond || j.EventSource != "aws:sqs" ||
			j.Attributes["ApproximateReceiveCount"] != "1" || j.Attributes["SentTimestamp"] != "1767323045000" || j.MessageId == "" {
			t.Errorf("%+v at %v", j, clock.Now())
		}
	}
}

func TestFailedJobComesAgainAndIsDroppedAtTheLimit(t *testing.T) {
	for name, c := range map[string]struct {
		fail  func(events.SQSMessage) (any, error)
		waits []time.Duration
	}{
		"function error": {func(events.SQSMessage) (any, error) { return nil, errors.New("no") }, []time.Duration{20, 20, 20}},
		"panic":          {func(events.SQSMessage) (any, error) { panic("no") }, []time.Duration{20, 20, 20}},
		"batch item failure": {func(m events.SQSMessage) (any, error) {
			return events.SQSEventResponse{BatchItemFailures: []events.SQSBatchItemFailure{{ItemIdentifier: m.MessageId}}}, nil
		}, []time.Duration{1, 2, 4}},
	} {
		clock := newClock()
		b, jobs := startQueue(t, gateway.Options{Clock: clock, JobAttempts: 4, JobTimeout: 19 * time.Second}, c.fail)
		if err := b.Schedule(b.ctx, []byte("job"), 0); err != nil {
			t.Fatal(err)
		}
		id := (<-jobs).MessageId
		for i, wait := range c.waits {
			for { // wait for the retry: while the function runs, its time limit is what falls due next
				if due, ok := clock.Next(); ok && due.Sub(clock.Now()) == wait*time.Second {
					break
				}
			}
			clock.Advance(wait*time.Second - 1)
			if len(jobs) != 0 {
				t.Errorf("%s: too early", name)
			}
			clock.Advance(1)
			if j := <-jobs; j.MessageId != id || j.Attributes["ApproximateReceiveCount"] != string(rune('2'+i)) {
				t.Errorf("%s: %+v", name, j)
			}
		}
		if err := b.Close(b.ctx); err != nil {
			t.Fatal(err)
		}
		if s := b.Stats(); s.Jobs != 4 || s.JobsDropped != 1 {
			t.Errorf("%s: %+v", name, s)
		}
	}
}

// The time counts from the delivery, as SQS's does, not from the end of the invocation.
func TestJobThatTakesTooLongComesAgainWhenItIsVisible(t *testing.T) {
	clock := newClock()
	release := make(chan struct{})
	b, jobs := startQueue(t, gateway.Options{Clock: clock, JobTimeout: 15 * time.Second}, func(m events.SQSMessage) (any, error) {
		if m.Attributes["ApproximateReceiveCount"] == "1" {
			<-release
		}
		return fine(m)
	})
	b.Schedule(b.ctx, []byte("job"), 0)
	<-jobs
	clock.Advance(20*time.Second - 1)
	if len(jobs) != 0 {
		t.Error("too early")
	}
	clock.Advance(1)
	<-jobs
	close(release)
	b.Close(b.ctx)
	if s := b.Stats(); s.Jobs != 2 || s.JobsDropped != 0 {
		t.Fatalf("%+v", s)
	}
}

func TestJobMayComeTwiceOrLate(t *testing.T) {
	clock := newClock()
	b, jobs := startQueue(t, gateway.Options{Clock: clock, Faults: gateway.Faults{JobDoubled: 1, JobLate: 1, JobDelay: time.Minute, Max: 2}}, fine)
	b.Schedule(b.ctx, []byte("job"), time.Second)
	clock.Advance(61*time.Second - 1)
	if len(jobs) != 0 {
		t.Error("too early")
	}
	clock.Advance(1)
	if one, two := <-jobs, <-jobs; one.MessageId != two.MessageId || one.Attributes["ApproximateReceiveCount"] != "1" {
		t.Errorf("%+v, %+v", one, two)
	}
	b.Schedule(b.ctx, []byte("job"), 0)
	<-jobs
	b.Close(b.ctx)
	if s := b.Stats(); s.Jobs != 3 || s.Faults != 2 {
		t.Fatalf("%+v", s)
	}
}

func TestScheduleRefusesWhatSQSRefuses(t *testing.T) {
	b, _ := startQueue(t, gateway.Options{}, fine)
	ended, cancel := context.WithCancel(b.ctx)
	cancel()
	for name, err := range map[string]error{
		"empty":         b.Schedule(b.ctx, nil, 0),
		"not UTF-8":     b.Schedule(b.ctx, []byte{0xff}, 0),
		"over 1 MiB":    b.Schedule(b.ctx, []byte(strings.Repeat("x", 1<<20+1)), 0),
		"over 15 min":   b.Schedule(b.ctx, []byte("x"), 15*time.Minute+1),
		"in the past":   b.Schedule(b.ctx, []byte("x"), -1),
		"ended context": b.Schedule(ended, []byte("x"), 0),
		"no function":   start(t, gateway.Options{}).Schedule(b.ctx, []byte("x"), 0),
	} {
		if err == nil {
			t.Errorf("%s: accepted", name)
		}
	}
	b.Close(b.ctx)
	if b.Schedule(b.ctx, []byte("x"), 0) == nil {
		t.Error("closed: accepted")
	}
}

func TestQueueOverHTTP(t *testing.T) {
	clock := newClock()
	b, jobs := startQueue(t, gateway.Options{Clock: clock}, fine)
	if res, body := b.request("POST", "/_queue?delayMs=1500", "job"); res.StatusCode != 202 {
		t.Fatal(res.StatusCode, body)
	}
	clock.Advance(1500*time.Millisecond - 1)
	if len(jobs) != 0 {
		t.Error("too early")
	}
	clock.Advance(1)
	if j := <-jobs; j.Body != "job" {
		t.Errorf("%+v", j)
	}
	for name, status := range map[string]int{"delayMs=x": 400, "delayMs=900001": 400, "delayMs=-1": 400} {
		if res, _ := b.request("POST", "/_queue?"+name, "job"); res.StatusCode != status {
			t.Errorf("%s: %d", name, res.StatusCode)
		}
	}
	if res, _ := b.request("POST", "/_queue", "job", "Origin", "http://evil.example"); res.StatusCode != 403 {
		t.Errorf("a web page may feed the queue: %d", res.StatusCode)
	}
	if res, _ := b.request("GET", "/_queue", ""); res.StatusCode != 403 {
		t.Errorf("GET: %d", res.StatusCode)
	}
}
