package gateway

import (
	"context"
	"crypto/md5"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"strconv"
	"time"
	"unicode/utf8"

	"github.com/aws/aws-lambda-go/events"
)

// Limits of SQS. https://docs.aws.amazon.com/AWSSimpleQueueService/latest/SQSDeveloperGuide/quotas-messages.html
const (
	maxJob      = 1 << 20
	maxJobDelay = 15 * time.Minute
)

// Schedule has Jobs invoked with the job, at the earliest after the given time: up to 15 minutes, as with SQS, but to
// the millisecond. It returns at once. Jobs are delivered in parallel and in no order. A job is UTF-8 text of 1 MiB at
// most; it is copied.
//
// A job whose invocation fails, is throttled or takes longer than JobTimeout comes again JobVisibility after it was
// delivered. One that is reported in batchItemFailures comes again after 1, 2, 4, ... seconds: with SQS a function
// would ask for that by ChangeMessageVisibility, which this queue has not. After JobAttempts deliveries it is logged
// and dropped, as one is that would be the 17th of a chain (see Options.MaxHops): a ctx that comes from an invocation
// of Jobs makes the job a link of the same chain.
func (g *Gateway) Schedule(ctx context.Context, job []byte, after time.Duration) error {
	return g.schedule(ctx, job, after, traceOf(ctx))
}

func (g *Gateway) schedule(ctx context.Context, job []byte, after time.Duration, trace string) error {
	switch {
	case ctx.Err() != nil:
		return ctx.Err()
	case g.opt.Jobs == nil:
		return errors.New("gateway: Schedule needs Options.Jobs")
	case len(job) == 0 || len(job) > maxJob || !utf8.Valid(job):
		return fmt.Errorf("gateway: a job of %d bytes: SQS takes 1 to %d bytes of UTF-8", len(job), maxJob)
	case after < 0 || after > maxJobDelay:
		return fmt.Errorf("gateway: a delay of %v: SQS takes 0 to %v", after, maxJobDelay)
	case g.tasks.isRefusing():
		return errClosed
	}
	messageID := g.random.id()
	j := delivery{g: g, body: string(job), messageID: string(messageID[:]), sent: g.opt.Clock.Now(), trace: trace, hops: hopsOf(trace)}
	for _, late := range g.faults.job() {
		copied := j
		if !g.tasks.after(after+late, false, copied.attempt) {
			return errClosed
		}
	}
	return nil
}

// delivery is a job on its way. One attempt at a time touches it.
type delivery struct {
	g         *Gateway
	body      string
	messageID string
	trace     string // that it was sent with; empty for none
	hops      int    // invocations of Jobs before, in its chain
	sent      time.Time
	first     time.Time
	attempts  int
}

func (j *delivery) attempt() {
	g, now := j.g, j.g.opt.Clock.Now()
	if j.hops >= g.opt.MaxHops && !g.opt.RecursiveLoop {
		g.stats.recursive.Add(1)
		g.opt.Logger.Error("job dropped: Lambda ends a recursive loop", "message", j.messageID, "invocations", j.hops)
		return
	}
	j.attempts++
	if j.first.IsZero() {
		j.first = now
	}
	g.stats.jobs.Add(1)
	attempts, visible := j.attempts, now.Add(g.opt.JobVisibility)
	i := invocation{
		route: routeJobs, handler: g.opt.Jobs, event: j.event(), timeout: g.opt.JobTimeout, trace: g.nextTrace(j.trace, j.hops, now),
	}
	g.invoke(i, func(answer []byte, err error) {
		switch {
		case err == nil && !reportsFailure(answer):
		case attempts >= g.opt.JobAttempts:
			g.stats.jobsDropped.Add(1)
			g.opt.Logger.Error("job dropped", "message", j.messageID, "attempts", attempts)
		case err == nil:
			g.tasks.after(time.Second<<min(attempts-1, 9), false, j.attempt)
		default:
			g.tasks.after(visible.Sub(g.opt.Clock.Now()), false, j.attempt)
		}
	})
}

// event has one record. https://docs.aws.amazon.com/lambda/latest/dg/with-sqs.html
func (j *delivery) event() []byte {
	sum := md5.Sum([]byte(j.body))
	receipt := j.g.random.id()
	attributes := map[string]string{
		"ApproximateReceiveCount":          strconv.Itoa(j.attempts),
		"SentTimestamp":                    strconv.FormatInt(j.sent.UnixMilli(), 10),
		"SenderId":                         accountID,
		"ApproximateFirstReceiveTimestamp": strconv.FormatInt(j.first.UnixMilli(), 10),
	}
	if j.trace != "" {
		attributes["AWSTraceHeader"] = j.trace
	}
	b, err := json.Marshal(events.SQSEvent{Records: []events.SQSMessage{{
		MessageId: j.messageID, ReceiptHandle: string(receipt[:]), Body: j.body, Md5OfBody: hex.EncodeToString(sum[:]),
		Attributes:        attributes,
		MessageAttributes: map[string]events.SQSMessageAttribute{},
		EventSource:       "aws:sqs", EventSourceARN: "arn:aws:sqs:local:" + accountID + ":jobs", AWSRegion: "local",
	}}})
	if err != nil {
		panic(err) // strings only
	}
	return b
}

// reportsFailure reads an events.SQSEventResponse: with one record any item in it is ours, and so is an answer that
// cannot be read. https://docs.aws.amazon.com/lambda/latest/dg/services-sqs-errorhandling.html
func reportsFailure(answer []byte) bool {
	var r struct {
		BatchItemFailures []struct{} `json:"batchItemFailures"`
	}
	return json.Unmarshal(answer, &r) != nil || len(r.BatchItemFailures) > 0
}

// serveQueue is Schedule for functions in other processes: POST /_queue?delayMs=N with the job as body, answered 202.
// The header X-Amzn-Trace-Id is kept with the job, as SQS keeps it. It refuses browsers, which send an Origin with any
// POST, so that no web page can feed the queue of a developer's machine.
func (g *Gateway) serveQueue(w http.ResponseWriter, r *http.Request) {
	if r.Method != http.MethodPost || r.Header.Get("Origin") != "" {
		forbidden(w, r)
		return
	}
	delay := int64(0)
	if v := r.URL.Query().Get("delayMs"); v != "" {
		var err error
		if delay, err = strconv.ParseInt(v, 10, 32); err != nil {
			writeMessage(w, http.StatusBadRequest, "delayMs must be a number of milliseconds")
			return
		}
	}
	job, release, err := g.bodies.read(w, r, maxJob)
	defer release()
	if err == nil {
		err = g.schedule(r.Context(), job, time.Duration(delay)*time.Millisecond, sentTrace(r))
	}
	if err != nil {
		writeMessage(w, http.StatusBadRequest, err.Error())
		return
	}
	w.WriteHeader(http.StatusAccepted)
}
