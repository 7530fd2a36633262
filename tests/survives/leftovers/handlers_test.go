package leftovers

import (
	"context"
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"net/http"
	"net/url"
	"sync"
	"time"

	"github.com/aws/aws-lambda-go/events"

	"github.com/dozeio/doze/pkg/apigw"
	"github.com/dozeio/doze/pkg/engine"
	"github.com/dozeio/doze/tests/kit/rawclient"
	"github.com/dozeio/doze/tests/kit/shiftclock"
)

// handlers is the network of clients without sockets: what they do becomes events for the functions, and what is posted
// to them goes to a channel. Its Poster passes on what is for others.
type handlers struct {
	engine.Poster
	clock *shiftclock.Clock

	connect, message, disconnect apigw.Handler // set before the first client

	mu     sync.Mutex
	random *rand.Rand
	lines  map[string]*handlerLine
	made   int
}

type handlerLine struct {
	h      *handlers
	id     string
	open   bool // under h.mu
	inbox  chan string
	closed chan struct{}
}

func (h *handlers) use(e *engine.Engine) {
	h.connect, h.message, h.disconnect = apigw.NewConnect(e, nil), apigw.NewMessage(e), apigw.NewDisconnect(e)
}

// invoke runs a function to its end, whether or not somebody waits for it.
func (h *handlers) invoke(f apigw.Handler, event any) <-chan []byte {
	b, err := json.Marshal(event)
	if err != nil {
		panic(err)
	}
	answers := make(chan []byte, 1)
	go func() {
		ctx, cancel := context.WithTimeout(context.Background(), 29*time.Second)
		defer cancel()
		answer, err := f.Invoke(ctx, b)
		if err != nil {
			answer = []byte(`{"statusCode":500}`)
		}
		answers <- answer
	}()
	return answers
}

// await gives up when the client does.
func await[T any](ctx context.Context, answers <-chan []byte) (answer T, err error) {
	select {
	case b := <-answers:
		return answer, json.Unmarshal(b, &answer)
	case <-ctx.Done():
		return answer, ctx.Err()
	}
}

func (h *handlers) do(ctx context.Context, method, query, body string) (rawclient.Answer, error) {
	f := h.message
	if method == http.MethodGet {
		f = h.connect
	}
	r := events.APIGatewayV2HTTPRequest{RawPath: "/socket.io/", RawQueryString: query, Body: body}
	r.RequestContext.HTTP.Method = method
	answer, err := await[events.APIGatewayV2HTTPResponse](ctx, h.invoke(f, r))
	return rawclient.Answer{Status: answer.StatusCode, Body: answer.Body}, err
}

func (h *handlers) newLine() *handlerLine {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.made++
	l := &handlerLine{h: h, id: fmt.Sprintf("handlers-%d", h.made), inbox: make(chan string, 200), closed: make(chan struct{})}
	h.lines[l.id] = l
	return l
}

func (h *handlers) dial(ctx context.Context, query string) (line, error) {
	l := h.newLine()
	return l, l.handshake(ctx, query)
}

func (l *handlerLine) handshake(ctx context.Context, query string) error {
	values, err := url.ParseQuery(query)
	if err != nil {
		return err
	}
	r := l.event("CONNECT")
	r.MultiValueQueryStringParameters = values
	answer, err := await[events.APIGatewayProxyResponse](ctx, l.h.invoke(l.h.connect, r))
	l.h.mu.Lock()
	defer l.h.mu.Unlock()
	if err == nil && answer.StatusCode != http.StatusOK {
		err = &rawclient.Refused{Status: answer.StatusCode}
	}
	if err != nil {
		delete(l.h.lines, l.id)
		return err
	}
	l.open = true
	return nil
}

func (l *handlerLine) event(kind string) (r events.APIGatewayWebsocketProxyRequest) {
	r.RequestContext.EventType, r.RequestContext.ConnectionID = kind, l.id
	return r
}

