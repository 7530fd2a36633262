package gateway

import (
	"encoding/base64"
	"encoding/json"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"time"

	"github.com/aws/aws-lambda-go/events"
)

const (
	apiID     = "local"
	accountID = "000000000000"
	timeCLF   = "02/Jan/2006:15:04:05 -0700"
)

// connectEvent has the headers and the query of the handshake; the events that follow have neither.
func (g *Gateway) connectEvent(r *http.Request, c *conn, request id) []byte {
	now := g.opt.Clock.Now().UTC()
	headers := connectHeaders(r)
	e := events.APIGatewayWebsocketProxyRequest{
		Headers: lastValues(headers), MultiValueHeaders: headers,
		RequestContext: events.APIGatewayWebsocketProxyRequestContext{
			RouteKey: "$connect", EventType: "CONNECT", MessageDirection: "IN",
			RequestID: string(request[:]), ExtendedRequestID: string(request[:]),
			RequestTime: now.Format(timeCLF), RequestTimeEpoch: now.UnixMilli(),
			Stage: g.opt.Stage, APIID: apiID, DomainName: c.host,
			ConnectedAt: c.connectedAt.UnixMilli(), ConnectionID: c.id,
			Identity: events.APIGatewayRequestIdentity{SourceIP: c.identity.sourceIP, UserAgent: c.identity.userAgent},
		},
	}
	if q := query(r); len(q) > 0 {
		e.QueryStringParameters, e.MultiValueQueryStringParameters = lastValues(q), q
	}
	b, err := json.Marshal(e)
	if err != nil {
		panic(err) // strings and numbers only
	}
	return b
}

// connectHeaders are the client's headers with what API Gateway adds. net/http has lost the case in which they were
// sent.
func connectHeaders(r *http.Request) map[string][]string {
	headers := make(map[string][]string, len(r.Header)+4)
	for name, values := range r.Header {
		if name == "Connection" || name == "Upgrade" {
			continue
		}
		headers[strings.Replace(name, "Sec-Websocket-", "Sec-WebSocket-", 1)] = values
	}
	headers["Host"] = []string{r.Host}
	for name, value := range forwarded(r) {
		headers[name] = []string{value}
	}
	return headers
}

// forwarded is what API Gateway tells a function about the client's way to it.
func forwarded(r *http.Request) map[string]string {
	from, scheme, port := SourceIP(r), "http", "80"
	if before := r.Header.Get("X-Forwarded-For"); before != "" {
		from = before + ", " + from
	}
	if r.TLS != nil {
		scheme, port = "https", "443"
	}
	if p := (&url.URL{Host: r.Host}).Port(); p != "" {
		port = p
	}
	return map[string]string{"X-Forwarded-For": from, "X-Forwarded-Proto": scheme, "X-Forwarded-Port": port}
}

func lastValues(m map[string][]string) map[string]string {
	last := make(map[string]string, len(m))
	for k, v := range m {
		if len(v) > 0 {
			last[k] = v[len(v)-1]
		}
	}
	return last
}

// connectionContext is the part of the requestContext that all events of a connection share, encoded once.
func (g *Gateway) connectionContext(c *conn) []byte {
	b := make([]byte, 0, 256+len(c.identity.userAgent))
	b = append(b, `"messageDirection":"IN","stage":`...)
	b = appendString(b, g.opt.Stage)
	b = append(b, `,"connectedAt":`...)
	b = strconv.AppendInt(b, c.connectedAt.UnixMilli(), 10)
	b = append(b, `,"identity":{"userAgent":`...)
	b = appendString(b, c.identity.userAgent)
	b = append(b, `,"sourceIp":`...)
	b = appendString(b, c.identity.sourceIP)
	b = append(b, `},"domainName":`...)
	b = appendString(b, c.host)
	b = append(b, `,"connectionId":`...)
	b = appendString(b, c.id)
	b = append(b, `,"apiId":`...)
	return appendString(b, apiID)
}

// appendRequest appends what differs from one event to the next.
func appendRequest(b []byte, now time.Time, request id) []byte {
	b = append(b, `,"requestId":"`...)
	b = append(b, request[:]...)
	b = append(b, `","extendedRequestId":"`...)
	b = append(b, request[:]...)
	b = append(b, `","requestTime":"`...)
	b = now.UTC().AppendFormat(b, timeCLF)
	b = append(b, `","requestTimeEpoch":`...)
	return strconv.AppendInt(b, now.UnixMilli(), 10)
}

// messageEvent has a body and no headers. Its shape is that of aws-lambda-go's recorded
// apigw-websocket-request-send-message.json.
func (g *Gateway) messageEvent(c *conn, request id, binary bool, payload []byte) []byte {
	messageID := g.random.id()
	size := len(payload) + len(payload)/8
	if binary {
		size = base64.StdEncoding.EncodedLen(len(payload))
	}
	b := make([]byte, 0, 320+len(c.context)+size)
	b = append(b, `{"requestContext":{"routeKey":"$default","eventType":"MESSAGE","messageId":"`...)
	b = append(b, messageID[:]...)
	b = append(b, `",`...)
	b = append(b, c.context...)
	b = appendRequest(b, g.opt.Clock.Now(), request)
	b = append(b, `},"body":`...)
	if binary {
		b = append(b, '"')
		b = base64.StdEncoding.AppendEncode(b, payload)
		return append(b, `","isBase64Encoded":true}`...)
	}
	b = appendString(b, payload)
	return append(b, `,"isBase64Encoded":false}`...)
}

// disconnectEvent has the code and the reason. Its shape is that of aws-lambda-go's recorded
// apigw-websocket-request-disconnect.json.
func (g *Gateway) disconnectEvent(c *conn, code int, reason string) []byte {
	host := string(appendString(nil, c.host))
	b := make([]byte, 0, 640+len(c.context)+len(reason))
	b = append(b, `{"headers":{"Host":`+host+`,"x-api-key":"","X-Forwarded-For":"","x-restapi":""},`...)
	b = append(b, `"multiValueHeaders":{"Host":[`+host+`],"x-api-key":[""],"X-Forwarded-For":[""],"x-restapi":[""]},`...)
	b = append(b, `"requestContext":{"routeKey":"$disconnect","eventType":"DISCONNECT","disconnectStatusCode":`...)
	b = strconv.AppendInt(b, int64(code), 10)
	b = append(b, `,"disconnectReason":`...)
	b = appendString(b, reason)
	b = append(b, ',')
	b = append(b, c.context...)
	b = appendRequest(b, g.opt.Clock.Now(), g.random.id())
	return append(b, `},"isBase64Encoded":false}`...)
}
