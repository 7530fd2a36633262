// Command port runs the Go application of docs/from-node.md on port 3000.
package main

import (
	"fmt"
	"log"

	"github.com/dozeio/doze/pkg/devserver"
	"github.com/dozeio/doze/tests/docs/port/app"
)

func main() {
	s, err := devserver.Start(devserver.Options{Addr: "127.0.0.1:3000"}, app.New())
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println("listening at", s.URL)
	<-s.Ended()
}
