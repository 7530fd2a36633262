package gateway_test

import (
	"context"
	"errors"
	"net/url"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/service/apigatewaymanagementapi"
	"github.com/aws/aws-sdk-go-v2/service/apigatewaymanagementapi/types"
	"github.com/aws/smithy-go"
	"github.com/coder/websocket"

	"github.com/dozeio/doze/pkg/gateway"
)

func isType[T error](err error) bool {
	var want T
	return errors.As(err, &want)
}

func (b *bench) describe(id string) (*apigatewaymanagementapi.GetConnectionOutput, error) {
	return b.sdk().GetConnection(b.ctx, &apigatewaymanagementapi.GetConnectionInput{ConnectionId: &id})
}

func (b *bench) delete(id string) error {
	_, err := b.sdk().DeleteConnection(b.ctx, &apigatewaymanagementapi.DeleteConnectionInput{ConnectionId: &id})
	return err
}

func TestPostIsOneTextMessage(t *testing.T) {
	b := start(t, gateway.Options{})
	c, id := b.connect()
	for _, text := range []string{"x", strings.Repeat("ä", 100), strings.Repeat("x", 65536), strings.Repeat("x", 128<<10)} {
		if err := b.post(id, text); err != nil {
			t.Fatal(err)
		}
		if kind, got, err := c.Read(b.ctx); err != nil || kind != websocket.MessageText || string(got) != text {
			t.Fatalf("%v, %d bytes, %v", kind, len(got), err)
		}
	}
}

func TestPostOfBytesThatAreNotTextDoesNotBreakTheClient(t *testing.T) {
	b := start(t, gateway.Options{})
	c, id := b.connect()
	if err := b.post(id, "a\xffb"); err != nil {
		t.Fatal(err)
	}
	if got := b.hear(c); got != "a\uFFFDb" {
		t.Fatalf("%q", got)
	}
}

func TestPostInsideConnectIs410(t *testing.T) {
	b, early := startPosting(t, gateway.Faults{})
	c, id := b.connect()
	if err := <-early; !isType[*types.GoneException](err) {
		t.Errorf("inside: %v", err)
	}
	if err := b.post(id, "after"); err != nil {
		t.Error(err)
	}
	if got := b.hear(c); got != "after" {
		t.Error(got)
	}
}

func TestPostInsideConnectMayArriveNevertheless(t *testing.T) {
	b, early := startPosting(t, gateway.Faults{EarlyPostArrives: 1, Max: 1})
	c, _ := b.connect()
	if err := <-early; !isType[*types.GoneException](err) {
		t.Errorf("inside: %v", err)
	}
	if got := b.hear(c); got != "early" {
		t.Error(got)
	}
}

// startPosting has a $connect that posts to its own connection.
func startPosting(t *testing.T, f gateway.Faults) (*bench, chan error) {
	var b *bench
	connects, early := make(chan wsEvent, 1), make(chan error, 1)
	b = start(t, gateway.Options{Faults: f, Connect: noting(connects, func(e wsEvent) (any, error) {
		early <- b.post(e.RequestContext.ConnectionID, "early")
		if _, err := b.describe(e.RequestContext.ConnectionID); !isType[*types.GoneException](err) {
			t.Errorf("GetConnection inside $connect: %v", err)
		}
		return reply(200, "")(e)
	})})
	b.connects = connects
	return b, early
}

func TestClosedAndUnknownConnectionsAre410(t *testing.T) {
	b := start(t, gateway.Options{})
	c, id := b.connect()
	c.Close(1000, "")
	b.next(b.disconnects)
	for _, id := range []string{id, "R1kmxc2VNjMCFIA="} {
		_, err := b.describe(id)
		for name, err := range map[string]error{"post": b.post(id, "x"), "get": err, "delete": b.delete(id)} {
			if !isType[*types.GoneException](err) {
				t.Errorf("%s %s: %v", name, id, err)
			}
		}
	}
}

