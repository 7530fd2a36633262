package apigw_test

import (
	"context"
	"encoding/json"
	"errors"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-lambda-go/events"

	"github.com/dozeio/doze/pkg/apigw"
	"github.com/dozeio/doze/pkg/engine"
	"github.com/dozeio/doze/pkg/store/memory"
)

// extensions is Lambda's Extensions API for one process.
type extensions struct {
	refuse     bool
	registered int
	asked      chan struct{}   // gets one for each time that the extension wants to know of the next invocation
	begin      chan struct{}   // begins an invocation
	left       <-chan struct{} // closed at the end of the test
}

func (x *extensions) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	switch {
	case r.URL.Path == "/2020-01-01/extension/register" && !x.refuse && r.Header.Get("Lambda-Extension-Name") != "":
		x.registered++
		w.Header().Set("Lambda-Extension-Identifier", "extension-1")
	case r.URL.Path == "/2020-01-01/extension/event/next" && r.Header.Get("Lambda-Extension-Identifier") == "extension-1":
		x.asked <- struct{}{}
		select {
		case <-x.begin:
			_ = json.NewEncoder(w).Encode(map[string]any{"eventType": "INVOKE", "deadlineMs": time.Now().Add(time.Minute).UnixMilli()})
		case <-x.left:
		}
	default:
		w.WriteHeader(http.StatusForbidden)
	}
}

// afterResponse returns a connect function on the extensions of a server.
func afterResponse(t *testing.T, x *extensions, o ...engine.Options) (*world, apigw.Handler) {
	t.Helper()
	x.asked, x.begin = make(chan struct{}, 10), make(chan struct{})
	left, leave := context.WithCancel(context.Background())
	x.left = left.Done()
	server := httptest.NewServer(x)
	t.Cleanup(server.Close)
	t.Cleanup(leave)
	w := &world{}
	after := apigw.NewAfterResponse(strings.TrimPrefix(server.URL, "http://"), w)
	options := append(o, engine.Options{})[0]
	options.Logger = slog.New(slog.DiscardHandler)
	e, err := engine.New(memory.New(nil), w, after, w, options)
	if err != nil {
		t.Fatal(err)
	}
	w.engine = e
	return w, after.Wrap(apigw.NewConnect(e, nil), e)
}

var websocketHandshake = websocketEvent("CONNECT", "", map[string]string{"EIO": "4", "transport": "websocket"})

// opens counts the jobs that are to post an open packet.
func (w *world) opens() (n int) {
	for _, j := range w.jobs {
		if strings.Contains(j, `"open"`) {
			n++
		}
	}
	return n
}

func TestOpenPacketIsPostedAfterTheResponse(t *testing.T) {
	x := &extensions{}
	w, connect := afterResponse(t, x)
	<-x.asked
	for range 2 { // the second: an invocation that leaves nothing to do
		x.begin <- struct{}{}
		if r := invoke[events.APIGatewayProxyResponse](t, connect, websocketHandshake); r.StatusCode/100 == 5 {
			t.Fatalf("got %+v", r)
		}
		<-x.asked // only now may the process be frozen
	}
	if len(w.posts) != 1 || !strings.HasPrefix(w.posts[0], `0{"sid":`) || w.opens() != 0 {
		t.Errorf("posts %q, jobs %q", w.posts, w.jobs)
	}
	if x.registered != 1 || !slices.ContainsFunc(w.jobs, func(j string) bool { return strings.Contains(j, `"sweep"`) }) {
		t.Errorf("registered %d times; the sweep is the queue's: %q", x.registered, w.jobs)
	}
}

func TestJobThatFailsAfterTheResponseGoesToTheQueue(t *testing.T) {
	x := &extensions{}
	w, connect := afterResponse(t, x)
	<-x.asked
	w.fail = errors.New("no answer") // of @connections
	x.begin <- struct{}{}
	invoke[events.APIGatewayProxyResponse](t, connect, websocketHandshake)
	<-x.asked
	if len(w.posts) != 0 || w.opens() != 1 {
		t.Errorf("posts %q, jobs %q", w.posts, w.jobs)
	}
}

func TestConnectionThatIsNotMadeHoldsUpNoProcess(t *testing.T) {
	x := &extensions{}
	w, connect := afterResponse(t, x)
	<-x.asked
	w.fail = engine.ErrGone
	x.begin <- struct{}{}
	begin := time.Now()
	invoke[events.APIGatewayProxyResponse](t, connect, websocketHandshake)
	<-x.asked
	if took := time.Since(begin); took > 3*time.Second || len(w.posts) != 0 || w.opens() != 1 { // a job of the queue waits 7 s
		t.Errorf("it took %v, posts %q, jobs %q", took, w.posts, w.jobs)
	}
}

func TestOpenPacketGoesToTheQueueWithoutExtensions(t *testing.T) {
	w, connect := afterResponse(t, &extensions{refuse: true})
	invoke[events.APIGatewayProxyResponse](t, connect, websocketHandshake)
	if w.opens() != 1 {
		t.Errorf("where extensions are refused: jobs %q", w.jobs)
	}
	w = newWorld(t)
	after := apigw.NewAfterResponse("", w)
	invoke[events.APIGatewayProxyResponse](t, after.Wrap(apigw.NewConnect(w.engine, nil), w.engine), websocketHandshake)
	if err := after.Schedule(t.Context(), []byte("{}"), 0); err != nil || w.opens() != 1 || w.jobs[len(w.jobs)-1] != "{}" {
		t.Errorf("outside of Lambda: %v, jobs %q", err, w.jobs)
	}
}
