// Command program is the program of docs/elsewhere.md: it says something to a room and ends.
package main

import (
	"context"
	"flag"
	"log"
	"time"

	"github.com/aws/aws-sdk-go-v2/config"

	"github.com/dozeio/doze/pkg/emitter"
)

type notice struct {
	Room string `json:"room"`
	Name string `json:"name"`
	Text string `json:"text"`
}

func main() {
	room, text := flag.String("room", "", "`name` of the room to tell"), flag.String("text", "", "what to say")
	flag.Parse()
	ctx, cancel := context.WithTimeout(context.Background(), 20*time.Second)
	defer cancel()

	cfg, err := config.LoadDefaultConfig(ctx)
	if err != nil {
		log.Fatal(err)
	}
	io, err := emitter.New(cfg, emitter.Options{}) // where: DOZE_TABLE, DOZE_CONNECTIONS and DOZE_QUEUE say
	if err != nil {
		log.Fatal(err)
	}
	if err := io.To("#"+*room).Emit(ctx, "said", notice{*room, "program", *text}); err != nil {
		log.Fatal(err)
	}
}
