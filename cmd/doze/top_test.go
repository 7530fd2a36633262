package main

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"io"
	"maps"
	"math"
	"net/http/httptest"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"

	"github.com/dozeio/doze/internal/control"
	"github.com/dozeio/doze/pkg/devserver"
	"github.com/dozeio/doze/pkg/socketio"
	"github.com/dozeio/doze/tests/kit/fakeaws"
	"github.com/dozeio/doze/tests/kit/rawclient"
)

func TestTopOfDozeDev(t *testing.T) {
	app, _ := visited()
	s := serving(t, devserver.Options{}, app)
	_, lines, _ := tailing(t, "-dev", s.URL, "-auth", `{"name":"ada"}`)
	polling(t, s.URL, `{"name":"bob"}`)
	polling(t, s.URL, "")
	look := &devLooker{url: s.URL, d: control.At(s.URL)}
	began := time.Now()
	if _, err := look.look(t.Context(), began); err != nil {
		t.Fatal(err)
	}
	for range 3 {
		if err := app.Emit(t.Context(), "news"); err != nil {
			t.Fatal(err)
		}
		<-lines
	}
	polling(t, s.URL, "") // a request more
	l, err := look.look(t.Context(), began.Add(10*time.Second))
	if err != nil {
		t.Fatal(err)
	}
	if l.WebSocket != 1 || l.Polling != 3 || *l.Sockets != 2 || l.Posts != 0.3 || l.Requests != 0.1 || l.Events != 0 || l.Seconds != 10 || l.Dollars != nil || l.Late != nil || l.Dead != nil || l.Unknown != "" {
		t.Errorf("%+v of %d sockets", l, *l.Sockets)
	}
	for name, before := range map[string]func(*control.Traffic){ // a server that was there before
		"messages": func(t *control.Traffic) { t.Messages = 1e9 },
		"requests": func(t *control.Traffic) { t.Requests = 1e9 },
		"posts":    func(t *control.Traffic) { t.Posts = 1e9 },
		"errors":   func(t *control.Traffic) { t.Errors = 1 },
		"refusals": func(t *control.Traffic) { t.Refusals = 1 },
		"start":    func(t *control.Traffic) { t.Began = t.Began.Add(-time.Hour) },
	} {
		before(&look.last)
		if l, err := look.look(t.Context(), began.Add(20*time.Second)); err != nil || l.Counted != nil || !strings.Contains(l.Unknown, "started anew") {
			t.Errorf("%s: %+v %v", name, l, err)
		}
	}
	text := says(t, "top", "-dev", s.URL, "-every", "100ms", "-n", "2")
	if strings.Count(text, "\n") != 2 || !strings.Contains(text, "clients 1 websocket, 3 polling, 2 sockets  events/s 0.0") || strings.Count(text, "  late -  dead -  $/h -\n") != 2 {
		t.Errorf("%q", text)
	}
	if err := json.Unmarshal([]byte(says(t, "top", "-dev", s.URL, "-every", "100ms", "-n", "1", "-json")), &l); err != nil || l.Polling != 3 || l.Seconds <= 0 {
		t.Errorf("%+v %v", l, err)
	}
}

// metricsOfALook is how many metrics docs/operate.md says that a look reads, besides one for each log group.
const metricsOfALook = 35

