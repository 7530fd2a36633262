//go:build full

package disconnects

import (
	"bytes"
	"context"
	"encoding/json"
	"flag"
	"fmt"
	"net/http/httptest"
	"net/http/httputil"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/dozeio/doze/pkg/engine"
	"github.com/dozeio/doze/pkg/gateway/runtimeapi"
	"github.com/dozeio/doze/pkg/observe"
	"github.com/dozeio/doze/tests/kit/dynalite"
	"github.com/dozeio/doze/tests/kit/fakeaws"
	"github.com/dozeio/doze/tests/kit/processes"
	"github.com/dozeio/doze/tests/kit/rawclient"
)

var endpoint, folder string // of a DynamoDB, and of what is built

func TestMain(m *testing.M) {
	os.Exit(func() int {
		url, stop, err := dynalite.Start()
		if err == nil {
			defer stop()
			endpoint = url
			folder, err = os.MkdirTemp("", "disconnects")
		}
		if err == nil {
			defer os.RemoveAll(folder)
			err = processes.Build(context.Background(), folder, "causes")
		}
		if err == nil {
			var out []byte
			if out, err = exec.Command("go", "build", "-o", filepath.Join(folder, "doze"), "../../../cmd/doze").CombinedOutput(); err != nil {
				err = fmt.Errorf("%w: %s", err, out)
			}
		}
		if err != nil {
			fmt.Fprintln(os.Stderr, err)
			return 1
		}
		flag.Parse()
		if err := flag.Set("test.parallel", "6"); err != nil { // they wait for each other's processes more than they compute
			fmt.Fprintln(os.Stderr, err)
			return 1
		}
		return m.Run()
	}())
}

// stack is the name of every deployment in its metrics.
const stack = "night"

// deployment is one that somebody looks after.
type deployment struct {
	*processes.Deployment
	t   *testing.T
	ctx context.Context
	raw *rawclient.Client
	log logs
}

// start runs the causes' application until the end of a test, with the log and the metrics of a stack.
func start(t *testing.T, o processes.Options) *deployment {
	t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), 2*time.Minute) // for what hangs
	d := &deployment{t: t, ctx: ctx}
	o.App, o.Endpoint, o.Folder, o.Logs, o.Warm = "causes", endpoint, folder, &d.log, -1
	o.Env = []string{"DOZE_METRICS=" + stack, "AWS_LAMBDA_LOG_FORMAT=JSON", "AWS_LAMBDA_LOG_LEVEL=INFO"} // as the template does
	s, err := processes.Start(ctx, o)
	if err != nil {
		t.Fatal(err)
	}
	d.Deployment, d.raw = s, rawclient.New(s.URL)
	t.Cleanup(func() {
		d.raw.Close()
		if err := s.Close(ctx); err != nil {
			t.Error(err)
		}
		cancel()
		if t.Failed() {
			t.Logf("the functions printed: %s", d.log.tail(6_000))
		}
	})
	return d
}

// until waits for something, for as long as the deployment's context lasts.
func (d *deployment) until(what string, there func() bool) {
	d.t.Helper()
	for !there() {
		select {
		case <-time.After(20 * time.Millisecond):
		case <-d.ctx.Done():
			d.t.Fatalf("still waiting for %s", what)
		}
	}
}

// doze runs the command, as somebody at a shell does.
func (d *deployment) doze(args ...string) string {
	d.t.Helper()
	cmd := exec.CommandContext(d.ctx, filepath.Join(folder, "doze"), args...)
	cmd.Env = append(os.Environ(), "AWS_REGION=us-east-1", "AWS_ACCESS_KEY_ID=test", "AWS_SECRET_ACCESS_KEY=test")
	var complaint strings.Builder
	cmd.Stderr = &complaint
	out, err := cmd.Output()
	if err != nil {
		d.t.Fatalf("doze %s: %v: %s", strings.Join(args, " "), err, complaint.String())
	}
	return string(out)
}

// at says where the deployment is.
func (d *deployment) at() []string {
	return []string{"-table", d.Table, "-connections", d.URL + "/local", "-queue", d.URL + "/_queue", "-endpoint", d.Endpoint}
}

// top is what doze top shows.
type top struct {
	WebSocket int
	Errors    float64
	Throttles float64
}

