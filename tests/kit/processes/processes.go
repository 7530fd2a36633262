package processes

import (
	"cmp"
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"os"
	"path"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/aws/aws-sdk-go-v2/service/dynamodb"

	"github.com/dozeio/doze/pkg/engine"
	"github.com/dozeio/doze/pkg/gateway"
	"github.com/dozeio/doze/pkg/gateway/runtimeapi"
	"github.com/dozeio/doze/pkg/store/dynamo"
	"github.com/dozeio/doze/tests/kit/dynalite"
	"github.com/dozeio/doze/tests/kit/suiteapp"
)

// Options describe a deployment. Only App is required.
type Options struct {
	// App is what the functions run: "engineio" or "socketio" for an official suite, "client" for the stock clients'
	// application, "causes" for that of tests/kit/causes, or "chat" for the four functions as they are deployed, of whose
	// Engine options only the pings' times reach them.
	App string

	Addr     string          // to listen on; default 127.0.0.1:0, a free port
	Endpoint string          // of a DynamoDB; default: a dynalite of its own
	Table    string          // which is made where there is none; default: a new name
	Folder   string          // with what Build made of App; default: it is built, and removed at the end
	Engine   engine.Options  // Clock, Rand and Logger stay behind; BinaryFrames and OrderedFrames are the gateway's too
	Gateway  gateway.Options // its functions are filled in
	Env      []string        // more of the functions' environment, as KEY=value

	Warm   int       // copies of each function that are started before the first client comes; default 4, below 0 for none
	Copies int       // of each function at most; default 32
	Polls  int       // of connect instead, where every client that polls holds one; default 256
	Logs   io.Writer // of the functions; default: nobody reads them

	// TerminateLoops leaves the heartbeat function without RecursiveLoop: Allow, which the template gives it.
	TerminateLoops bool

	OpenByQueue bool    // open packets go through the queue, as where Lambda has no extensions
	Latency     Latency // for benchmarks; not for the chat
}

// Deployment is one that runs. Its fields are for reading.
type Deployment struct {
	URL      string // such as http://127.0.0.1:3000
	Endpoint string // of DynamoDB
	Table    string
	Gateway  *gateway.Gateway

	Connect, Message, Disconnect, Heartbeat *runtimeapi.Function

	http   *http.Server
	ended  chan struct{}
	undo   []func() // at the end, last first
	served error
}

// Start runs a deployment until Close. ctx is for the start only.
func Start(ctx context.Context, o Options) (_ *Deployment, err error) {
	d := &Deployment{Endpoint: o.Endpoint, Table: cmp.Or(o.Table, "doze-"+rand.Text()), ended: make(chan struct{})}
	defer func() {
		if err != nil {
			d.clean()
		}
	}()
	if _, err := suiteapp.Bind(o.App); err != nil && o.App != "client" && o.App != "causes" && o.App != "chat" {
		return nil, err
	} else if err == nil {
		suiteapp.Settings(o.App, &o.Engine, &o.Gateway)
	}
	if o.Folder == "" {
		if o.Folder, err = os.MkdirTemp("", "doze-functions-"); err != nil {
			return nil, err
		}
		folder := o.Folder
		d.undo = append(d.undo, func() { os.RemoveAll(folder) })
		if err := Build(ctx, o.Folder, o.App); err != nil {
			return nil, err
		}
	}
	if d.Endpoint == "" {
		url, stop, err := dynalite.Start()
		if err != nil {
			return nil, err
		}
		d.Endpoint = url
		d.undo = append(d.undo, stop)
	}
	if err := dynamo.CreateTable(ctx, d.Client(), d.Table); err != nil {
		return nil, err
	}
	listener, err := net.Listen("tcp", cmp.Or(o.Addr, "127.0.0.1:0"))
	if err != nil {
		return nil, err
	}
	d.undo = append(d.undo, func() { listener.Close() })
	d.URL = "http://" + listener.Addr().String()
	if err := d.wire(o); err != nil {
		return nil, err
	}
	for _, f := range d.Functions() {
		if err := f.Warm(ctx, cmp.Or(o.Warm, 4)); err != nil {
			return nil, err
		}
	}
	go func() {
		defer close(d.ended)
		if err := d.http.Serve(listener); !errors.Is(err, http.ErrServerClosed) {
			d.served = err
		}
	}()
	return d, nil
}

// Client returns a client of the deployment's DynamoDB.
func (d *Deployment) Client() *dynamodb.Client { return dynalite.Client(d.Endpoint) }

// Functions returns all four.
func (d *Deployment) Functions() []*runtimeapi.Function {
	return []*runtimeapi.Function{d.Connect, d.Message, d.Disconnect, d.Heartbeat}
}