// measuring is an account with a stack that is busy: each of its metrics has the same value in each of two minutes.
func measuring() map[string]any {
	names := []string{"Table", "JobQueue", "DeadLetterQueue", "ConnectFunction", "PollFunction", "MessageFunction", "DisconnectFunction", "HeartbeatFunction", "MessageLog", "WebSocketApi", "HttpApi", "FrontDoor"}
	var list strings.Builder
	for _, name := range names {
		list.WriteString("<member><LogicalResourceId>" + name + "</LogicalResourceId><PhysicalResourceId>chat-" + name + "</PhysicalResourceId></member>")
	}
	return map[string]any{
		"ListStackResources": "<StackResourceSummaries>" + list.String() + "</StackResourceSummaries>",
		"GET /2015-03-31/functions/chat-ConnectFunction/configuration":    map[string]any{"MemorySize": 128},
		"GET /2015-03-31/functions/chat-PollFunction/configuration":       map[string]any{"MemorySize": 128},
		"GET /2015-03-31/functions/chat-MessageFunction/configuration":    map[string]any{"MemorySize": 256},
		"GET /2015-03-31/functions/chat-DisconnectFunction/configuration": map[string]any{"MemorySize": 128},
		"GET /2015-03-31/functions/chat-HeartbeatFunction/configuration":  map[string]any{"MemorySize": 256},
		"GetQueueAttributes chat-JobQueue":                                map[string]any{"Attributes": map[string]string{"ApproximateNumberOfMessages": "4"}},
		"GetQueueAttributes chat-DeadLetterQueue":                         map[string]any{"Attributes": map[string]string{"ApproximateNumberOfMessages": "5"}},
		"Query": func(request map[string]any) any {
			rows := []any{}
			if request["ExpressionAttributeValues"].(map[string]any)[":p"].(map[string]any)["S"] == "L3" {
				for _, address := range []string{"wa", "wb", "pc"} {
					rows = append(rows, map[string]any{"p": map[string]any{"S": "L3"}, "s": map[string]any{"S": address}, "x": map[string]any{"N": "9999999999999"},
						"j": map[string]any{"BOOL": address == "wa"}})
				}
			}
			return map[string]any{"Items": rows}
		},
		"GetMetricData": func(request map[string]any) any {
			results := []any{}
			if n := len(request["MetricDataQueries"].([]any)); n != metricsOfALook+1 { // of one log group
				return fakeaws.Error("TooMany")
			}
			for _, q := range request["MetricDataQueries"].([]any) {
				q := q.(map[string]any)
				stat := q["MetricStat"].(map[string]any)
				metric := stat["Metric"].(map[string]any)
				of := metric["Dimensions"].([]any)[0].(map[string]any)["Value"].(string)
				name := strings.TrimPrefix(of, "chat-") + " " + metric["MetricName"].(string)
				if stat["Stat"] != "Sum" {
					name += " " + stat["Stat"].(string)
				}
				values := []any{}
				if v, ok := inAMinute(name); ok {
					values = []any{v, v}
				}
				results = append(results, map[string]any{"Id": q["Id"], "Values": values})
			}
			return map[string]any{"MetricDataResults": results}
		},
	}
}

// inAMinute is what the stack of TestTopOfAStack does in a minute.
func inAMinute(name string) (float64, bool) {
	v, ok := map[string]float64{
		"WebSocketApi MessageCount": 1500, "WebSocketApi ConnectCount": 6, "WebSocketApi ClientError": 1, "WebSocketApi ExecutionError": 2,
		"HttpApi Count": 120, "HttpApi 5xx": 3,
		"MessageFunction Invocations": 690, "MessageFunction Duration": 8000, "MessageFunction Duration p99": 40, "MessageFunction Errors": 2, "MessageFunction Throttles": 1,
		"PollFunction Invocations": 30, "PollFunction Duration": 60000,
		"Table ConsumedReadCapacityUnits": 900, "Table ConsumedWriteCapacityUnits": 60, "Table WriteThrottleEvents": 4,
		"JobQueue NumberOfMessagesSent": 10, "JobQueue NumberOfEmptyReceives": 15, "MessageLog IncomingBytes": 1e6,
	}[name]
	return v, ok
}

func TestTopOfAStack(t *testing.T) {
	for name, value := range map[string]string{"AWS_REGION": "us-east-1", "AWS_ACCESS_KEY_ID": "a", "AWS_SECRET_ACCESS_KEY": "b", "AWS_MAX_ATTEMPTS": "1"} {
		t.Setenv(name, value)
	}
	server := httptest.NewServer(fakeaws.New(measuring()))
	defer server.Close()
	var l looked
	if err := json.Unmarshal([]byte(says(t, "top", "-stack", "chat", "-endpoint", server.URL, "-minutes", "2", "-n", "1", "-json")), &l); err != nil {
		t.Fatal(err)
	}
	// In a minute 120 requests, of which 30 polls: 90 POSTs, so that 600 of 690 invocations were frames, and 900 of 1,500
	// messages went to clients.
	if l.Seconds != 120 || l.WebSocket != 2 || l.Unjoined != 1 || l.Polling != 1 || l.Events != 10 || l.Requests != 2 || l.Posts != 15 || l.EventP99 != 0.04 || *l.Late != 4 || *l.Dead != 5 {
		t.Errorf("%+v", l)
	}
	if l.Errors != 2*(1+3+2) || l.Throttles != 2*(4+1) { // the two errors of the function are those that the API has
		t.Errorf("%v errors, %v throttles", l.Errors, l.Throttles)
	}
	cfg := aws.Config{Region: "us-east-1", BaseEndpoint: &server.URL, Credentials: aws.AnonymousCredentials{}}
	look, err := lookAtStack(t.Context(), cfg, "chat", 2)
	if err != nil {
		t.Fatal(err)
	}
	in := look.(stackLooker).in
	want := 60 * (1500*1.00 + 2*0.25 + 120*1.00 + 720*0.20 + 900*0.125 + 60*0.625 + 25*0.40 + (120+6)*(1.00+0.10)) / 1e6
	want += 60 * ((8*0.25 + 60*0.125) * 0.0000133334)
	want += 60 * 0.001 * 0.50
	want += (in.metrics*0.10 + in.dashboards*3) / 730
	if math.Abs(*l.Dollars-want) > 1e-9 {
		t.Errorf("$%v an hour, want $%v", *l.Dollars, want)
	}
}

