package gateway_test

import (
	"context"
	"encoding/json"
	"net/http"
	"strings"
	"testing"

	"github.com/aws/aws-lambda-go/events"

	"github.com/dozeio/doze/pkg/gateway"
)

// A function that sends each job again, as long as it is let: by Schedule with its context, or over HTTP with the
// header that the SDK sends.
func TestRecursiveLoopIsEnded(t *testing.T) {
	const enough = 40
	for name, c := range map[string]struct {
		o    gateway.Options
		send func(b *bench, ctx context.Context)
		want uint64
	}{
		"by context": {gateway.Options{}, scheduleAgain, 16},
		"by header":  {gateway.Options{}, queueAgain, 16},
		"earlier":    {gateway.Options{MaxHops: 3}, scheduleAgain, 3},
		"allowed":    {gateway.Options{RecursiveLoop: true}, queueAgain, enough},
		"without a trace": {gateway.Options{}, func(b *bench, _ context.Context) {
			b.request("POST", "/_queue", "job")
		}, enough},
	} {
		var b *bench
		ended := make(chan struct{})
		var o = c.o
		o.Clock = newClock()
		o.Jobs = gateway.HandlerFunc(func(ctx context.Context, _ []byte) ([]byte, error) {
			if b.Stats().Jobs == enough {
				close(ended)
			} else {
				c.send(b, ctx)
			}
			return []byte("{}"), nil
		})
		b = start(t, o)
		b.Schedule(b.ctx, []byte("job"), 0)
		for dropped := false; !dropped; {
			select {
			case <-ended:
				dropped = true
			default:
				dropped = b.Stats().RecursiveInvocationsDropped > 0 || b.ctx.Err() != nil
			}
		}
		var dropped uint64
		if c.want < enough {
			dropped = 1
		}
		if s := b.Stats(); s.Jobs != c.want || s.RecursiveInvocationsDropped != dropped {
			t.Errorf("%s: %+v", name, s)
		}
	}
}

func scheduleAgain(b *bench, ctx context.Context) { b.Schedule(ctx, []byte("job"), 0) }

func queueAgain(b *bench, ctx context.Context) {
	b.request("POST", "/_queue", "job", "X-Amzn-Trace-Id", strings.ReplaceAll(ctx.Value("x-amzn-trace-id").(string), "|", "%7C"))
}

// Two jobs that one invocation sends are links of two chains, and the counts that others have in the lineage are
// theirs.
func TestLineageCountsTheInvocationsOfOneChain(t *testing.T) {
	traces := make(chan [2]string, 10)
	var b *bench
	b = start(t, gateway.Options{Jobs: gateway.HandlerFunc(func(ctx context.Context, event []byte) ([]byte, error) {
		var e events.SQSEvent
		if err := json.Unmarshal(event, &e); err != nil {
			return nil, err
		}
		traces <- [2]string{e.Records[0].Attributes["AWSTraceHeader"], ctx.Value("x-amzn-trace-id").(string)}
		if e.Records[0].Body == "first" {
			scheduleAgain(b, ctx)
			scheduleAgain(b, ctx)
		}
		return json.Marshal(events.SQSEventResponse{})
	})})
	const sent = "Root=1-6797383c-04bb76331b7f67185f53c060;Parent=5d84e81c2ab91f37;Sampled=0;Lineage=1:890bcd31:15"
	if res, _ := b.request("POST", "/_queue", "first", "X-Amzn-Trace-Id", sent); res.StatusCode != http.StatusAccepted {
		t.Fatal(res.Status)
	}
	first := <-traces
	if first[0] != sent || !strings.HasPrefix(first[1], "Root=1-6797383c-04bb76331b7f67185f53c060;Parent=") || !strings.HasSuffix(first[1], ":0") {
		t.Errorf("%q", first)
	}
	for range 2 {
		if next := <-traces; next[0] != first[1] || !strings.HasSuffix(next[1], ":1") {
			t.Errorf("%q", next)
		}
	}
}
