package devcommand

import (
	"cmp"
	"flag"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/dozeio/doze/internal/commandline"
	"github.com/dozeio/doze/internal/oneprocess"
)

// options reads the flags. What nobody has set is left to the application, whose options go before the defaults that
// the help names.
func (c Command) options(args []string, out, log io.Writer) (o oneprocess.Options, aws services, ui adminUI, asked bool, err error) {
	f := flag.NewFlagSet(c.Name, flag.ContinueOnError)
	e := &o.Engine
	f.StringVar(&o.Addr, "addr", "127.0.0.1:3000", "`address` to listen on; port 0 takes a free one")
	commandline.Hosts(f, &o.Hosts)
	f.StringVar(&o.Clients, "client", "", "`folder` with socket.io.js, of the version that the page names, if it names one (default: the npm package socket.io nearby, else its CDN)")
	f.DurationVar(&e.PingInterval, "ping-interval", 25*time.Second, "time between two pings; 300s is what a deployment uses")
	f.DurationVar(&e.PingTimeout, "ping-timeout", 20*time.Second, "time for the pong to come")
	f.DurationVar(&e.ConnectTimeout, "connect-timeout", 45*time.Second, "time to join a first namespace")
	f.DurationVar(&e.UpgradeTimeout, "upgrade-timeout", 10*time.Second, "time to complete an upgrade")
	f.IntVar(&e.MaxPayload, "max-payload", 1_000_000, "`bytes` of a polling request")
	f.BoolVar(&e.BinaryFrames, "binary-frames", false, "a gateway that passes binary WebSocket frames, as API Gateway does not")
	f.BoolVar(&e.OrderedFrames, "ordered", false, "a gateway that keeps the order of frames, as API Gateway does not")
	f.DurationVar(&o.Gateway.Jitter, "jitter", 0, "delay each WebSocket message by a random time up to this, which shuffles them")
	f.DurationVar(&o.Gateway.ColdStart, "cold-start", 0, "time that the first invocation of each new environment takes longer, as on Lambda")
	f.IntVar(&o.Gateway.Concurrency, "concurrency", 1000, "invocations at once, of all functions together; a new AWS account has 10")
	f.Uint64Var(&o.Gateway.Seed, "seed", 0, "of jitter and faults; 0 takes a random one")
	f.StringVar(&aws.table, "table", "", "`name` of a DynamoDB table to keep sessions and rooms in, made if it is not there; one server at a time may use it (default: they are in memory)")
	f.StringVar(&aws.queue, "queue", "", "`name` or URL of an SQS queue for timers and jobs, made with its dead-letter queue if it is not there (default: the gateway's own)")
	f.StringVar(&aws.endpoint, "endpoint", "", "`URL` of a server that answers like AWS, such as LocalStack's http://127.0.0.1:4566 (default: AWS_ENDPOINT_URL, else AWS)")
	allow := f.String("allow-origins", "", "`origins` of other sites whose pages may connect, separated by commas, such as http://localhost:5173, file:// or null; the https:// origin of a proxy before this server, too")
	f.BoolVar(&asked, "verify", false, "have the namespace that doze verify asks")
	f.StringVar(&ui.mode, "admin", "", "`mode` of the Admin UI of Socket.IO, development or production; with the name and password hash in DOZE_ADMIN_USER and DOZE_ADMIN_PASSWORD_HASH, or, on a loopback address, without (default: there is none)")
	f.BoolVar(&ui.readOnly, "admin-read-only", false, "have the Admin UI look and not act")
	f.StringVar(&ui.page, "admin-page", "", "`folder` ui/dist of the npm package @socket.io/admin-ui, to serve at /admin/ (default: nothing is, and https://admin.socket.io has the page)")
	verbose := f.Bool("v", false, "log each request, invocation, event and post; of an event its name, namespace and socket, and what handled it")
	if err := commandline.ParseFlags(f, fmt.Sprintf("usage: %s\n\n", commandline.With(c.Name, "[flags]")), args, out); err != nil {
		return o, aws, ui, false, err
	}
	if err := cmp.Or(
		commandline.Least(f, "ping-interval", time.Millisecond), commandline.Least(f, "ping-timeout", time.Millisecond),
		commandline.Least(f, "connect-timeout", time.Millisecond), commandline.Least(f, "upgrade-timeout", time.Millisecond),
		commandline.Least(f, "max-payload", 1), commandline.Least(f, "concurrency", 1),
		commandline.Least(f, "jitter", time.Duration(0)), commandline.Least(f, "cold-start", time.Duration(0)),
	); err != nil {
		return o, aws, ui, false, err
	}
	for name, value := range map[string]*time.Duration{
		"ping-interval": &e.PingInterval, "ping-timeout": &e.PingTimeout, "connect-timeout": &e.ConnectTimeout, "upgrade-timeout": &e.UpgradeTimeout,
	} {
		if !commandline.Given(f, name) {
			*value = 0
		}
	}
	if !commandline.Given(f, "max-payload") {
		e.MaxPayload = 0
	}
	if _, err := os.Stat(filepath.Join(o.Clients, "socket.io.js")); o.Clients != "" && err != nil {
		return o, aws, ui, false, fmt.Errorf("-client %s: there is no socket.io.js: name the folder client-dist of the npm package socket.io", o.Clients)
	}
	o.Gateway.Logger = commandline.Logger(log, *verbose)
	if *verbose { // it was asked for, so it goes before a logger that the application has
		e.Logger = o.Gateway.Logger
	}
	if *allow != "" {
		e.AllowOrigins = strings.Split(*allow, ",")
	}
	return o, aws, ui, asked, ui.check()
}
