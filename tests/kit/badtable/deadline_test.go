//go:build full

package badtable_test

import (
	"context"
	"crypto/rand"
	"encoding/json"
	"fmt"
	"log/slog"
	"net/http"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/aws/aws-lambda-go/events"

	"github.com/dozeio/doze/pkg/apigw"
	"github.com/dozeio/doze/pkg/engine"
	"github.com/dozeio/doze/pkg/socketio"
	"github.com/dozeio/doze/pkg/store/dynamo"
	"github.com/dozeio/doze/tests/kit/badtable"
	"github.com/dozeio/doze/tests/kit/clientapp"
	"github.com/dozeio/doze/tests/kit/dynalite"
	"github.com/dozeio/doze/tests/kit/rawclient"
)

// process is what one process has: the functions on a store. Whatever it posts arrives, and its jobs are kept.
type process struct {
	*testing.T
	connect, message, disconnect, heartbeat apigw.Handler

	mu   sync.Mutex
	jobs [][]byte
}

func newProcess(t *testing.T, store *dynamo.Store) *process {
	t.Helper()
	p := &process{T: t}
	e, err := clientapp.New().Bind(socketio.Backend{Sessions: store, Rooms: store, Poster: p, Timers: p,
		Options: engine.Options{PingInterval: time.Minute, Logger: slog.New(slog.DiscardHandler)}})
	if err != nil {
		t.Fatal(err)
	}
	p.connect, p.message, p.disconnect, p.heartbeat = apigw.NewConnect(e, nil), apigw.NewMessage(e), apigw.NewDisconnect(e), apigw.NewHeartbeat(e, nil)
	return p
}

func (*process) Post(context.Context, string, engine.Frame) error { return nil }
func (*process) Exists(context.Context, string) error             { return nil }
func (*process) Disconnect(context.Context, string) error         { return nil }
func (p *process) Schedule(_ context.Context, job []byte, _ time.Duration) error {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.jobs = append(p.jobs, job)
	return nil
}

// An invocation is an event for one of a process's functions.
type invocation struct {
	of    func(*process) apigw.Handler
	event any
}

func connects(p *process) apigw.Handler    { return p.connect }
func messages(p *process) apigw.Handler    { return p.message }
func disconnects(p *process) apigw.Handler { return p.disconnect }
func heartbeats(p *process) apigw.Handler  { return p.heartbeat }

func (i invocation) run(ctx context.Context, p *process) (string, error) {
	b, err := json.Marshal(i.event)
	if err != nil {
		return "", err
	}
	b, err = i.of(p).Invoke(ctx, b)
	return string(b), err
}

// prepare runs invocations without faults, and returns the last answer's body.
func (p *process) prepare(all ...invocation) (body string) {
	p.Helper()
	for _, i := range all {
		answer, err := i.run(p.Context(), p)
		if err != nil {
			p.Fatal(err)
		}
		var r struct{ Body string }
		if err := json.Unmarshal([]byte(answer), &r); err != nil {
			p.Fatal(err)
		}
		body = r.Body
	}
	return body
}

func webSocket(of func(*process) apigw.Handler, kind, connection, body string, query map[string]string) invocation {
	return invocation{of, events.APIGatewayWebsocketProxyRequest{QueryStringParameters: query, Body: body,
		RequestContext: events.APIGatewayWebsocketProxyRequestContext{EventType: kind, ConnectionID: connection, DisconnectStatusCode: 1006}}}
}

func connected(connection string) invocation {
	return webSocket(connects, "CONNECT", connection, "", map[string]string{"EIO": "4", "transport": "websocket"})
}

func probes(connection, sid string) invocation {
	return webSocket(connects, "CONNECT", connection, "", map[string]string{"EIO": "4", "transport": "websocket", "sid": sid})
}

func frame(connection, body string) invocation {
	return webSocket(messages, "MESSAGE", connection, body, nil)
}

func request(of func(*process) apigw.Handler, method, query, body string) invocation {
	r := events.APIGatewayV2HTTPRequest{RawPath: "/socket.io/", RawQueryString: query, Body: body}
	r.RequestContext.HTTP.Method = method
	return invocation{of, r}
}

func get(sid string) invocation { return request(connects, http.MethodGet, rawclient.Session(sid), "") }

func post(sid, body string) invocation {
	return request(messages, http.MethodPost, rawclient.Session(sid), body)
}

// job is the last job of a kind that a process has scheduled.
func (p *process) job(kind string) invocation {
	p.mu.Lock()
	defer p.mu.Unlock()
	for _, j := range slices.Backward(p.jobs) {
		if strings.Contains(string(j), `"`+kind+`"`) {
			return invocation{heartbeats, events.SQSEvent{Records: []events.SQSMessage{{MessageId: "1", Body: string(j)}}}}
		}
	}
	p.Fatalf("no job %q", kind)
	return invocation{}
}

// accept makes a connection that has its open packet, for which its frames wait.
func (p *process) accept(connection string) {
	p.prepare(connected(connection))
	p.prepare(p.job("open"))
}

