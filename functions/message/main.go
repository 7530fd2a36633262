// Command message is the Lambda function where packets come in: the $default route, and POST of the HTTP API.
package main

import (
	"github.com/dozeio/doze/app"
	"github.com/dozeio/doze/functions/backend"
)

func main() {
	backend.Main(backend.Message, app.New())
}
