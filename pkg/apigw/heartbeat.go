package apigw

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"runtime/debug"
	"strconv"
	"time"

	"github.com/aws/aws-lambda-go/events"

	"github.com/dozeio/doze/pkg/apigw/outgoing"
	"github.com/dozeio/doze/pkg/engine"
)

// NewHeartbeat returns the function of the timer and job queue: it takes SQS events, carries out the jobs of a batch
// side by side, and reports those that failed, and only those, in batchItemFailures (the event source mapping needs
// ReportBatchItemFailures).
//
// timers are the engine's. Where they are an outgoing.SQSQueue, it sees to the jobs that fail: one that can never
// succeed goes to the dead-letter queue with the reason, and so does one that fails for the tenth time; until then it
// comes again after 1, 2, 4, ... seconds. With any other queue one that can never succeed is dropped, with a line of the
// log, and the queue does with the others as it sees fit.
func NewHeartbeat(e *engine.Engine, timers engine.Timers) Handler {
	j := jobs{do: e.Job, log: e.Options().Logger}
	j.failed, _ = timers.(failedJobs)
	return newFunction(e, "heartbeat", j.handle)
}

// failedJobs is a queue that can do something about a job that failed.
type failedJobs interface {
	// Postpone has a message, by its receipt handle, delivered again after a time, rather than when its visibility
	// timeout is over.
	Postpone(ctx context.Context, receipt string, after time.Duration) error
	// Bury keeps a job, which was the message of an id, with the reason, where it is not delivered any more.
	Bury(ctx context.Context, job, message, reason string) error
}

var _ failedJobs = (*outgoing.SQSQueue)(nil)

// jobs carries out the jobs of batches.
type jobs struct {
	do     func(ctx context.Context, job []byte) error
	log    *slog.Logger
	failed failedJobs // nil: nothing is done about them
}

const (
	jobsAtATime   = 10  // of one batch, which is as many as it has unless its event source mapping waits for more
	maxDeliveries = 10  // of a job, by SQS's count, which has those too that found no concurrency; else eight minutes and a half
	maxReason     = 500 // bytes of a job in the log
)

func (j jobs) handle(ctx context.Context, _ *engine.Engine, _ envelope, event []byte) (any, error) {
	var batch events.SQSEvent
	if err := json.Unmarshal(event, &batch); err != nil {
		return nil, err
	}
	// What is done about failures may use most of the reserve. A job that does not heed the end of ctx fails then.
	late, cancel := context.WithCancel(context.WithoutCancel(ctx))
	defer cancel()
	defer context.AfterFunc(ctx, func() { time.AfterFunc(reserve*3/4, cancel) })()

	type outcome struct {
		index int
		done  bool
	}
	outcomes := make(chan outcome, len(batch.Records))
	slots := make(chan struct{}, jobsAtATime)
	for i, m := range batch.Records {
		go func() {
			slots <- struct{}{}
			defer func() { <-slots }()
			outcomes <- outcome{i, j.one(ctx, late, m)}
		}()
	}
	done := make([]bool, len(batch.Records))
wait:
	for range batch.Records {
		select {
		case o := <-outcomes:
			done[o.index] = o.done
		case <-late.Done():
			break wait
		}
	}
	// Not nil: some stand-ins for SQS do not take null for an empty list.
	response := events.SQSEventResponse{BatchItemFailures: []events.SQSBatchItemFailure{}}
	for i, m := range batch.Records {
		if !done[i] {
			response.BatchItemFailures = append(response.BatchItemFailures, events.SQSBatchItemFailure{ItemIdentifier: m.MessageId})
		}
	}
	return response, nil
}

// one carries out a job and reports whether its message is done with.
func (j jobs) one(ctx, late context.Context, m events.SQSMessage) bool {
	if ctx.Err() != nil { // there was no time for it
		return false
	}
	err := j.attempt(ctx, m)
	if err == nil {
		return true
	}
	body := engine.Redacted(m.Body) // first, for half an address is not known for one
	log := j.log.With(slog.String("job", m.MessageId), slog.String("body", body[:min(len(body), maxReason)]), slog.Any("error", err))
	if j.failed == nil && errors.Is(err, engine.ErrNotAJob) {
		log.ErrorContext(ctx, "job dropped: it can never be carried out, and this queue keeps no dead letters")
		return true
	}
	if j.failed == nil {
		log.ErrorContext(ctx, "a job failed and will come again")
		return false
	}
	deliveries, _ := strconv.Atoi(m.Attributes["ApproximateReceiveCount"])
	if errors.Is(err, engine.ErrNotAJob) || deliveries >= maxDeliveries {
		unburied := j.failed.Bury(late, m.Body, m.MessageId, err.Error())
		if unburied == nil {
			log.ErrorContext(ctx, "a job failed for good and is in the dead-letter queue")
			return true
		}
		log.ErrorContext(ctx, "a job could not be put into the dead-letter queue", "because", unburied)
		return false
	}
	log.ErrorContext(ctx, "a job failed and will come again")
	if err := j.failed.Postpone(late, m.ReceiptHandle, time.Second<<max(0, deliveries-1)); err != nil {
		log.WarnContext(ctx, "the job will come when its visibility timeout is over", "because", err)
	}
	return false
}

func (j jobs) attempt(ctx context.Context, m events.SQSMessage) (err error) {
	defer func() {
		if p := recover(); p != nil {
			err = fmt.Errorf("apigw: the job panicked: %v", p)
			j.log.ErrorContext(ctx, "panic", "job", m.MessageId, "value", p, "stack", string(debug.Stack()))
		}
	}()
	return j.do(ctx, []byte(m.Body))
}
