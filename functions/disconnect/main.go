// Command disconnect is the Lambda function told of closed connections: the $disconnect route.
package main

import (
	"github.com/dozeio/doze/app"
	"github.com/dozeio/doze/functions/backend"
)

func main() {
	backend.Main(backend.Disconnect, app.New())
}