// TestTopWithoutMetrics has somebody look who may not read them.
func TestTopWithoutMetrics(t *testing.T) {
	for name, value := range map[string]string{"AWS_REGION": "us-east-1", "AWS_ACCESS_KEY_ID": "a", "AWS_SECRET_ACCESS_KEY": "b", "AWS_MAX_ATTEMPTS": "1"} {
		t.Setenv(name, value)
	}
	answers := measuring()
	answers["GetMetricData"] = fakeaws.Error("AccessDenied")
	server := httptest.NewServer(fakeaws.New(answers))
	defer server.Close()
	at := []string{"top", "-stack", "chat", "-endpoint", server.URL, "-n", "1"}
	if text := says(t, at...); !strings.Contains(text, "clients 2 websocket (1 never in a namespace), 1 polling  late 4  dead 5  the metrics could not be read: AccessDenied") || strings.Contains(text, "events/s") {
		t.Error(text)
	}
	var l looked
	if err := json.Unmarshal([]byte(says(t, append(at, "-json")...)), &l); err != nil || l.Unknown == "" || l.WebSocket != 2 || l.Counted != nil || l.Dollars != nil {
		t.Errorf("%+v %v", l, err)
	}
}

func TestTopSaysWhatIsMissing(t *testing.T) {
	endpoint := stranger(t)
	for args, want := range map[string]string{
		"":                                      "which deployment?",
		"-dev http://a -stack b":                "which deployment?",
		"-stack a -minutes 0":                   "-minutes is 0",
		"-stack a -every 1s":                    "-every is 1s: it goes from 10s",
		"-dev http://127.0.0.1:1 -every 1ms":    "it goes from 100ms",
		"-dev http://127.0.0.1:1":               "start doze dev",
		"-stack chat -endpoint " + endpoint:     "has no Table",
		"-stack a -endpoint http://127.0.0.1:1": "no answer of AWS in the region us-east-1",
	} {
		if err := run(t.Context(), append([]string{"top"}, strings.Fields(args)...), io.Discard, io.Discard); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("doze top %s: %v, want %s", args, err, want)
		}
	}
}

func TestAPageOfTopTakesThePlaceOfTheLast(t *testing.T) {
	var out bytes.Buffer
	of := func(p Present, c Counted) looked { return looked{Present: &p, Counted: &c} }
	if err := of(Present{WebSocket: 7, Unjoined: 2}, Counted{Seconds: 180}).say(&out, false); err != nil || !strings.Contains(out.String(), "clients 7 websocket (2 never in a namespace), 0 polling  ") {
		t.Errorf("%q %v", out.String(), err)
	}
	out.Reset()
	if err := of(Present{WebSocket: 7}, Counted{EventP99: 0.04, Seconds: 180}).say(&out, true); err != nil || !strings.HasPrefix(out.String(), anew) || !strings.Contains(out.String(), "event p99    40 ms\n") {
		t.Errorf("%q %v", out.String(), err)
	}
	if err := of(Present{Sockets: new(int)}, Counted{}).say(&out, true); err != nil || !strings.HasSuffix(out.String(), "event p99    -\nlate jobs    -\ndead letters -\ndollars/hour -\n") {
		t.Errorf("of doze dev: %q %v", out.String(), err)
	}
}

// failing is a deployment that does not answer every second look, beginning with the first or the second.
type failing struct{ looks int }

func (f *failing) look(_ context.Context, now time.Time) (looked, error) {
	if f.looks++; f.looks%2 == 0 {
		return looked{}, errors.New("no answer")
	}
	return looked{At: now, Present: &Present{WebSocket: 7, Sockets: new(int)}, Counted: &Counted{Seconds: 2}}, nil
}

func TestALookThatFailsIsNotTheLast(t *testing.T) {
	var out bytes.Buffer
	say := func(l looked) error { return l.say(&out, false) }
	if err := watch(t.Context(), &failing{}, time.Millisecond, 3, say); err != nil {
		t.Fatal(err)
	}
	lines := strings.Split(strings.TrimSpace(out.String()), "\n")
	if len(lines) != 3 || !strings.Contains(lines[0], "7 websocket") || !strings.HasSuffix(lines[1], "  no answer") || strings.Contains(lines[1], "websocket") || !strings.Contains(lines[2], "7 websocket") {
		t.Errorf("%q", lines)
	}
	if err := watch(t.Context(), &failing{looks: 1}, time.Millisecond, 3, say); err == nil || err.Error() != "no answer" {
		t.Errorf("the first fails: %v", err)
	}
}

