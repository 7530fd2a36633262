package gateway

import (
	"bytes"
	"encoding/json"
	"io"
	"log/slog"
	"net/http"
	"time"
	"unicode/utf8"

	"github.com/gobwas/ws"
)

// FrameHeader marks a post whose message is to leave as a binary frame: its value is FrameBinary. It is not AWS's and
// takes effect with Options.BinaryFrames only.
const (
	FrameHeader = "X-Doze-Frame"
	FrameBinary = "binary"
)

// manage is the @connections API. Credentials are not checked; what has an Origin, which no SDK sends and browsers send
// with any POST and DELETE, is refused.
// https://docs.aws.amazon.com/apigateway/latest/developerguide/apigateway-how-to-call-websocket-api-connections.html
func (g *Gateway) manage(w http.ResponseWriter, r *http.Request, id string) {
	var a apiAnswer
	if r.Method == http.MethodPost {
		g.stats.posts.Add(1)
	}
	switch {
	case !g.admitManagement(): // https://docs.aws.amazon.com/apigateway/latest/developerguide/limits.html counts WebSocket callbacks in
		a = throttled
	case r.Header.Get("Origin") != "", r.Method != http.MethodPost && r.Method != http.MethodGet && r.Method != http.MethodDelete:
		a = apiAnswer{status: http.StatusForbidden, kind: "ForbiddenException", message: "Forbidden"}
	case !wellFormed(id): // https://github.com/localstack/localstack/issues/4694
		a = apiAnswer{status: http.StatusBadRequest, kind: "BadRequestException", message: "Invalid connectionId: " + excerpt(id)}
	case r.Method == http.MethodPost:
		a = g.post(w, r, id)
	case r.Method == http.MethodGet:
		a = g.describe(id)
	default:
		a = g.disconnect(id)
	}
	if a.status == 0 { // the caller gave up
		return
	}
	a.write(w, excerpt(id), g.random.id())
	if g.opt.Logger.Enabled(r.Context(), slog.LevelDebug) {
		g.opt.Logger.Debug("management", "method", excerpt(r.Method), "connection", excerpt(id), "status", a.status, "bytes", r.ContentLength)
	}
}

// apiAnswer is a status and, for an error, the name that an AWS SDK makes its error type of.
type apiAnswer struct {
	status  int
	kind    string
	message string
	body    []byte
}

var (
	gone      = apiAnswer{status: http.StatusGone, kind: "GoneException", message: "Gone"}
	throttled = apiAnswer{status: http.StatusTooManyRequests, kind: "LimitExceededException", message: "Too Many Requests"}
	tooLarge  = apiAnswer{status: http.StatusRequestEntityTooLarge, kind: "PayloadTooLargeException", message: "Payload Too Large"}
	failed    = apiAnswer{status: http.StatusInternalServerError, kind: "InternalServerErrorException", message: "Internal server error"}
)

func (a apiAnswer) write(w http.ResponseWriter, connectionID string, request id) {
	h := w.Header()
	h["X-Amzn-Requestid"] = []string{string(request[:])}
	if a.kind != "" {
		h["X-Amzn-Errortype"] = []string{a.kind}
		a.body, _ = json.Marshal(map[string]string{"message": a.message, "connectionId": connectionID, "requestId": string(request[:])})
	}
	if a.body != nil {
		h["Content-Type"] = []string{"application/json"}
	}
	w.WriteHeader(a.status)
	w.Write(a.body)
}

// post sends the body to the client as one text message: it takes at most MaxMessage bytes, and 410 is the answer for a
// connection that is gone, or not there yet because $connect has not returned, or only just now (see
// Options.ConnectGap; https://repost.aws/knowledge-center/410-gone-api-gateway). 429 means that the client does not
// keep up. AWS does not say what it does with bytes that are not UTF-8; here each becomes U+FFFD.
func (g *Gateway) post(w http.ResponseWriter, r *http.Request, id string) apiAnswer {
	frame, err := g.readPost(w, r)
	if err != nil {
		return tooLarge
	}
	c := g.find(id)
	if c == nil {
		return gone
	}
	if c.holdEarly(frame) || c.vanishes() {
		return gone
	}
	switch g.faults.post() {
	case postGone:
		return gone
	case postGoneDelivered:
		c.write(frame)
		return gone
	case postThrottled:
		return throttled
	case postFailed:
		return failed
	case postHangs:
		select {
		case <-r.Context().Done():
		case <-g.base.Done():
		}
		return apiAnswer{}
	}
	switch c.write(frame) {
	case nil:
		c.touch()
		return apiAnswer{status: http.StatusOK}
	case errBufferFull:
		return throttled
	}
	return gone
}

// readPost reads the body behind the room for a frame's header and returns the frame.
func (g *Gateway) readPost(w http.ResponseWriter, r *http.Request) ([]byte, error) {
	limited := http.MaxBytesReader(w, r.Body, int64(g.opt.MaxMessage))
	size := 512
	if n := r.ContentLength; n >= 0 && n <= int64(g.opt.MaxMessage) {
		size = int(n) + 1 // ReadFrom looks for more before it knows the end
	}
	b := bytes.NewBuffer(make([]byte, headerRoom, headerRoom+size+bytes.MinRead))
	if _, err := io.Copy(b, limited); err != nil {
		return nil, err
	}
	payload := b.Bytes()[headerRoom:]
	op := ws.OpText
	if g.opt.BinaryFrames && r.Header.Get(FrameHeader) == FrameBinary {
		op = ws.OpBinary
	} else if !utf8.Valid(payload) {
		return appendFrame(nil, op, toUTF8(payload)), nil
	}
	var header [headerRoom]byte
	h := appendHeader(header[:0], op, len(payload))
	frame := b.Bytes()[headerRoom-len(h):]
	copy(frame, h)
	return frame, nil
}

// holdEarly reports whether the connection is in its handshake still, or in the moment after it; a fault may keep the
// frame for later.
func (c *conn) holdEarly(frame []byte) bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	switch {
	case c.state == connecting:
		if c.g.faults.earlyPostArrives() {
			c.early = append(c.early, frame)
		}
		return true
	case c.state == open && c.inGap():
		if c.g.faults.earlyPostArrives() {
			c.enqueue(frame)
		}
		return true
	}
	return false
}

// vanishes reports whether the fault OpenThenGone waits for this post.
func (c *conn) vanishes() bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	was := c.vanish
	c.vanish = false
	return was
}

func (g *Gateway) describe(id string) apiAnswer {
	c := g.reachable(id)
	if c == nil {
		return gone
	}
	if g.faults.opensThenGone() {
		c.mu.Lock()
		c.vanish = true
		c.mu.Unlock()
	}
	const iso = "2006-01-02T15:04:05.000Z"
	body, _ := json.Marshal(map[string]any{
		"connectedAt":  c.connectedAt.UTC().Format(iso),
		"lastActiveAt": time.UnixMilli(c.lastActive.Load()).UTC().Format(iso),
		"identity":     map[string]string{"sourceIp": c.identity.sourceIP, "userAgent": c.identity.userAgent},
	})
	return apiAnswer{status: http.StatusOK, body: body}
}

// disconnect is Disconnect; a code or a reason of the caller's is not to be had
// (https://github.com/aws/aws-sdk-js/issues/3636), and $disconnect does follow
// (https://github.com/boto/boto3/issues/3789).
func (g *Gateway) disconnect(id string) apiAnswer {
	if !g.Disconnect(id) {
		return gone
	}
	return apiAnswer{status: http.StatusNoContent}
}
