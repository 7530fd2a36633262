// Command connect is the Lambda function where sessions over WebSocket begin: the $connect route, and the open packets
// of new connections.
package main

import (
	"github.com/dozeio/doze/app"
	"github.com/dozeio/doze/functions/backend"
)

func main() {
	backend.Main(backend.Connect, app.New())
}
