package apigw_test

import (
	"bytes"
	"strings"
	"testing"

	"github.com/aws/aws-lambda-go/events"

	"github.com/dozeio/doze/pkg/apigw"
	"github.com/dozeio/doze/pkg/engine"
	"github.com/dozeio/doze/pkg/observe/emf"
)

// TestWhatAnInvocationCountsIsInTheLogBeforeItEnds looks at the log after each invocation, and after what the open
// packet's process does before it may be frozen.
func TestWhatAnInvocationCountsIsInTheLogBeforeItEnds(t *testing.T) {
	x := &extensions{}
	var log bytes.Buffer
	w, connect := afterResponse(t, x, engine.Options{Meter: emf.New(&log, "doze", nil)})
	has := func(when string, names ...string) {
		t.Helper()
		text := log.String()
		log.Reset()
		for _, name := range names {
			if strings.Count(text, `"`+name+`":`) != 1 {
				t.Errorf("%s: want %s in\n%s", when, names, text)
			}
		}
		if n := strings.Count(text, "\n"); n != min(len(names), 1) {
			t.Errorf("%s: %d lines, want one for an invocation that counts something:\n%s", when, n, text)
		}
	}
	<-x.asked
	x.begin <- struct{}{}
	invoke[events.APIGatewayProxyResponse](t, connect, websocketHandshake)
	<-x.asked
	lines := strings.SplitAfter(log.String(), "\n")
	if len(lines) != 3 || !strings.Contains(lines[0], `"Handshakes":1`) || !strings.Contains(lines[1], `"OpenTime":`) || !strings.Contains(lines[1], `"Posts":1`) {
		t.Errorf("a handshake writes\n%s", log.String())
	}
	log.Reset()
	message := apigw.NewMessage(w.engine)
	invoke[events.APIGatewayProxyResponse](t, message, websocketEvent("MESSAGE", "4hello", nil))
	has("a message", "PostTime", "Posts")
	invoke[events.APIGatewayProxyResponse](t, message, websocketEvent("MESSAGE", "3", nil))
	has("a pong, of which there are most")
	invoke[events.SQSEventResponse](t, apigw.NewHeartbeat(w.engine, nil), events.SQSEvent{Records: []events.SQSMessage{{Body: `{"kind":"gone","connection":"x","due":1}`}}})
	has("a job", "QueueAge")
	if _, err := message.Invoke(t.Context(), []byte("no JSON")); err == nil {
		t.Error("no error")
	}
	has("an invocation that fails")
}
