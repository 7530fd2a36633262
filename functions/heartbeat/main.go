// Command heartbeat is the Lambda function for timers and jobs: pings, the reaping of dead sessions, open packets that
// could not be posted at once, and what others have put on the queue to be emitted. Its events come from SQS.
package main

import (
	"github.com/dozeio/doze/app"
	"github.com/dozeio/doze/functions/backend"
)

func main() {
	backend.Main(backend.Heartbeat, app.New())
}
