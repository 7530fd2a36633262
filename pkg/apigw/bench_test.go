package apigw_test

import (
	"context"
	"encoding/json"
	"io"
	"net/http"
	"os"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"

	"github.com/dozeio/doze/pkg/apigw"
	"github.com/dozeio/doze/pkg/apigw/outgoing"
	"github.com/dozeio/doze/pkg/engine"
	"github.com/dozeio/doze/pkg/observe"
	"github.com/dozeio/doze/pkg/observe/emf"
	"github.com/dozeio/doze/pkg/socketio"
	"github.com/dozeio/doze/pkg/store/memory"
)

// answered is an @connections API that takes everything, without a network, and counts it.
type answered struct{ posts int }

func (a *answered) Do(r *http.Request) (*http.Response, error) {
	a.posts++
	if r.Body != nil {
		_, _ = io.Copy(io.Discard, r.Body)
	}
	return &http.Response{StatusCode: http.StatusOK, Header: http.Header{}, Body: io.NopCloser(strings.NewReader("")), Request: r}, nil
}

// promptly posts open packets at once, and has no other jobs.
type promptly struct{}

func (promptly) Schedule(context.Context, []byte, time.Duration) error { return nil }
func (promptly) SchedulePromptly(_ []byte, do func(context.Context) error) bool {
	return do(context.Background()) == nil
}

// BenchmarkEventWithMetrics compares an invocation for an event that is answered by an ack and one emit, with metrics
// and without: go test ./pkg/apigw -run '^$' -bench EventWithMetrics. The µs are those of the processor. Requests to
// @connections are made and signed, and go no further; sessions are in memory, where a deployment's
// function would make a request for them too, so that the share of metrics is less there.
func BenchmarkEventWithMetrics(b *testing.B) {
	null, err := os.OpenFile(os.DevNull, os.O_WRONLY, 0)
	if err != nil {
		b.Fatal(err)
	}
	defer null.Close()
	without, with := message(b, nil), message(b, emf.New(null, "doze", nil))
	var spent [2]time.Duration
	for b.Loop() { // in turn, so that whatever else the machine does is shared
		for i, invoke := range []func(){without, with} {
			begin := processor()
			for range 100 {
				invoke()
			}
			spent[i] += processor() - begin
		}
	}
	per := func(i int) float64 { return float64(spent[i].Nanoseconds()) / 1e5 / float64(b.N) }
	b.ReportMetric(per(0), "µs-without")
	b.ReportMetric(per(1), "µs-with")
	b.ReportMetric(100*(per(1)/per(0)-1), "%-more")
	b.ReportMetric(0, "ns/op")
}

// processor returns the time of the processor that this process has used.
func processor() time.Duration {
	var u syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &u); err != nil {
		panic(err)
	}
	return time.Duration(u.Utime.Nano() + u.Stime.Nano())
}

// message returns what has the function for messages handle an event of a client that is connected.
func message(b *testing.B, m observe.Meter) func() {
	io := socketio.New(socketio.Options{})
	io.Of("/").On("say", func(ctx context.Context, s *socketio.Socket, text string) (int, error) {
		return len(text), s.Emit(ctx, "said", text)
	})
	store := memory.New(nil)
	api := &answered{}
	cfg := aws.Config{Region: "us-east-1", HTTPClient: api, Credentials: aws.CredentialsProviderFunc(func(context.Context) (aws.Credentials, error) {
		return aws.Credentials{AccessKeyID: "a", SecretAccessKey: "b"}, nil
	})}
	e, err := io.Bind(socketio.Backend{Sessions: store, Rooms: store, Poster: outgoing.NewPoster(cfg, "https://abc.execute-api.us-east-1.amazonaws.com/live"),
		Timers: promptly{}, Options: engine.Options{ClientRate: -1, Meter: m}})
	if err != nil {
		b.Fatal(err)
	}
	invoke := func(h apigw.Handler, event []byte) {
		if _, err := h.Invoke(b.Context(), event); err != nil {
			b.Fatal(err)
		}
	}
	function := apigw.NewMessage(e)
	invoke(apigw.NewConnect(e, nil), encoded(b, websocketHandshake))
	invoke(function, encoded(b, websocketEvent("MESSAGE", "40", nil)))
	event := encoded(b, websocketEvent("MESSAGE", `421["say","hello"]`, nil))
	return func() {
		before := api.posts
		if invoke(function, event); api.posts != before+2 {
			b.Fatalf("%d posts, want an ack and an event", api.posts-before)
		}
	}
}

func encoded(b *testing.B, event any) []byte {
	text, err := json.Marshal(event)
	if err != nil {
		b.Fatal(err)
	}
	return text
}
