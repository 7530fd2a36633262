package badtable

import (
	"context"
	"math/rand/v2"
	"net/http"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws/retry"
	awshttp "github.com/aws/aws-sdk-go-v2/aws/transport/http"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb"
)

// Impatient is an option of a client that meets many faults in a short time: it gives an attempt up after so long,
// pauses for some milliseconds, and goes on trying however often something has failed.
func Impatient(patience time.Duration) func(*dynamodb.Options) {
	return func(o *dynamodb.Options) {
		o.HTTPClient = awshttp.NewBuildableClient().WithTimeout(patience).WithTransportOptions(func(t *http.Transport) {
			t.MaxIdleConns, t.MaxIdleConnsPerHost = 256, 256
		})
		o.Retryer = retry.NewStandard(func(s *retry.StandardOptions) {
			s.MaxAttempts, s.RateLimiter = 3, unlimited{}
			s.Backoff = retry.BackoffDelayerFunc(func(int, error) (time.Duration, error) { return rand.N(10 * time.Millisecond), nil })
		})
	}
}

// unlimited lets everything be tried again.
type unlimited struct{}

var _ retry.RateLimiter = unlimited{}

func (unlimited) GetToken(context.Context, uint) (func() error, error) {
	return func() error { return nil }, nil
}

func (unlimited) AddTokens(uint) error { return nil }
