package main

import (
	"context"
	"flag"
	"fmt"
	"io"
	"net"
	"net/http"
	"time"

	"github.com/dozeio/doze/internal/commandline"
	"github.com/dozeio/doze/pkg/gateway"
)

// serveGateway runs a local API Gateway before the functions of a stack until ctx ends.
func serveGateway(ctx context.Context, args []string, out, log io.Writer) error {
	var o gateway.Options
	f := flag.NewFlagSet("doze gateway", flag.ContinueOnError)
	addr := f.String("addr", "127.0.0.1:3000", "`address` to listen on: the stack's parameter Connections is http://ADDRESS/local")
	var hosts []string
	commandline.Hosts(f, &hosts, "this server while it listens on a loopback address")
	stack := f.String("stack", "doze", "`name` of the stack with the functions")
	endpoint := f.String("endpoint", "", "`URL` of a server that answers like AWS, such as LocalStack's http://127.0.0.1:4566 (default: AWS_ENDPOINT_URL, else AWS)")
	f.DurationVar(&o.Jitter, "jitter", 0, "delay each WebSocket message by a random time up to this, which shuffles them")
	f.Uint64Var(&o.Seed, "seed", 0, "of jitter; 0 takes a random one")
	verbose := f.Bool("v", false, "log each request, invocation and post")
	if err := parseFlags(f, "usage: doze gateway [flags]\n\n", args, out); err != nil {
		return err
	}
	if err := commandline.Least(f, "jitter", time.Duration(0)); err != nil {
		return err
	}
	o.Logger = commandline.Logger(log, *verbose)
	listener, err := commandline.Listen("doze gateway", *addr) // before AWS is asked anything
	if err != nil {
		return err
	}
	defer listener.Close()
	cfg, err := configOf(ctx, *endpoint)
	if err != nil {
		return err
	}
	functions, err := findFunctions(ctx, cfg, *stack)
	if ctx.Err() != nil {
		return nil // that is how people end the command
	} else if err != nil {
		return err
	}
	o.Connect, o.Default, o.Disconnect = functions.connect, functions.message, functions.disconnect
	o.HTTPEverywhere = true
	o.HTTP = map[string]gateway.Handler{http.MethodGet: functions.poll, http.MethodHead: functions.poll, http.MethodOptions: functions.poll}
	for _, method := range []string{http.MethodPost, http.MethodPut, http.MethodPatch, http.MethodDelete} {
		o.HTTP[method] = functions.message
	}
	o.FunctionTimeout = 15 * time.Minute // Lambda's maximum: the functions are elsewhere, and have times of their own
	g, err := gateway.New(o)
	if err != nil {
		return err
	}
	gatewayIsUp(out, log, *stack, listener.Addr())
	return serve(ctx, g, gateway.NewServer(listener.Addr(), g, hosts...), listener, out)
}

// gatewayIsUp says where it is, and to whom.
func gatewayIsUp(out, log io.Writer, stack string, addr net.Addr) {
	url := gateway.URL(addr)
	fmt.Fprintf(out, "The functions of the stack %s are behind a gateway. Open the chat in two browser tabs:\n\n    %s\n\nClients connect with io(%q, { auth: { nickname: 'ada' } }). Ctrl-C ends it.\n", stack, url, url)
	if warning := gateway.Warning(addr); warning != "" {
		fmt.Fprintln(log, warning)
	}
}

// closeTimeout is how long the server may take to say goodbye to its clients.
const closeTimeout = 2 * time.Second

// serve answers until ctx ends, and then says goodbye to the clients.
func serve(ctx context.Context, g *gateway.Gateway, server *http.Server, listener net.Listener, out io.Writer) error {
	ended := make(chan error, 1)
	go func() { ended <- server.Serve(listener) }()
	select {
	case err := <-ended:
		return err
	case <-ctx.Done():
		fmt.Fprintln(out, "\nclosing the connections")
	}
	goodbye, cancel := context.WithTimeout(context.Background(), closeTimeout)
	defer cancel()
	err := g.Close(goodbye)
	if server.Shutdown(goodbye) != nil {
		server.Close()
	}
	<-ended
	if goodbye.Err() != nil {
		return nil // whoever has not gone by now goes with the process
	}
	return err
}