// top runs doze top, on a CloudWatch that has what the gateway and the functions have counted, in its one minute. The
// table is the real one.
func (d *deployment) top() (seen top) {
	d.t.Helper()
	s := d.Gateway.Stats()
	counted := map[string]float64{"api MessageCount": float64(s.Messages + s.Posts), "api ConnectCount": float64(s.Connects), "message Throttles": float64(s.Throttles)}
	for name, f := range map[string]*runtimeapi.Function{"connect": d.Connect, "message": d.Message, "disconnect": d.Disconnect, "heartbeat": d.Heartbeat} {
		of := f.Stats()
		counted[name+" Invocations"], counted[name+" Errors"] = float64(of.Invocations), float64(of.Errors)
		if name != "heartbeat" { // what is invoked by the API
			counted["api ExecutionError"] += float64(of.Errors)
		}
	}
	var members strings.Builder
	for name, id := range map[string]string{"Table": d.Table, "JobQueue": "jobs", "DeadLetterQueue": "dead", "WebSocketApi": "api",
		"ConnectFunction": "connect", "PollFunction": "poll", "MessageFunction": "message", "DisconnectFunction": "disconnect", "HeartbeatFunction": "heartbeat"} {
		fmt.Fprintf(&members, "<member><LogicalResourceId>%s</LogicalResourceId><PhysicalResourceId>%s</PhysicalResourceId></member>", name, id)
	}
	none := map[string]any{"Attributes": map[string]string{"ApproximateNumberOfMessages": "0"}}
	answers := map[string]any{
		"ListStackResources": "<StackResourceSummaries>" + members.String() + "</StackResourceSummaries>",
		"GetQueueAttributes": none,
		"GetMetricData": func(request map[string]any) any {
			results := []any{}
			for _, q := range request["MetricDataQueries"].([]any) {
				q := q.(map[string]any)
				metric := q["MetricStat"].(map[string]any)["Metric"].(map[string]any)
				of := metric["Dimensions"].([]any)[0].(map[string]any)["Value"].(string)
				values := []any{}
				if v, ok := counted[of+" "+metric["MetricName"].(string)]; ok && q["MetricStat"].(map[string]any)["Stat"] == "Sum" {
					values = append(values, v)
				}
				results = append(results, map[string]any{"Id": q["Id"], "Values": values})
			}
			return map[string]any{"MetricDataResults": results}
		},
	}
	for _, f := range []string{"connect", "poll", "message", "disconnect", "heartbeat"} {
		answers["GET /2015-03-31/functions/"+f+"/configuration"] = map[string]any{"MemorySize": 128}
	}
	table, err := url.Parse(d.Endpoint)
	if err != nil {
		d.t.Fatal(err)
	}
	aws := httptest.NewServer(eitherOr{httputil.NewSingleHostReverseProxy(table), fakeaws.New(answers)})
	defer aws.Close()
	if err := json.Unmarshal([]byte(d.doze("top", "-stack", stack, "-endpoint", aws.URL, "-minutes", "1", "-n", "1", "-json")), &seen); err != nil {
		d.t.Fatal(err)
	}
	return seen
}

// clients waits until doze top shows so many over WebSocket, and returns what it shows besides.
func (d *deployment) clients(n int) (seen top) {
	d.t.Helper()
	d.until(fmt.Sprintf("%d clients in doze top", n), func() bool {
		seen = d.top()
		return seen.WebSocket == n
	})
	return seen
}

// end waits until no function is at work, and ends them all: what they have printed is in the log then.
func (d *deployment) end() {
	d.t.Helper()
	d.until("functions that are idle", func() bool {
		return !slices.ContainsFunc(d.Functions(), func(f *runtimeapi.Function) bool { return f.Stats().Busy > 0 })
	})
	for _, f := range d.Functions() {
		f.KillAll()
	}
	d.until("functions that have ended", func() bool {
		return !slices.ContainsFunc(d.Functions(), func(f *runtimeapi.Function) bool { return f.Stats().Copies > 0 })
	})
}

// logs are the lines of all functions, and the metrics that CloudWatch makes of them.
type logs struct {
	mu   sync.Mutex
	text bytes.Buffer
}

// Write implements io.Writer.
func (l *logs) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.text.Write(p)
}

func (l *logs) tail(n int) string {
	l.mu.Lock()
	defer l.mu.Unlock()
	b := l.text.Bytes()
	return string(b[max(0, len(b)-n):])
}

// line is one that was written, by its names.
type line map[string]any

func (l line) text(name string) string { s, _ := l[name].(string); return s }

// where returns the lines that a condition holds for.
func (l *logs) where(is func(line) bool) (all []line) {
	l.mu.Lock()
	defer l.mu.Unlock()
	for text := range bytes.Lines(l.text.Bytes()) {
		var one line
		if json.Unmarshal(text, &one) == nil && is(one) {
			all = append(all, one)
		}
	}
	return all
}

// left is the first query of docs/operate.md: why a socket was disconnected, by its id, or by its namespace where nobody
// knows that.
func (l *logs) left(socket, namespace string) line {
	for _, one := range l.where(func(l line) bool { return l.text("message") == "a socket is disconnected" }) {
		if one.text("socket") == socket || socket == "" && one.text("namespace") == namespace {
			return one
		}
	}
	return nil
}

// besides is the second query: what went wrong with it.
func (l *logs) besides(left line) []line {
	is := func(one line, name, of string) bool { return one.text(name) != "" && one.text(name) == left.text(of) }
	return l.where(func(one line) bool {
		return slices.Contains([]string{"WARN", "ERROR"}, one.text("level")) && (is(one, "socket", "socket") || is(one, "to", "socket") ||
			is(one, "session", "session") || is(one, "connection", "session") || is(one, "trace", "trace"))
	})
}

// metrics returns the sums of a metric of the dashboard by its label, as CloudWatch adds them up. One that has values, and
// no sum, has how many they are.
func (l *logs) metrics(f *observe.Figure) map[string]float64 {
	sums := map[string]float64{}
	for _, one := range l.where(func(l line) bool { return l["_aws"] != nil && l["Stack"] == stack }) {
		if n, ok := one[f.Name].(float64); ok {
			sums[one.text(f.Label)] += n
		}
	}
	return sums
}

// options are a deployment's, which has nothing to do with time unless a cause has.
func options() processes.Options {
	return processes.Options{Engine: engine.Options{PingInterval: time.Minute, PingTimeout: 20 * time.Second}}
}