func (p *process) open() (sid string) {
	return rawclient.SID(p.prepare(request(connects, http.MethodGet, rawclient.Polling, "")))
}

// TestRetriesRespectTheDeadlineOfTheInvocation runs every kind of invocation while the table, from the first request on
// or from a later one, hangs or throttles for good. Whatever is tried again: the function has returned before its time
// is over, or Lambda would kill it.
func TestRetriesRespectTheDeadlineOfTheInvocation(t *testing.T) {
	const limit = 4 * time.Second
	name := "doze-" + rand.Text()
	if err := dynamo.CreateTable(t.Context(), dynalite.Client(endpoint), name); err != nil {
		t.Fatal(err)
	}
	direct := newProcess(t, dynamo.New(dynalite.Client(endpoint), name, nil))
	joined := `42["join","a"]`
	kinds := []struct {
		name string
		make func() invocation
	}{
		{"polling handshake", func() invocation { return request(connects, http.MethodGet, rawclient.Polling, "") }},
		{"GET", func() invocation { return get(direct.open()) }},
		{"POST of a CONNECT", func() invocation { return post(direct.open(), "40") }},
		{"POST of a join", func() invocation {
			sid := direct.open()
			direct.prepare(post(sid, "40"))
			return post(sid, `420["join","a"]`)
		}},
		{"POST of a close", func() invocation {
			sid := direct.open()
			direct.prepare(post(sid, "40"), post(sid, joined))
			return post(sid, "1")
		}},
		{"$connect", func() invocation { return connected(rand.Text()) }},
		{"$connect of a probe", func() invocation { return probes(rand.Text(), direct.open()) }},
		{"CONNECT", func() invocation {
			c := rand.Text()
			direct.accept(c)
			return frame(c, "40")
		}},
		{"join", func() invocation {
			c := rand.Text()
			direct.accept(c)
			direct.prepare(frame(c, "40"))
			return frame(c, `420["join","a"]`)
		}},
		{"broadcast", func() invocation {
			c := rand.Text()
			direct.accept(c)
			direct.prepare(frame(c, "40"))
			return frame(c, `420["to",["a"],"x"]`)
		}},
		{"DISCONNECT", func() invocation {
			c := rand.Text()
			direct.accept(c)
			direct.prepare(frame(c, "40"), frame(c, joined))
			return frame(c, "41")
		}},
		{"upgrade", func() invocation {
			sid, c := direct.open(), rand.Text()
			direct.prepare(post(sid, "40"), post(sid, joined), probes(c, sid))
			return frame(c, "5")
		}},
		{"pong", func() invocation {
			c := rand.Text()
			direct.prepare(connected(c))
			return frame(c, "3")
		}},
		{"$disconnect", func() invocation {
			c := rand.Text()
			direct.accept(c)
			direct.prepare(frame(c, "40"), frame(c, joined))
			return webSocket(disconnects, "DISCONNECT", c, "", nil)
		}},
		{"open packet", func() invocation {
			direct.prepare(connected(rand.Text()))
			return direct.job("open")
		}},
		{"sweep", func() invocation { return direct.job("sweep") }},
	}
	type trial struct {
		kind  int
		fault badtable.Fault
		good  int // requests before the fault
	}
	// begin prepares a trial; what it returns runs it, and says how long it was at it if that was too long.
	begin := func(tr trial) func() string {
		p := bad(t, badtable.Options{})
		p.Script(append(make([]badtable.Fault, tr.good), slices.Repeat([]badtable.Fault{tr.fault}, 1000)...)...)
		i, process := kinds[tr.kind].make(), newProcess(t, dynamo.New(dynalite.Client(p.URL), name, nil))
		return func() string {
			ctx, cancel := context.WithTimeout(context.Background(), limit)
			defer cancel()
			began := time.Now()
			answer, err := i.run(ctx, process)
			if ctx.Err() == nil {
				return ""
			}
			return fmt.Sprintf("%s, %s from request %d on: it returned after %v of %v: %.60s, %v",
				kinds[tr.kind].name, tr.fault, tr.good+1, time.Since(began).Round(time.Millisecond), limit, answer, err)
		}
	}
	var all sync.WaitGroup
	var mu sync.Mutex
	var late []trial
	ran := 0
	for kind := range kinds {
		for _, fault := range []badtable.Fault{badtable.Ignored, badtable.Throttled} {
			for good := range 12 {
				tr := trial{kind, fault, good}
				run := begin(tr)
				ran++
				all.Go(func() {
					if run() != "" {
						mu.Lock()
						defer mu.Unlock()
						late = append(late, tr)
					}
				})
			}
		}
	}
	all.Wait()
	t.Logf("%d invocations, %d of them late while all ran at once", ran, len(late))
	for _, tr := range late[:min(20, len(late))] { // the machine may have been busy: once more, alone
		if why := begin(tr)(); why != "" {
			t.Error(why)
		}
	}
}
