package apigw_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/aws/aws-lambda-go/events"

	"github.com/dozeio/doze/pkg/apigw"
	"github.com/dozeio/doze/pkg/engine"
)

var quiet = slog.New(slog.DiscardHandler)

func batchOf(bodies ...string) (batch events.SQSEvent) {
	for _, b := range bodies {
		batch.Records = append(batch.Records, events.SQSMessage{MessageId: b, Body: b})
	}
	return batch
}

func failed(r events.SQSEventResponse) (ids []string) {
	for _, f := range r.BatchItemFailures {
		ids = append(ids, f.ItemIdentifier)
	}
	return ids
}

func TestAJobOfABatchWaitsForNoOther(t *testing.T) {
	quick := make(chan struct{})
	h := apigw.NewJobs(func(_ context.Context, job []byte) error {
		if string(job) == "slow" {
			<-quick
		} else {
			close(quick)
		}
		return nil
	}, quiet, nil)
	if r := invoke[events.SQSEventResponse](t, h, batchOf("slow", "quick")); len(r.BatchItemFailures) != 0 {
		t.Errorf("%+v", r)
	}
}

func TestJobsOfABatchAreBounded(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var (
			mu        sync.Mutex
			now, most int
		)
		h := apigw.NewJobs(func(context.Context, []byte) error {
			mu.Lock()
			now++
			most = max(most, now)
			mu.Unlock()
			<-time.After(time.Second) // of the bubble's time
			mu.Lock()
			now--
			mu.Unlock()
			return nil
		}, quiet, nil)
		batch := make([]string, 35)
		for i := range batch {
			batch[i] = fmt.Sprint(i)
		}
		begin := time.Now()
		if r := invoke[events.SQSEventResponse](t, h, batchOf(batch...)); len(r.BatchItemFailures) != 0 {
			t.Errorf("%+v", r)
		}
		if d := time.Since(begin); most != 10 || d != 4*time.Second {
			t.Errorf("%d at a time, %v in all", most, d)
		}
	})
}

func TestAJobFailsAlone(t *testing.T) {
	h := apigw.NewJobs(func(_ context.Context, job []byte) error {
		switch string(job) {
		case "panic":
			panic("no")
		case "error":
			return errors.New("no")
		}
		return nil
	}, quiet, nil)
	r := invoke[events.SQSEventResponse](t, h, batchOf("a", "panic", "b", "error", "c"))
	if got := fmt.Sprint(failed(r)); got != "[panic error]" {
		t.Errorf("%s failed", got)
	}
}

// A queue without dead letters has a job that can never succeed once, and its log one line about it.
func TestAJobThatCanNeverSucceedIsDropped(t *testing.T) {
	var out bytes.Buffer
	h := apigw.NewJobs(func(context.Context, []byte) error { return fmt.Errorf("%w: it is of tomorrow", engine.ErrNotAJob) }, slog.New(slog.NewTextHandler(&out, nil)), nil)
	if r := invoke[events.SQSEventResponse](t, h, batchOf("poison")); len(r.BatchItemFailures) != 0 {
		t.Errorf("%q comes again", failed(r))
	}
	if got := out.String(); strings.Count(got, "\n") != 1 || !strings.Contains(got, "job dropped: it can never be carried out") || !strings.Contains(got, "it is of tomorrow") || !strings.Contains(got, "body=poison") {
		t.Errorf("the log has %q", got)
	}
}

// The address of a session that polls is a secret. A job that fails is logged without it, wherever the line ends.
func TestTheLogHasNoSecretOfAJob(t *testing.T) {
	var out bytes.Buffer
	h := apigw.NewJobs(func(context.Context, []byte) error { return errors.New("no") }, slog.New(slog.NewTextHandler(&out, nil)), nil)
	const sid = "abcdefghijklmnopqrstuv-_"
	for filler := range 520 {
		out.Reset()
		job := fmt.Sprintf(`{"kind":"work","work":{"filler":"%s","address":"p%s"}}`, strings.Repeat("x", filler), sid)
		invoke[events.SQSEventResponse](t, h, events.SQSEvent{Records: []events.SQSMessage{{MessageId: "1", Body: job}}})
		if got := out.String(); strings.Contains(got, sid[:4]) || !strings.Contains(got, "filler") {
			t.Fatalf("after %d bytes: %s", filler, got)
		}
	}
	out.Reset()
	invoke[events.SQSEventResponse](t, h, batchOf(`{"kind":"gone","connection":"L0SM9cOFvHcCIhw="}`))
	if got := out.String(); !strings.Contains(got, "L0SM9cOFvHcCIhw=") {
		t.Errorf("connections are no secrets: %s", got)
	}
}

// An invocation answers in time, whatever its jobs do: what is not done by then comes again.
func TestJobsThatTakeTooLong(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		release := make(chan struct{})
		h := apigw.NewJobs(func(ctx context.Context, job []byte) error {
			switch string(job) {
			case "stubborn":
				<-release
			case "slow":
				<-ctx.Done()
				return ctx.Err()
			}
			return nil
		}, quiet, nil)
		ctx, cancel := context.WithTimeout(t.Context(), 30*time.Second)
		defer cancel()
		b, err := h.Invoke(ctx, []byte(`{"Records":[{"messageId":"1","body":"stubborn"},{"messageId":"2","body":"quick"},{"messageId":"3","body":"slow"}]}`))
		if want := `{"batchItemFailures":[{"itemIdentifier":"1"},{"itemIdentifier":"3"}]}`; err != nil || string(b) != want || ctx.Err() != nil {
			t.Errorf("%s, %v, %v", b, err, ctx.Err())
		}
		close(release)
	})
}