func TestMalformedConnectionIDIs400(t *testing.T) {
	b := start(t, gateway.Options{})
	var e smithy.APIError
	for _, id := range []string{"x", "R1kmxc2VNjMCFI!=", "R1kmxc2VNjMCFIAB", "R1kmxc2VNjMCFIAA="} {
		if err := b.post(id, "x"); !errors.As(err, &e) || e.ErrorCode() != "BadRequestException" {
			t.Errorf("%s: %v", id, err)
		}
	}
}

func TestPostOver128KiBIs413(t *testing.T) {
	b := start(t, gateway.Options{})
	_, id := b.connect()
	if err := b.post(id, strings.Repeat("x", 128<<10+1)); !isType[*types.PayloadTooLargeException](err) {
		t.Fatal(err)
	}
}

func TestGetConnection(t *testing.T) {
	clock := newClock()
	b := start(t, gateway.Options{Clock: clock})
	began := clock.Now()
	c, id := b.connect()
	clock.Advance(1234 * time.Millisecond)
	b.say(c, "x")
	b.hear(c)
	got, err := b.describe(id)
	if err != nil {
		t.Fatal(err)
	}
	if !got.ConnectedAt.Equal(began) || !got.LastActiveAt.Equal(clock.Now()) || *got.Identity.SourceIp != "127.0.0.1" ||
		!strings.HasPrefix(*got.Identity.UserAgent, "Go-http-client") {
		t.Fatalf("%v %v %s %s", got.ConnectedAt, got.LastActiveAt, *got.Identity.SourceIp, *got.Identity.UserAgent)
	}
}

func TestConnectionIDsMayBeURLEncoded(t *testing.T) {
	b := start(t, gateway.Options{})
	c, id := b.connect()
	for _, path := range []string{"/local/%40connections/" + url.QueryEscape(id), "/local/@connections/" + id} {
		if res, body := b.request("POST", path, "x"); res.StatusCode != 200 || body != "" {
			t.Errorf("%s: %d %s", path, res.StatusCode, body)
		}
		b.hear(c)
	}
	if res, _ := b.request("PUT", "/local/@connections/"+id, "x"); res.StatusCode != 403 || res.Header.Get("x-amzn-ErrorType") != "ForbiddenException" {
		t.Error(res.Status)
	}
}

func TestPostsInSequenceArriveInSequence(t *testing.T) {
	b := start(t, gateway.Options{})
	c, id := b.connect()
	const n = 200
	go func() {
		for i := range n {
			if err := b.post(id, strconv.Itoa(i)+strings.Repeat(" ", i*100)); err != nil {
				t.Error(err)
			}
		}
	}()
	for i := range n {
		if got := strings.TrimSpace(b.hear(c)); got != strconv.Itoa(i) {
			t.Fatalf("%s came as number %d", got, i)
		}
	}
}

func TestSlowClientGets429AndDelaysNobody(t *testing.T) {
	b := start(t, gateway.Options{WriteBuffer: 256 << 10})
	slow := b.raw()
	slowID := b.next(b.connects).RequestContext.ConnectionID
	quick, quickID := b.connect()
	text := strings.Repeat("x", 128<<10)
	sent := 0
	for ; ; sent++ {
		err := b.post(slowID, text)
		if isType[*types.LimitExceededException](err) {
			break
		}
		if err != nil {
			t.Fatal(err)
		}
	}
	if err := b.post(quickID, "quick"); err != nil {
		t.Fatal(err)
	}
	if got := b.hear(quick); got != "quick" {
		t.Fatal(got)
	}
	for range sent { // what was accepted arrives
		f, err := readFrame(slow)
		if err != nil || len(f.Payload) != len(text) {
			t.Fatal(len(f.Payload), err)
		}
	}
	for b.post(slowID, "again") != nil { // the writer may need a moment to see that all is gone
	}
	if f, err := readFrame(slow); err != nil || string(f.Payload) != "again" {
		t.Fatalf("%q %v", f.Payload, err)
	}
}

