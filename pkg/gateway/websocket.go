package gateway

import (
	"bufio"
	"bytes"
	"crypto/sha1"
	"encoding/base64"
	"fmt"
	"io"
	"net/http"
	"strings"
	"time"
)

// maxURL is the longest URL that a WebSocket API takes.
// https://docs.aws.amazon.com/apigateway/latest/developerguide/apigateway-execution-service-websocket-limits-table.html
const maxURL = 4096

// serveWebSocket is the handshake. It stays pending until the $connect function has answered; what that refuses, the
// client sees as the HTTP status.
// https://docs.aws.amazon.com/apigateway/latest/developerguide/apigateway-websocket-api-route-keys-connect-disconnect.html
func (g *Gateway) serveWebSocket(w http.ResponseWriter, r *http.Request) {
	if status, message := g.checkHandshake(r); status != 0 {
		writeMessage(w, status, message)
		g.logRequest(r, "websocket", status, "")
		return
	}
	if !g.admitHandshake() {
		tooManyRequests(w)
		g.logRequest(r, "websocket", http.StatusTooManyRequests, "")
		return
	}
	c := g.newConn(r)
	g.mu.Lock()
	g.conns[c.id] = c
	g.mu.Unlock()

	protocol, id, refusal := g.connect(r, c)
	if refusal != nil {
		c.abandon()
		refusal.write(w)
		g.logRequest(r, "websocket", *refusal.StatusCode, id)
		return
	}
	g.logRequest(r, "websocket", http.StatusSwitchingProtocols, id)
	switch err := c.open(w, r, protocol); {
	case err == errDoomed:
		c.end(statusNormal, reasonNormal, true)
	case err != nil:
		c.drop()
		c.end(statusAbnormal, reasonAbnormal, false)
		return
	case g.opt.Direct != nil:
		g.tasks.run(func() { g.opt.Direct.Opened(g.base, c.id) })
	}
	if g.tasks.isRefusing() { // Close ran while $connect did
		c.end(statusGoingAway, reasonGoingAway, true)
	}
	if !g.tasks.run(c.read) {
		c.drop()
	}
}

func (g *Gateway) checkHandshake(r *http.Request) (status int, message string) {
	switch {
	case !isUpgrade(r):
		return http.StatusUpgradeRequired, "Upgrade Required"
	case r.Method != http.MethodGet || r.ProtoMajor != 1 || !hasToken(r.Header.Values("Connection"), "upgrade") ||
		r.Header.Get("Sec-Websocket-Version") != "13" || r.Header.Get("Sec-Websocket-Key") == "":
		return http.StatusBadRequest, "Bad Request"
	case g.opt.Direct != nil: // its server has a limit for all headers
	case len(r.URL.RequestURI()) > maxURL:
		return http.StatusRequestURITooLong, "URI Too Long"
	case headerSize(r) > maxHTTPHeaders: // of an HTTP API; what a WebSocket API takes was not found
		return http.StatusRequestHeaderFieldsTooLarge, "Request Header Fields Too Large"
	}
	return 0, ""
}

func hasToken(values []string, token string) bool {
	for _, v := range values {
		for t := range strings.SplitSeq(v, ",") {
			if strings.EqualFold(strings.TrimSpace(t), token) {
				return true
			}
		}
	}
	return false
}

// connect invokes $connect. It returns the subprotocol to echo and the id of the invocation, or what to refuse the client
// with: the function's own answer; 502 for a function error
// (https://github.com/serverless/serverless-websockets-plugin/issues/13); 500 where
// the function could not be invoked, for want of a permission
// (https://github.com/terraform-aws-modules/terraform-aws-apigateway-v2/issues/8) or of concurrency, of which a REST
// API is known to do the same (https://repost.aws/knowledge-center/api-gateway-internal-server-error); 504 for a
// timeout, where no public record was found.
func (g *Gateway) connect(r *http.Request, c *conn) (protocol, id string, refusal *proxyResponse) {
	if g.opt.Direct != nil {
		return g.connectDirectly(r, c)
	}
	if g.opt.Connect == nil {
		return "", "", nil
	}
	request := g.random.id()
	g.stats.connects.Add(1)
	i := invocation{route: routeConnect, handler: g.opt.Connect, event: g.connectEvent(r, c, request), timeout: g.opt.IntegrationTimeout}
	answer, id, err := g.call(i, 0)
	refuse := func(status int, message string) (string, string, *proxyResponse) {
		return "", id, &proxyResponse{StatusCode: &status, Body: string(errorMessage(message, c.id, request))}
	}
	var a proxyResponse
	ok := false
	if err == nil {
		a, ok = readProxyResponse(answer)
	}
	switch {
	case err == errTimeout:
		return refuse(http.StatusGatewayTimeout, "Endpoint request timed out")
	case isThrottled(err):
		return refuse(http.StatusInternalServerError, "Internal server error")
	case err != nil, !ok, *a.StatusCode < 200, *a.StatusCode > 599:
		return refuse(http.StatusBadGateway, "Internal server error")
	case *a.StatusCode > 299:
		return "", id, &a
	}
	return a.header("Sec-WebSocket-Protocol"), id, nil
}

// errorMessage is how API Gateway tells a WebSocket client about trouble.
// https://github.com/dvmatyun/web_socket/issues/13
func errorMessage(message, connectionID string, request id) []byte {
	return fmt.Appendf(nil, `{"message":%q,"connectionId":%q,"requestId":%q}`, message, connectionID, request[:])
}

// open takes the socket over from net/http, whose goroutine and buffers are then free, and completes the handshake.
func (c *conn) open(w http.ResponseWriter, r *http.Request, protocol string) error {
	if err := r.Context().Err(); err != nil { // the client is gone
		return err
	}
	nc, rw, err := http.NewResponseController(w).Hijack()
	if err != nil {
		writeMessage(w, http.StatusInternalServerError, "Internal server error")
		return err
	}
	nc.SetDeadline(time.Time{})
	var source io.Reader = nc
	if n := rw.Reader.Buffered(); n > 0 {
		early, _ := rw.Reader.Peek(n)
		source = io.MultiReader(bytes.NewReader(bytes.Clone(early)), nc)
	}
	accept := sha1.Sum([]byte(r.Header.Get("Sec-Websocket-Key") + "258EAFA5-E914-47DA-95CA-C5AB0DC85B11"))
	reply := []byte("HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Accept: ")
	reply = base64.StdEncoding.AppendEncode(reply, accept[:])
	if protocol != "" && !strings.ContainsAny(protocol, "\r\n") {
		reply = append(reply, "\r\nSec-WebSocket-Protocol: "+protocol...)
	}
	reply = append(reply, "\r\n\r\n"...)

	c.in = bufio.NewReaderSize(source, readBuffer)
	return c.start(nc, reply)
}