func (l *handlerLine) send(_ context.Context, frames ...string) error {
	for _, f := range frames {
		if len(f) > 32<<10 {
			l.end(1009)
			return nil
		}
		r := l.event("MESSAGE")
		r.Body = f
		answers := l.h.invoke(l.h.message, r)
		go func() {
			var answer events.APIGatewayProxyResponse
			if json.Unmarshal(<-answers, &answer) == nil && answer.Body != "" {
				_ = l.take(answer.Body)
			}
		}()
	}
	return nil
}

func (l *handlerLine) take(frame string) error {
	l.h.mu.Lock()
	defer l.h.mu.Unlock()
	if !l.open {
		return engine.ErrGone
	}
	select {
	case l.inbox <- frame:
		return nil
	default:
		return engine.ErrBusy
	}
}

func (l *handlerLine) next(ctx context.Context) (string, error) {
	for {
		select {
		case f := <-l.inbox:
			if f != "2" {
				return f, nil
			}
			if err := l.send(ctx, "3"); err != nil {
				return "", err
			}
		case <-l.closed:
			return "", errEnded
		case <-ctx.Done():
			return "", ctx.Err()
		}
	}
}

func (l *handlerLine) sendBinary(context.Context, []byte) error { l.end(1003); return nil }
func (l *handlerLine) close(code int)                           { l.end(code) }
func (l *handlerLine) reset()                                   { l.end(1006) }
func (l *handlerLine) kill(string)                              { l.end(1006) }
func (l *handlerLine) forget()                                  { l.end(1006) }

// end closes the connection once; $disconnect follows as faults say: never, once or twice, at once or late.
func (l *handlerLine) end(code int) {
	l.h.mu.Lock()
	was := l.open
	l.open = false
	delete(l.h.lines, l.id)
	lost, late, doubled := l.h.random.Float64() < faults.DisconnectLost, l.h.random.Float64() < faults.DisconnectLate, l.h.random.Float64() < faults.DisconnectDoubled
	l.h.mu.Unlock()
	if !was {
		return
	}
	close(l.closed)
	if lost {
		return
	}
	times := 1
	if doubled {
		times = 2
	}
	for range times {
		if late {
			l.h.clock.AfterFunc(faults.DisconnectDelay, func() { l.disconnected(code) })
		} else {
			l.disconnected(code)
		}
	}
}

func (l *handlerLine) disconnected(code int) <-chan []byte {
	type requestContext struct {
		EventType    string `json:"eventType"`
		ConnectionID string `json:"connectionId"`
		Code         int    `json:"disconnectStatusCode"`
	}
	return l.h.invoke(l.h.disconnect, map[string]any{"requestContext": requestContext{"DISCONNECT", l.id, code}})
}

func (h *handlers) line(id string) *handlerLine {
	h.mu.Lock()
	defer h.mu.Unlock()
	return h.lines[id]
}

// mine reports whether a connection is one of these clients'.
func mine(id string) bool { return len(id) > 9 && id[:9] == "handlers-" }

// Post implements engine.Poster.
func (h *handlers) Post(ctx context.Context, connection string, f engine.Frame) error {
	if !mine(connection) {
		return h.Poster.Post(ctx, connection, f)
	}
	if l := h.line(connection); l != nil {
		return l.take(string(f.Data))
	}
	return engine.ErrGone
}

// Exists implements engine.Poster.
func (h *handlers) Exists(ctx context.Context, connection string) error {
	if !mine(connection) {
		return h.Poster.Exists(ctx, connection)
	}
	h.mu.Lock()
	defer h.mu.Unlock()
	if l := h.lines[connection]; l == nil || !l.open {
		return engine.ErrGone
	}
	return nil
}

// Disconnect implements engine.Poster.
func (h *handlers) Disconnect(ctx context.Context, connection string) error {
	if !mine(connection) {
		return h.Poster.Disconnect(ctx, connection)
	}
	if l := h.line(connection); l != nil {
		l.end(1000)
	}
	return nil
}
