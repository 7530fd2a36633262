package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/url"
	"time"

	"github.com/aws/aws-sdk-go-v2/config"
	"github.com/aws/aws-sdk-go-v2/service/sqs"

	"github.com/dozeio/doze/pkg/apigw/outgoing"
)

// queue is the deployment's job queue, which carries out messages.
type queue interface {
	Schedule(ctx context.Context, message []byte, after time.Duration) error
}

// queueAt returns the queue at a URL: of doze dev, or of SQS.
func queueAt(ctx context.Context, address string) (queue, error) {
	u, err := url.Parse(address)
	if err != nil || u.Host == "" {
		return nil, errors.New("set DOZE_QUEUE to the URL of the job queue: http://127.0.0.1:3000/_queue, or a deployment's output JobQueueUrl")
	}
	if u.Path == outgoing.LocalQueue {
		return outgoing.NewHTTPQueue(address), nil
	}
	cfg, err := config.LoadDefaultConfig(ctx)
	if err != nil {
		return nil, err
	}
	return outgoing.NewSQSQueue(sqs.NewFromConfig(cfg), outgoing.Queues{Jobs: address}), nil
}

// report is what those who watch get. Each is whole, because reports may overtake each other and come twice.
type report struct {
	Job    string `json:"job"`
	At     int64  `json:"at"` // in microseconds since 1970: of two reports the later one counts
	State  string `json:"state"`
	Done   int64  `json:"done"`             // bytes
	Total  int64  `json:"total"`            // bytes, 0 when nobody knows
	Result string `json:"result,omitempty"` // when the state is done
	Error  string `json:"error,omitempty"`  // when it is failed
}

// The states.
const (
	running = "running"
	done    = "done"
	failed  = "failed"
)

// message is one of those that docs/elsewhere.md describes.
type message struct {
	Emit string   `json:"emit"`
	To   []string `json:"to"`
	Args []report `json:"args"`
}

// send has a report emitted to the job's room after a time.
func send(ctx context.Context, q queue, r report, after time.Duration) error {
	body, err := json.Marshal(message{"progress", []string{"#job-" + r.Job}, []report{r}})
	if err != nil {
		return err
	}
	return q.Schedule(ctx, body, after)
}

// unreported says that nobody has learned how the job has ended.
type unreported struct{ err error }

func (u *unreported) Error() string { return fmt.Sprintf("the last report cannot be sent: %v", u.err) }
func (u *unreported) Unwrap() error { return u.err }

// again is when the last report comes once more, for those who were reconnecting. The queue has it until then, so that
// nobody waits.
var again = []time.Duration{0, 5 * time.Second, 30 * time.Second}

// finish sends the last report, also when ctx has ended.
func finish(ctx context.Context, q queue, r report) error {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), 2*time.Second)
	defer cancel()
	var errs []error
	for _, after := range again {
		errs = append(errs, send(ctx, q, r, after))
	}
	if err := errors.Join(errs...); err != nil {
		return &unreported{err}
	}
	return nil
}