func (d *Deployment) wire(o Options) (err error) {
	env, err := d.environment(o)
	if err != nil {
		return err
	}
	for i, f := range []**runtimeapi.Function{&d.Connect, &d.Message, &d.Disconnect, &d.Heartbeat} {
		fo := runtimeapi.Options{
			Binary: binary(o.Folder, o.App, functions[i]), Name: functions[i], Handler: functions[i], Env: env, Copies: cmp.Or(o.Copies, 32), Logs: o.Logs,
			InitTimeout: 30 * time.Second, // a busy machine's
		}
		if i == 0 {
			fo.Copies = cmp.Or(o.Polls, 256)
		}
		if o.Gateway.Clock != nil {
			fo.Now = o.Gateway.Clock.Now
		}
		if *f, err = runtimeapi.New(fo); err != nil {
			return err
		}
		made := *f
		d.undo = append(d.undo, func() { _ = made.Close(context.Background()) })
	}
	g := o.Gateway
	g.Connect, g.Default, g.Disconnect, g.Jobs = d.Connect, d.Message, d.Disconnect, d.Heartbeat
	g.RecursiveLoop = !o.TerminateLoops
	g.HTTP = map[string]gateway.Handler{
		http.MethodGet: d.Connect, http.MethodHead: d.Connect, http.MethodOptions: d.Connect,
		http.MethodPost: d.Message, http.MethodPut: d.Message, http.MethodDelete: d.Message, http.MethodPatch: d.Message,
	}
	g.BinaryFrames, g.OrderedFrames = o.Engine.BinaryFrames, o.Engine.OrderedFrames
	if d.Gateway, err = gateway.New(g); err != nil {
		return err
	}
	d.http = &http.Server{Handler: clientFile(d.Gateway), ReadHeaderTimeout: 10 * time.Second, ErrorLog: slog.NewLogLogger(slog.DiscardHandler, slog.LevelError)}
	return nil
}

// environment is what functions/backend reads, and what the test's functions read besides.
func (d *Deployment) environment(o Options) ([]string, error) {
	settings, err := Settings{App: o.App, Engine: o.Engine, OpenByQueue: o.OpenByQueue, Latency: o.Latency}.encode()
	if err != nil {
		return nil, err
	}
	env := []string{
		"DOZE_TABLE=" + d.Table,
		"DOZE_CONNECTIONS=" + d.URL + "/" + cmp.Or(o.Gateway.Stage, "local"),
		"DOZE_QUEUE=" + d.URL + "/_queue",
		"AWS_ENDPOINT_URL_DYNAMODB=" + d.Endpoint,
		settings,
	}
	if o.Engine.PingInterval > 0 {
		env = append(env, "DOZE_PING_INTERVAL="+o.Engine.PingInterval.String(), "DOZE_PING_TIMEOUT="+o.Engine.PingTimeout.String())
	}
	for _, e := range [][2]string{{"AWS_ACCESS_KEY_ID", "test"}, {"AWS_SECRET_ACCESS_KEY", "test"}, {"AWS_SESSION_TOKEN", ""}, {"AWS_REGION", "us-east-1"}} {
		if v := cmp.Or(os.Getenv(e[0]), e[1]); v != "" {
			env = append(env, e[0]+"="+v)
		}
	}
	return slices.Concat(GoSettings, env, o.Env), nil
}

// clientFile serves socket.io.js to browsers, which on AWS another function does.
func clientFile(next http.Handler) http.Handler {
	root, err := moduleRoot()
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if name := path.Base(r.URL.Path); err == nil && strings.HasPrefix(name, "socket.io.") {
			http.ServeFile(w, r, filepath.Join(root, "tests", "node_modules", "socket.io", "client-dist", name))
			return
		}
		next.ServeHTTP(w, r)
	})
}

// Ended is closed when the deployment has stopped listening, by Close or by itself; Err then says why.
func (d *Deployment) Ended() <-chan struct{} { return d.ended }

// Err returns why it stopped by itself, nil after Close. It may be called once Ended is closed.
func (d *Deployment) Err() error { return d.served }

// Close closes all connections, whose sockets are disconnected in order, waits for what still runs, while ctx lasts,
// and ends all processes. A table that was there before stays.
func (d *Deployment) Close(ctx context.Context) error {
	err := d.Gateway.Close(ctx)
	for i, f := range d.Functions() {
		if e := f.Close(ctx); e != nil {
			err = errors.Join(err, fmt.Errorf("%s: %w", functions[i], e))
		}
	}
	if e := d.http.Shutdown(ctx); e != nil {
		err = errors.Join(err, d.http.Close())
	}
	<-d.ended
	d.clean()
	return err
}

func (d *Deployment) clean() {
	for i := len(d.undo) - 1; i >= 0; i-- {
		d.undo[i]()
	}
	d.undo = nil
}
