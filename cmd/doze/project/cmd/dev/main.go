// Command dev runs the application on this machine, behind a local API Gateway, with everything in memory.
package main

import (
	"context"
	"flag"
	"fmt"
	"log"
	"os"
	"os/signal"
	"syscall"
	"time"

	"github.com/dozeio/doze/cmd/doze/project/app"
	"github.com/dozeio/doze/pkg/devserver"
	"github.com/dozeio/doze/pkg/gateway"
)

func main() {
	addr := flag.String("addr", "127.0.0.1:3000", "`address` to listen on; port 0 takes a free one")
	var hosts []string
	flag.Func("host", "`name` besides localhost that requests may give this server while it listens on a loopback address; may be repeated", func(name string) error {
		hosts = append(hosts, name)
		return nil
	})
	flag.Parse()
	s, err := devserver.Start(devserver.Options{Addr: *addr, Hosts: hosts, Gateway: gateway.Options{Site: app.Page()}}, app.New())
	if err != nil {
		log.Fatal(err)
	}
	fmt.Printf("Open this in two browser tabs: %s\nClients connect with io(%q). Ctrl-C ends it.\n", s.URL, s.URL)
	if s.Warning != "" {
		fmt.Fprintln(os.Stderr, s.Warning)
	}
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	select {
	case <-ctx.Done():
	case <-s.Ended():
		log.Fatal(s.Err())
	}
	ctx, cancel := context.WithTimeout(context.Background(), 2*time.Second)
	defer cancel()
	if err := s.Close(ctx); err != nil {
		log.Fatal(err)
	}
}
