package dynamo

import (
	"math/rand/v2"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb"
)

// shortPause is the most that the first retry of a request waits; each further one waits up to twice as long, and
// longPause at most.
const (
	shortPause = 25 * time.Millisecond
	longPause  = 500 * time.Millisecond
)

// pausing is a client's retryer with pauses that fit requests of some milliseconds, on which an event waits: the SDK's
// take a second on average before the first retry, and two before the next.
type pausing struct{ aws.RetryerV2 }

// RetryDelay implements aws.Retryer. Attempts count from 1.
func (pausing) RetryDelay(attempt int, _ error) (time.Duration, error) {
	most := min(shortPause<<max(0, min(attempt-1, 10)), longPause)
	return rand.N(most), nil
}

// impatient returns a client that pauses less than this one between its attempts, and is like it otherwise.
func impatient(client *dynamodb.Client) *dynamodb.Client {
	o := client.Options()
	retryer, ok := o.Retryer.(aws.RetryerV2)
	if !ok {
		return client
	}
	o.Retryer = pausing{retryer}
	return dynamodb.New(o)
}
