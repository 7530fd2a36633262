// Command poll is the Lambda function where sessions over HTTP begin and polls wait: GET, HEAD and OPTIONS of the HTTP
// API, which also asks for the page.
package main

import (
	"github.com/dozeio/doze/app"
	"github.com/dozeio/doze/functions/backend"
)

func main() {
	backend.Main(backend.Poll(app.Page()), app.New())
}
