package outgoing

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"net/http"
	"strconv"
	"time"

	awsmiddleware "github.com/aws/aws-sdk-go-v2/aws/middleware"
	"github.com/aws/smithy-go/middleware"
	smithyhttp "github.com/aws/smithy-go/transport/http"

	"github.com/dozeio/doze/pkg/engine"
)

var _ engine.Timers = (*HTTPQueue)(nil)

// HTTPQueue schedules jobs in the queue of a local gateway, whose delays are milliseconds, from another process.
// It is safe for concurrent use.
type HTTPQueue struct {
	url    string
	client *http.Client
}

// LocalQueue is the path of a local gateway's queue. A queue of SQS has the account and a name for a path.
const LocalQueue = "/_queue"

// NewHTTPQueue returns the queue at a URL, such as http://127.0.0.1:3000/_queue.
func NewHTTPQueue(url string) *HTTPQueue {
	return &HTTPQueue{url, &http.Client{Timeout: 5 * time.Second}}
}

// Schedule implements engine.Timers.
func (q *HTTPQueue) Schedule(ctx context.Context, job []byte, after time.Duration) error {
	ms := (after + time.Millisecond - 1) / time.Millisecond // never early
	url := q.url + "?delayMs=" + strconv.FormatInt(int64(ms), 10)
	r, err := http.NewRequestWithContext(ctx, http.MethodPost, url, bytes.NewReader(job))
	if err != nil {
		return err
	}
	if err := sendLineage(ctx, r); err != nil {
		return err
	}
	answer, err := q.client.Do(r)
	if err != nil {
		return fmt.Errorf("outgoing: the job queue: %w", err)
	}
	defer answer.Body.Close()
	if answer.StatusCode/100 != 2 {
		text, _ := io.ReadAll(io.LimitReader(answer.Body, 200))
		return fmt.Errorf("outgoing: the job queue answered %s: %s", answer.Status, text)
	}
	return nil
}

// sendLineage adds the header by which Lambda recognizes a function that feeds itself, by the code that adds it to what
// is sent to SQS: the trace id of the invocation, when this is a function's process.
func sendLineage(ctx context.Context, r *http.Request) error {
	sent := middleware.BuildHandlerFunc(func(context.Context, middleware.BuildInput) (out middleware.BuildOutput, _ middleware.Metadata, err error) {
		return out, middleware.Metadata{}, nil
	})
	_, _, err := new(awsmiddleware.RecursionDetection).HandleBuild(ctx, middleware.BuildInput{Request: &smithyhttp.Request{Request: r}}, sent)
	return err
}
