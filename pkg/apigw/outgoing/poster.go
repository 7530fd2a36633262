package outgoing

import (
	"context"
	"errors"
	"fmt"
	"net/http"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/apigatewaymanagementapi"
	"github.com/aws/aws-sdk-go-v2/service/apigatewaymanagementapi/types"
	smithyhttp "github.com/aws/smithy-go/transport/http"

	"github.com/dozeio/doze/pkg/engine"
)

var _ engine.Poster = (*Poster)(nil)

// Poster sends through the @connections API:
// https://docs.aws.amazon.com/apigateway/latest/developerguide/apigateway-how-to-call-websocket-api-connections.html.
// It is safe for concurrent use.
type Poster struct {
	client *apigatewaymanagementapi.Client
}

// NewPoster returns a Poster for the WebSocket API at an endpoint, such as
// https://abc123.execute-api.eu-west-1.amazonaws.com/prod. Nothing is sent before the first call.
//
// The SDK's own retries are off: after an answer that did not come it is unknown whether the client got the frame, and
// only the engine knows what to do then.
func NewPoster(cfg aws.Config, endpoint string) *Poster {
	return &Poster{apigatewaymanagementapi.NewFromConfig(cfg, func(o *apigatewaymanagementapi.Options) {
		o.BaseEndpoint = aws.String(endpoint)
		o.Retryer = aws.NopRetryer{}
		if own := buildable(cfg); own != nil {
			o.HTTPClient = postClient(own)
		}
	})}
}

// binaryFrame marks a post that a gateway with binary frames is to send as one. API Gateway does not know it.
var binaryFrame = apigatewaymanagementapi.WithAPIOptions(smithyhttp.AddHeaderValue("X-Doze-Frame", "binary"))

// Post implements engine.Poster.
func (p *Poster) Post(ctx context.Context, connection string, f engine.Frame) error {
	var options []func(*apigatewaymanagementapi.Options)
	if f.Binary {
		options = append(options, binaryFrame)
	}
	_, err := p.client.PostToConnection(ctx, &apigatewaymanagementapi.PostToConnectionInput{
		ConnectionId: &connection,
		Data:         f.Data,
	}, options...)
	return meaning(err)
}

// Exists implements engine.Poster.
func (p *Poster) Exists(ctx context.Context, connection string) error {
	_, err := p.client.GetConnection(ctx, &apigatewaymanagementapi.GetConnectionInput{ConnectionId: &connection})
	return meaning(err)
}

// Disconnect implements engine.Poster.
func (p *Poster) Disconnect(ctx context.Context, connection string) error {
	_, err := p.client.DeleteConnection(ctx, &apigatewaymanagementapi.DeleteConnectionInput{ConnectionId: &connection})
	return meaning(err)
}

// meaning turns the SDK's errors into the engine's.
func meaning(err error) error {
	var (
		gone   *types.GoneException
		limit  *types.LimitExceededException
		large  *types.PayloadTooLargeException
		answer *smithyhttp.ResponseError
	)
	switch {
	case err == nil:
		return nil
	case errors.As(err, &gone):
		return engine.ErrGone
	case errors.As(err, &limit):
		return engine.ErrBusy
	case errors.As(err, &large):
		return engine.ErrTooLarge
	case errors.As(err, &answer) && answer.HTTPStatusCode() == http.StatusTooManyRequests: // the account's rate
		return engine.ErrBusy
	case errors.As(err, &answer) && answer.HTTPStatusCode() == http.StatusBadRequest: // an id that was never one
		return engine.ErrGone
	case errors.As(err, &answer) && answer.HTTPStatusCode() == http.StatusForbidden:
		return fmt.Errorf("outgoing: no right to @connections: grant execute-api:ManageConnections on this API to the role or user: %w", err)
	}
	return fmt.Errorf("outgoing: %w", err)
}
