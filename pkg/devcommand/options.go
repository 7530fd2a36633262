package devcommand

import (
	"cmp"
	"flag"
	"fmt"
	"io"
	"net"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/dozeio/doze/internal/commandline"
	"github.com/dozeio/doze/internal/oneprocess"
)

// more is what flags say besides the options of a server.
type more struct {
	aws    services
	ui     adminUI
	verify bool          // have the namespace that doze verify asks
	grace  time.Duration // that the end may take
}

// closeTimeout is how long a developer's server may take to say goodbye to its clients.
const closeTimeout = 2 * time.Second

// maxPing is the longest PingInterval and PingTimeout that an engine takes.
const maxPing = 15 * time.Minute

// options reads the flags. What nobody has set is left to the application, whose options go before the defaults that
// the help names.
func (c Command) options(args []string, out, log io.Writer) (o oneprocess.Options, m more, err error) {
	f := flag.NewFlagSet(c.Name, flag.ContinueOnError)
	e, aws, ui := &o.Engine, &m.aws, &m.ui
	m.grace = closeTimeout
	o.Direct = true
	f.StringVar(&o.Addr, "addr", "127.0.0.1:3000", "`address` to listen on; port 0 takes a free one")
	asAWS := new(bool)
	if c.Serve {
		o.Public = &oneprocess.Public{}
		f.StringVar(&o.Public.Health, "health", "/healthz", "`path` that answers 200 while clients are taken, and 503 once the end has begun")
		f.StringVar(&o.Public.Inner, "inner", "", "`address` for /metrics and for doze's own commands, such as 127.0.0.1:3001, which others must not reach (default: there is none)")
		commandline.Hosts(f, &o.Hosts, "the address of -inner, if that is a loopback one; the address of the clients takes any")
		f.DurationVar(&m.grace, "grace", 10*time.Second, "time that the handlers that run have at the end")
	} else {
		commandline.Hosts(f, &o.Hosts, "this server while it listens on a loopback address")
		asAWS = f.Bool("as-aws", false, "go the way that a deployment goes, through a local API Gateway with AWS's limits, each message an event of its own; doze verify and the flags of the gateway imply it")
		c.gatewayFlags(f, &o)
		f.BoolVar(&m.verify, "verify", false, "have the namespace that doze verify asks")
	}
	f.StringVar(&o.Clients, "client", "", "`folder` with socket.io.js, of the version that the page names, if it names one (default: the npm package socket.io nearby, else its CDN)")
	f.DurationVar(&e.PingInterval, "ping-interval", 25*time.Second, "time between two pings; 300s is what a deployment uses")
	f.DurationVar(&e.PingTimeout, "ping-timeout", 20*time.Second, "time for the pong to come")
	f.DurationVar(&e.ConnectTimeout, "connect-timeout", 45*time.Second, "time to join a first namespace")
	f.DurationVar(&e.UpgradeTimeout, "upgrade-timeout", 10*time.Second, "time to complete an upgrade")
	f.IntVar(&e.MaxPayload, "max-payload", 1_000_000, "`bytes` of a polling request; without AWS's limits, also of a WebSocket message")
	f.IntVar(&e.ClientRate, "client-rate", 100, "messages a second that one client may send over WebSocket, as an average of ten seconds, and ten seconds' worth in one polling request; who sends more is disconnected. -1 is for no limit, 0 for the default")
	if !c.Serve { // whose sessions are in memory and end with it
		c.awsFlags(f, aws)
	}
	allow := f.String("allow-origins", "", "`origins` of other sites whose pages may connect, separated by commas, such as http://localhost:5173, file:// or null; the https:// origin of a proxy before this server, too")
	without := ", or, on a loopback address, without"
	if c.Serve {
		without = ""
	}
	f.StringVar(&ui.mode, "admin", "", "`mode` of the Admin UI of Socket.IO, development or production; with the name and password hash in DOZE_ADMIN_USER and DOZE_ADMIN_PASSWORD_HASH"+without+" (default: there is none)")
	f.BoolVar(&ui.readOnly, "admin-read-only", false, "have the Admin UI look and not act")
	f.StringVar(&ui.page, "admin-page", "", "`folder` ui/dist of the npm package @socket.io/admin-ui, to serve at /admin/ (default: nothing is, and https://admin.socket.io has the page)")
	verbose := f.Bool("v", false, "log each request, invocation, event and post; of an event its name, namespace and socket, and what handled it")
	if err := commandline.ParseFlags(f, commandline.Usage(c.Name), args, out); err != nil {
		return o, m, err
	}
	if err := cmp.Or(
		commandline.Between(f, "ping-interval", time.Millisecond, maxPing), commandline.Between(f, "ping-timeout", time.Millisecond, maxPing),
		commandline.Least(f, "connect-timeout", time.Millisecond), commandline.Least(f, "upgrade-timeout", time.Millisecond),
		commandline.Least(f, "max-payload", 1), commandline.Least(f, "client-rate", -1),
	); err != nil {
		return o, m, err
	}
	if c.Serve {
		err = commandline.Least(f, "grace", time.Millisecond)
	} else {
		err = cmp.Or(
			commandline.Least(f, "concurrency", 1),
			commandline.Least(f, "jitter", time.Duration(0)), commandline.Least(f, "cold-start", time.Duration(0)),
		)
	}
	if err != nil {
		return o, m, err
	}
	o.Direct = !*asAWS
	for _, name := range ofGateway {
		if commandline.Given(f, name) && o.Direct {
			if commandline.Given(f, "as-aws") {
				return o, m, fmt.Errorf("-%s is of the way that a deployment goes, which -as-aws=false refuses: leave one of the two out", name)
			}
			o.Direct = false
			fmt.Fprintf(log, "-%s is of the way that a deployment goes: this is %s\n", name, commandline.With(c.Name, "-as-aws"))
			break
		}
	}
	if c.Serve && !strings.HasPrefix(o.Public.Health, "/") {
		return o, m, fmt.Errorf("-health %q is no path: write /healthz, say", o.Public.Health)
	}
	if c.Serve && o.Public.Inner == "" && len(o.Hosts) > 0 {
		return o, m, fmt.Errorf("-host is of the address of -inner, which there is none of: leave -host out, because the address of the clients takes any name, or write %s",
			commandline.With(c.Name, "-inner 127.0.0.1:3001"))
	}
	if c.Serve && o.Public.Inner != "" {
		if err := commandline.Address("inner", o.Public.Inner); err != nil {
			return o, m, err
		}
	}
	if c.Serve && !isLoopback(o.Public.Inner) {
		fmt.Fprintf(log, "-inner %s is not of this machine alone: whoever reaches it may read the metrics and act on all clients, and is not asked for a name\n", o.Public.Inner)
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
	if !commandline.Given(f, "client-rate") {
		e.ClientRate = 0
	}
	if _, err := os.Stat(filepath.Join(o.Clients, "socket.io.js")); o.Clients != "" && err != nil {
		return o, m, fmt.Errorf("-client %s: there is no socket.io.js: name the folder client-dist of the npm package socket.io", o.Clients)
	}
	o.Gateway.Logger = commandline.Logger(log, *verbose)
	if *verbose { // it was asked for, so it goes before a logger that the application has
		e.Logger = o.Gateway.Logger
	}
	if *allow != "" {
		e.AllowOrigins = strings.Split(*allow, ",")
	}
	return o, m, ui.check()
}

// awsFlags are those of services beside the server.
func (c Command) awsFlags(f *flag.FlagSet, aws *services) {
	f.StringVar(&aws.table, "table", "", "`name` of a DynamoDB table to keep sessions and rooms in, made if it is not there; one server at a time may use it (default: they are in memory)")
	f.StringVar(&aws.queue, "queue", "", "`name` or URL of an SQS queue for timers and jobs, made with its dead-letter queue if it is not there (default: the gateway's own)")
	f.StringVar(&aws.endpoint, "endpoint", "", "`URL` of a server that answers like AWS, such as LocalStack's http://127.0.0.1:4566 (default: AWS_ENDPOINT_URL, else AWS)")
}

// gatewayFlags are those of the local API Gateway.
func (c Command) gatewayFlags(f *flag.FlagSet, o *oneprocess.Options) {
	f.BoolVar(&o.Engine.BinaryFrames, "binary-frames", false, "a gateway that passes binary WebSocket frames, as API Gateway does not")
	f.BoolVar(&o.Engine.OrderedFrames, "ordered", false, "a gateway that keeps the order of frames, as API Gateway does not")
	f.DurationVar(&o.Gateway.Jitter, "jitter", 0, "delay each WebSocket message by a random time up to this, which shuffles them")
	f.DurationVar(&o.Gateway.ColdStart, "cold-start", 0, "time that the first invocation of each new environment takes longer, as on Lambda")
	f.IntVar(&o.Gateway.Concurrency, "concurrency", 1000, "invocations at once, of all functions together; a new AWS account has 10")
	f.Uint64Var(&o.Gateway.Seed, "seed", 0, "of jitter and faults; 0 takes a random one")
}

// ofGateway are the flags that mean nothing on the direct way.
var ofGateway = []string{"jitter", "cold-start", "concurrency", "seed", "binary-frames", "ordered", "verify"}

// isLoopback reports whether an address to listen on is one of this machine alone, or none.
func isLoopback(addr string) bool {
	host, _, _ := net.SplitHostPort(addr)
	return addr == "" || host == "localhost" || net.ParseIP(host).IsLoopback()
}
