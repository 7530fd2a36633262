// Package emitter sends to the clients of a deployment from any Go program: a cron job, another Lambda function, a
// batch process. It needs the deployment's table, its WebSocket API and its job queue, and the rights of the managed
// policy that the template's output EmitterPolicyArn names. It needs nothing of Lambda and no connection of its own.
//
//	cfg, err := config.LoadDefaultConfig(ctx)
//	...
//	io, err := emitter.New(cfg, emitter.Options{}) // the environment says where
//	...
//	err = io.To("news").Emit(ctx, "headline", "Rain")
package emitter

import (
	"fmt"
	"log/slog"

	"github.com/aws/aws-sdk-go-v2/aws"

	"github.com/dozeio/doze/internal/elsewhere"
	"github.com/dozeio/doze/pkg/socketio"
)

// Options say where a deployment is. Each of the first three that is empty is read from the environment, by the name
// that the template gives its functions.
type Options struct {
	Table       string // name of the DynamoDB table, the output TableName; else DOZE_TABLE
	Connections string // URL of the WebSocket API with its stage, the output ConnectionsUrl; else DOZE_CONNECTIONS
	Queue       string // URL of the job queue, the output JobQueueUrl, or of a local gateway's, such as http://127.0.0.1:3000/_queue; else DOZE_QUEUE

	// MsgPack is the application's Options.MsgPack, which an emitter cannot see: with the other format each client that
	// is sent something ends its connection, because it cannot read it.
	MsgPack bool

	Logger *slog.Logger // of recipients that are disconnected, and the like; default slog.Default()
}

// New returns a Server that sends to the clients of a deployment, by the credentials, the region and the endpoints of
// cfg. Its namespaces need not be made before: Of takes any name. What it sends has the guarantees of a handler's, and
// is done when Emit returns. It has no handlers. A session that it has to close, because its client does not take what
// it is sent, is closed at once, and one of the deployment's functions runs OnDisconnecting and OnDisconnect soon
// after. It puts a socket into 1,000 rooms at most, whatever the application says in its Options.
//
// Nothing is sent before the first call of the Server's methods, which may be called concurrently. The error says what
// to set. cfg.HTTPClient is used for what it is: one of the SDK's own kind gets the number of connections that a
// broadcast needs, and any other is left as it is.
func New(cfg aws.Config, o Options) (*socketio.Server, error) {
	b, err := elsewhere.Backend(cfg, elsewhere.Place{Table: o.Table, Connections: o.Connections, Queue: o.Queue})
	if err != nil {
		return nil, fmt.Errorf("emitter: %w", err)
	}
	io := socketio.New(socketio.Options{Logger: o.Logger, MsgPack: o.MsgPack})
	if _, err := io.Bind(b); err != nil {
		return nil, err
	}
	return io, nil
}
