package main

import (
	"context"
	"flag"
	"fmt"
	"io"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"time"

	"github.com/dozeio/doze/app"
	"github.com/dozeio/doze/internal/jobqueue"
	"github.com/dozeio/doze/internal/oneprocess"
	"github.com/dozeio/doze/pkg/apigw"
	"github.com/dozeio/doze/pkg/socketio"
	"github.com/dozeio/doze/pkg/verify/counterpart"
)

// closeTimeout is how long the server may take to say goodbye to its clients.
const closeTimeout = 2 * time.Second

// dev runs the chat until ctx ends.
func dev(ctx context.Context, args []string, out, log io.Writer) error {
	o, aws, chat, err := devOptions(args, log)
	if err != nil {
		return err
	}
	services, err := aws.connect(ctx)
	if err != nil {
		return err
	}
	o.Wrap = services.wrap
	s, err := oneprocess.Start(o, chat.Bind)
	if err != nil {
		return err
	}
	if services.queue != nil {
		polling, stop := context.WithCancel(context.WithoutCancel(ctx)) // connections that are closed at the end have jobs too
		var polled sync.WaitGroup
		polled.Go(func() {
			jobqueue.Poll(polling, services.sqs, services.queues.Jobs, apigw.NewHeartbeat(s.Engine, services.queue), o.Gateway.Logger)
		})
		defer polled.Wait()
		defer stop()
	}
	fmt.Fprintf(out, "Doze is up. Open the chat in two browser tabs:\n\n    %s\n\nClients connect with io(%q, { auth: { nickname: 'ada' } }). Ctrl-C ends it.\n", s.URL, s.URL)
	if s.Warning != "" {
		fmt.Fprintln(log, s.Warning)
	}
	select {
	case <-ctx.Done():
		fmt.Fprintln(out, "\nclosing the connections")
	case <-s.Ended():
		return s.Err()
	}
	ctx, cancel := context.WithTimeout(context.Background(), closeTimeout)
	defer cancel()
	return s.Close(ctx)
}

// devOptions reads the flags.
func devOptions(args []string, log io.Writer) (o oneprocess.Options, aws services, chat *socketio.Server, err error) {
	f := flag.NewFlagSet("doze dev", flag.ContinueOnError)
	f.SetOutput(log)
	e := &o.Engine
	f.StringVar(&o.Addr, "addr", "127.0.0.1:3000", "`address` to listen on; port 0 takes a free one")
	f.Func("host", hostUsage, hostNames(&o.Hosts))
	f.StringVar(&o.Clients, "client", "", "`folder` with socket.io.js of socket.io 4.8.4, the version that the chat's page runs (default: the npm package socket.io nearby, else its CDN)")
	f.DurationVar(&e.PingInterval, "ping-interval", 0, "time between two pings; 300s is what a deployment uses (default: what the application says, or 25s)")
	f.DurationVar(&e.PingTimeout, "ping-timeout", 0, "time for the pong to come (default: what the application says, or 20s)")
	f.DurationVar(&e.ConnectTimeout, "connect-timeout", 0, "time to join a first namespace (default: what the application says, or 45s)")
	f.DurationVar(&e.UpgradeTimeout, "upgrade-timeout", 0, "time to complete an upgrade (default: what the application says, or 10s)")
	f.IntVar(&e.MaxPayload, "max-payload", 1_000_000, "`bytes` of a polling request")
	f.BoolVar(&e.BinaryFrames, "binary-frames", false, "a gateway that passes binary WebSocket frames, as API Gateway does not")
	f.BoolVar(&e.OrderedFrames, "ordered", false, "a gateway that keeps the order of frames, as API Gateway does not")
	f.DurationVar(&o.Gateway.Jitter, "jitter", 0, "delay each WebSocket message by a random time up to this, which shuffles them")
	f.DurationVar(&o.Gateway.ColdStart, "cold-start", 0, "time that the first invocation of each new environment takes longer, as on Lambda")
	f.IntVar(&o.Gateway.Concurrency, "concurrency", 1000, "invocations at once, of all functions together; a new AWS account has 10")
	f.Uint64Var(&o.Gateway.Seed, "seed", 0, "of jitter and faults; 0 takes a random one")
	f.StringVar(&aws.table, "table", "", "`name` of a DynamoDB table to keep sessions and rooms in, made if it is not there; one doze dev at a time may use it (default: they are in memory)")
	f.StringVar(&aws.queue, "queue", "", "`name` or URL of an SQS queue for timers and jobs, made with its dead-letter queue if it is not there (default: the gateway's own)")
	f.StringVar(&aws.endpoint, "endpoint", "", "`URL` of a server that answers like AWS, such as LocalStack's http://127.0.0.1:4566 (default: AWS_ENDPOINT_URL, else AWS)")
	allow := f.String("allow-origins", "", "`origins` of other sites whose pages may connect, separated by commas, such as http://localhost:5173, file:// or null; the https:// origin of a proxy before this server, too")
	asked := f.Bool("verify", false, "have the namespace that doze verify asks")
	verbose := f.Bool("v", false, "log each request, invocation, event and post; of an event its name, namespace and socket, and what handled it")
	if err := f.Parse(args); err != nil {
		return o, aws, nil, flag.ErrHelp
	}
	if !strings.Contains(o.Addr, ":") {
		return o, aws, nil, fmt.Errorf("-addr %q has no port: write -addr 127.0.0.1:3000, say", o.Addr)
	}
	if f.NArg() > 0 {
		return o, aws, nil, fmt.Errorf("unexpected argument %q: doze dev takes flags only, see doze dev -h", f.Arg(0))
	}
	if _, err := os.Stat(filepath.Join(o.Clients, "socket.io.js")); o.Clients != "" && err != nil {
		return o, aws, nil, fmt.Errorf("-client %s: there is no socket.io.js: name the folder client-dist of the npm package socket.io", o.Clients)
	}
	o.Gateway.Logger = logger(log, *verbose)
	if *verbose { // it was asked for, so it goes before a logger that the application has
		e.Logger = o.Gateway.Logger
	}
	o.Gateway.Site = app.Page()
	if *allow != "" {
		e.AllowOrigins = strings.Split(*allow, ",")
	}
	chat = app.New()
	if *asked {
		counterpart.Register(chat)
	}
	return o, aws, chat, nil
}

const hostUsage = "`name` besides localhost that requests may give this server while it listens on a loopback address; may be repeated, or several separated by commas"

// hostNames is a flag that adds names.
func hostNames(names *[]string) func(string) error {
	return func(text string) error {
		*names = append(*names, strings.Split(text, ",")...)
		return nil
	}
}

// logger writes for somebody who is looking on.
func logger(log io.Writer, verbose bool) *slog.Logger {
	level := slog.LevelWarn
	if verbose {
		level = slog.LevelDebug
	}
	return slog.New(slog.NewTextHandler(log, &slog.HandlerOptions{Level: level, ReplaceAttr: shortTime}))
}

// shortTime leaves the date out of a line that somebody is looking at.
func shortTime(_ []string, a slog.Attr) slog.Attr {
	if a.Key == slog.TimeKey {
		a.Value = slog.StringValue(a.Value.Time().Format("15:04:05.000"))
	}
	return a
}