func TestSlowClientIsClosedAllTheSame(t *testing.T) {
	b := start(t, gateway.Options{})
	slow := b.raw()
	id := b.next(b.connects).RequestContext.ConnectionID
	for b.post(id, strings.Repeat("x", 128<<10)) == nil {
	}
	if err := b.delete(id); err != nil {
		t.Fatal(err)
	}
	if e := b.next(b.disconnects); e.RequestContext.DisconnectStatusCode != 1000 {
		t.Fatalf("%+v", e.RequestContext)
	}
	if code := ended(t, slow); code != 1000 {
		t.Fatal(code)
	}
}

func TestPostFaults(t *testing.T) {
	b := start(t, gateway.Options{})
	c, id := b.connect()
	var failed smithy.APIError
	for name, f := range map[string]struct {
		faults  gateway.Faults
		is      func(error) bool
		arrives bool
	}{
		"410, lost":        {gateway.Faults{PostGone: 1}, isType[*types.GoneException], false},
		"410, delivered":   {gateway.Faults{PostGoneDelivered: 1}, isType[*types.GoneException], true},
		"429":              {gateway.Faults{PostThrottled: 1}, isType[*types.LimitExceededException], false},
		"500":              {gateway.Faults{PostFailed: 1}, func(err error) bool { return errors.As(err, &failed) }, false},
		"429, but 0 times": {gateway.Faults{}, func(err error) bool { return err == nil }, true},
	} {
		f.faults.Max = 1
		if err := b.SetFaults(f.faults); err != nil {
			t.Fatal(err)
		}
		if err := b.post(id, name); !f.is(err) {
			t.Errorf("%s: %v", name, err)
		}
		if err := b.post(id, "and then it works"); err != nil {
			t.Errorf("%s: %v", name, err)
		}
		want := []string{"and then it works"}
		if f.arrives {
			want = []string{name, "and then it works"}
		}
		for _, w := range want {
			if got := b.hear(c); got != w {
				t.Errorf("%s: %q arrived", name, got)
			}
		}
	}
	if s := b.Stats(); s.Posts != 10 || s.Faults != 4 {
		t.Errorf("%+v", s)
	}
}

func TestHangingPostEndsWithItsCaller(t *testing.T) {
	b := start(t, gateway.Options{Faults: gateway.Faults{PostHangs: 1}})
	_, id := b.connect()
	ctx, cancel := context.WithCancel(b.ctx)
	result := make(chan error)
	go func() {
		_, err := b.sdk().PostToConnection(ctx, &apigatewaymanagementapi.PostToConnectionInput{ConnectionId: &id, Data: []byte("x")})
		result <- err
	}()
	for b.Stats().Faults == 0 {
	}
	cancel()
	if err := <-result; !errors.Is(err, context.Canceled) {
		t.Fatal(err)
	}
}

func TestBinaryPostNeedsTheOption(t *testing.T) {
	for _, on := range []bool{false, true} {
		b := start(t, gateway.Options{BinaryFrames: on})
		c, id := b.connect()
		want := websocket.MessageText
		if on {
			want = websocket.MessageBinary
		}
		b.request("POST", "/local/@connections/"+id, "\x00x", gateway.FrameHeader, gateway.FrameBinary)
		if kind, got, err := c.Read(b.ctx); err != nil || kind != want || string(got) != "\x00x" {
			t.Errorf("%v: %v %q %v", on, kind, got, err)
		}
	}
}

// TestWhatIsEndedBeforeItIsOpenIsNotKnownOnAWS has $connect end its own connection.
func TestWhatIsEndedBeforeItIsOpenIsNotKnownOnAWS(t *testing.T) {
	var b *bench
	known := make(chan bool, 1)
	b = start(t, gateway.Options{Connect: function(func(e wsEvent) (any, error) {
		known <- b.Disconnect(e.RequestContext.ConnectionID)
		return reply(200, "")(e)
	})})
	c := b.dial()
	if <-known {
		t.Error("the connection is known")
	}
	b.say(c, "still there")
	if got := b.hear(c); got != "still there" {
		t.Errorf("got %q", got)
	}
}
