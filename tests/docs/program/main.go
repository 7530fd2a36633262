// Command program is the one of README.md, on port 3000.
package main

import (
	"log"

	"github.com/dozeio/doze/pkg/devserver"
	"github.com/dozeio/doze/tests/docs/program/app"
)

func main() {
	s, err := devserver.Start(devserver.Options{Addr: "127.0.0.1:3000"}, app.New())
	if err != nil {
		log.Fatal(err)
	}
	log.Print("listening at ", s.URL)
	<-s.Ended()
}
