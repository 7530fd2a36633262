package runtimeapi

import (
	"context"
	"encoding/json"
	"testing"
	"time"

	"github.com/aws/aws-lambda-go/events"

	"github.com/dozeio/doze/pkg/gateway"
	"github.com/dozeio/doze/tests/kit/fakeclock"
)

// A process that dies with a batch has deleted none of its messages: they come again when they are visible, and no
// sooner. https://docs.aws.amazon.com/lambda/latest/dg/services-sqs-errorhandling.html
func TestJobOfAProcessThatDiesComesAgainWhenItIsVisible(t *testing.T) {
	for how, die := range map[string]func(*Function, *gate){
		"it is killed": func(f *Function, _ *gate) { f.KillAll() },
		"it exits":     func(_ *Function, g *gate) { g.open() },
	} {
		t.Run(how, func(t *testing.T) {
			clock := fakeclock.New(time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC))
			f := start(t, Options{Now: clock.Now})
			g := newGate(t)
			deliveries := make(chan string, 10)
			q, err := gateway.New(gateway.Options{Clock: clock, JobVisibility: 20 * time.Second, JobTimeout: 15 * time.Second, Jobs: gateway.HandlerFunc(func(ctx context.Context, batch []byte) ([]byte, error) {
				var b events.SQSEvent
				if err := json.Unmarshal(batch, &b); err != nil || len(b.Records) != 1 {
					t.Errorf("%v: %s", err, batch)
				}
				count := b.Records[0].Attributes["ApproximateReceiveCount"]
				deliveries <- count
				e := event{}
				if count == "1" {
					e = event{URL: g.URL, Do: "exit"}
				}
				work, err := json.Marshal(e)
				if err != nil {
					return nil, err
				}
				return f.Invoke(ctx, work)
			})})
			if err != nil {
				t.Fatal(err)
			}
			if err := q.Schedule(t.Context(), []byte("job"), 0); err != nil {
				t.Fatal(err)
			}
			<-deliveries
			<-g.Asked // it is at work
			die(f, g)
			until(t, "the job is to come again", func() bool { // while the process lives, its time limit is what falls due next
				due, ok := clock.Next()
				return ok && due.Sub(clock.Now()) == 20*time.Second
			})
			clock.Advance(20*time.Second - 1)
			if n := q.Stats().Jobs; n != 1 {
				t.Errorf("%d deliveries before the job is visible", n)
			}
			clock.Advance(1)
			if count := <-deliveries; count != "2" {
				t.Errorf("the second delivery counts as number %s", count)
			}
			until(t, "the second delivery is done", func() bool { return f.Stats().Invocations == 2 && f.Stats().Busy == 0 })
			if err := q.Close(t.Context()); err != nil {
				t.Error(err)
			}
			if s := q.Stats(); s.Jobs != 2 || s.JobsDropped != 0 {
				t.Errorf("%+v", s)
			}
			if s := f.Stats(); s.Errors != 1 || s.Starts != 2 {
				t.Errorf("%+v", s)
			}
		})
	}
}
