package gateway

import (
	"context"
	"fmt"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"time"
)

// Lambda tells by the trace id how often a chain of events has come round: it is invoked with it, the SDK sends it with
// whatever the function sends (aws/middleware/recursion_detection.go of aws-sdk-go-v2), SQS keeps it with the message,
// and Lambda adds one to the count in its Lineage.
// https://docs.aws.amazon.com/lambda/latest/dg/invocation-recursion.html
const (
	// traceHeader is what the SDK sends.
	traceHeader = "X-Amzn-Trace-Id"

	// traceKey is where aws-lambda-go puts an invocation's trace id into its context (lambda/invoke_loop.go).
	// Invocations of Jobs have it here too.
	traceKey = "x-amzn-trace-id"

	// lineage stands for the function Jobs in Lineage=1:{lineage}:{count}, which begins at 0. The form is that of
	// messages that people have published; AWS describes none but Lineage={hash}:{count}|...,
	// https://docs.aws.amazon.com/xray/latest/devguide/xray-concepts.html#xray-concepts-tracingheader
	lineage = "6a6f6273"
)

// sentTrace is the trace id that a request to the queue carries.
func sentTrace(r *http.Request) string {
	if trace, err := url.PathUnescape(r.Header.Get(traceHeader)); err == nil && trace != "" {
		return trace
	}
	return traceOf(r.Context())
}

func traceOf(ctx context.Context) string {
	trace, _ := ctx.Value(traceKey).(string)
	return trace
}

// traceField returns the value of Root, Parent, Sampled or Lineage.
func traceField(trace, name string) string {
	for field := range strings.SplitSeq(trace, ";") {
		if key, value, _ := strings.Cut(strings.TrimSpace(field), "="); strings.EqualFold(key, name) {
			return value
		}
	}
	return ""
}

// hopsOf returns how many invocations of Jobs led to a message with this trace id.
func hopsOf(trace string) int {
	for entry := range strings.SplitSeq(traceField(trace, "Lineage"), "|") {
		if _, count, ok := strings.Cut(entry, lineage+":"); ok {
			if n, err := strconv.Atoi(count); err == nil && n >= 0 {
				return n + 1
			}
		}
	}
	return 0
}

// nextTrace is the trace id of an invocation of Jobs by a message.
func (g *Gateway) nextTrace(sent string, hops int, now time.Time) string {
	root := traceField(sent, "Root")
	if root == "" {
		random := g.random.id()
		root = fmt.Sprintf("1-%08x-%x", uint32(now.Unix()), random[:12])
	}
	parent := g.random.id()
	return fmt.Sprintf("Root=%s;Parent=%x;Sampled=0;Lineage=1:%s:%d", root, parent[:8], lineage, hops)
}