// TestAFigureThatNobodyKnowsIsNoZero reads the lines of JSON as a program does that draws them.
func TestAFigureThatNobodyKnowsIsNoZero(t *testing.T) {
	members := func(l looked) (names []string) {
		var out bytes.Buffer
		if err := eachAsJSON(&out, []looked{l}); err != nil {
			t.Fatal(err)
		}
		var line map[string]any
		if err := json.Unmarshal(out.Bytes(), &line); err != nil {
			t.Fatal(err)
		}
		return slices.Sorted(maps.Keys(line))
	}
	var all [][]string
	err := watch(t.Context(), &failing{}, time.Millisecond, 2, func(l looked) error {
		all = append(all, members(l))
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	figures := []string{"at", "errors", "events", "polling", "posts", "requests", "seconds", "sockets", "throttles", "unjoined", "websocket"}
	if !slices.Equal(all[0], figures) || !slices.Equal(all[1], []string{"at", "failed"}) {
		t.Errorf("%q", all)
	}
	app, _ := visited()
	s := serving(t, devserver.Options{}, app)
	look := &devLooker{url: s.URL, d: control.At(s.URL), at: time.Now(), last: control.Traffic{Messages: 1}}
	if l, err := look.look(t.Context(), time.Now()); err != nil || !slices.Equal(members(l), []string{"at", "polling", "sockets", "unjoined", "unknown", "websocket"}) {
		t.Errorf("started anew: %q %v", members(l), err)
	}
}

// TestWhoHasLeftAllNamespacesHasBeenInOne asks doze dev for what a stack's table says by a mark that stays.
func TestWhoHasLeftAllNamespacesHasBeenInOne(t *testing.T) {
	app := socketio.New(socketio.Options{})
	s := serving(t, devserver.Options{}, app)
	raw := rawclient.New(s.URL)
	defer raw.Close()
	connect := func(frames ...string) {
		conn, err := raw.Dial(t.Context(), rawclient.WebSocket)
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(conn.Reset)
		if _, err := conn.Message(t.Context()); err != nil { // the open packet
			t.Fatal(err)
		}
		for _, f := range frames {
			if err := conn.Send(t.Context(), f); err != nil {
				t.Fatal(err)
			}
			if f == "40" {
				if _, err := conn.Message(t.Context()); err != nil {
					t.Fatal(err)
				}
			}
		}
	}
	connect()
	connect("40")
	connect("40", "41")
	look := &devLooker{url: s.URL, d: control.At(s.URL)}
	for deadline := time.Now().Add(30 * time.Second); ; {
		l, err := look.look(t.Context(), time.Now())
		if err != nil || time.Now().After(deadline) {
			t.Fatalf("%v, %s", err, l.Present)
		}
		if *l.Sockets == 1 { // the one is gone
			if l.WebSocket != 3 || l.Unjoined != 1 {
				t.Errorf("%s", l.Present)
			}
			break
		}
	}
}

// TestTopDoesNotTakeWhatCouldNotBeReadForNothing has CloudWatch fail for one metric.
func TestTopDoesNotTakeWhatCouldNotBeReadForNothing(t *testing.T) {
	for name, value := range map[string]string{"AWS_REGION": "us-east-1", "AWS_ACCESS_KEY_ID": "a", "AWS_SECRET_ACCESS_KEY": "b", "AWS_MAX_ATTEMPTS": "1"} {
		t.Setenv(name, value)
	}
	answers := measuring()
	answers["GetMetricData"] = map[string]any{"MetricDataResults": []any{map[string]any{"Id": "m0", "Values": []any{}, "StatusCode": "Forbidden"}}}
	server := httptest.NewServer(fakeaws.New(answers))
	defer server.Close()
	if text := says(t, "top", "-stack", "chat", "-endpoint", server.URL, "-n", "1"); !strings.Contains(text, "the metrics could not be read: Invocations of AWS/Lambda: CloudWatch says Forbidden") {
		t.Error(text)
	}
}

func TestWatchingEndsWithCtrlC(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	app, _ := visited()
	s := serving(t, devserver.Options{}, app)
	looks := 0
	look := &devLooker{url: s.URL, d: control.At(s.URL)}
	err := watch(ctx, look, time.Millisecond, 0, func(looked) error {
		if looks++; looks == 3 {
			cancel()
		}
		return nil
	})
	if looks < 3 || ended(ctx, err) != nil {
		t.Errorf("%d looks, %v", looks, err)
	}
}
