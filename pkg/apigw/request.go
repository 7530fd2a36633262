package apigw

import (
	"context"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"net/http"
	"net/url"
	"strings"

	"github.com/aws/aws-lambda-go/events"

	"github.com/dozeio/doze/pkg/engine"
)

// httpRequest answers an event of an HTTP API, payload format 2.0.
func httpRequest(ctx context.Context, e *engine.Engine, event []byte) (events.APIGatewayV2HTTPResponse, error) {
	var r events.APIGatewayV2HTTPRequest
	if err := json.Unmarshal(event, &r); err != nil {
		return events.APIGatewayV2HTTPResponse{}, err
	}
	query, err := parseQuery(r.RawQueryString)
	if err != nil {
		err = fmt.Errorf("its query: %w", err)
	}
	data, mistake := body(r.Body, r.IsBase64Encoded)
	if mistake != nil {
		err = fmt.Errorf("its body: %w", mistake)
	}
	header := http.Header{}
	for name, value := range r.Headers {
		header.Set(name, value)
	}
	if len(r.Cookies) > 0 { // taken out of the headers by the gateway
		header.Set("Cookie", strings.Join(r.Cookies, "; "))
	}
	answer := e.HTTP(ctx, engine.Request{
		Method: r.RequestContext.HTTP.Method,
		Query:  query,
		Header: header,
		Body:   data,
		Remote: r.RequestContext.HTTP.SourceIP,
		Secure: header.Get("X-Forwarded-Proto") == "https",
		URL:    r.RawPath + "?" + r.RawQueryString,

		Unreadable: err,
	})
	cookies := answer.Header["Set-Cookie"] // several cannot be joined to one
	delete(answer.Header, "Set-Cookie")
	response := events.APIGatewayV2HTTPResponse{StatusCode: answer.Status, Headers: flat(answer.Header), Cookies: cookies}
	response.Body = string(answer.Body)
	return response, nil
}

// websocketRequest is the handshake of a connection. Header names come as the client wrote them.
func websocketRequest(r events.APIGatewayWebsocketProxyRequest) engine.Request {
	header, query := http.Header{}, url.Values{}
	for name, values := range r.MultiValueHeaders {
		header[http.CanonicalHeaderKey(name)] = values
	}
	for name, value := range r.Headers {
		if header.Get(name) == "" {
			header.Set(name, value)
		}
	}
	for name, values := range r.MultiValueQueryStringParameters {
		query[name] = values
	}
	for name, value := range r.QueryStringParameters {
		if !query.Has(name) {
			query.Set(name, value)
		}
	}
	return engine.Request{
		Method: http.MethodGet,
		Query:  query,
		Header: header,
		Remote: r.RequestContext.Identity.SourceIP,
		Secure: header.Get("X-Forwarded-Proto") == "https",
		URL:    "/?" + query.Encode(),
	}
}

// flat returns headers as an answer of a function has them. That of a subprotocol is spelled as AWS's own example does,
// because nobody says that another spelling is taken:
// https://docs.aws.amazon.com/apigateway/latest/developerguide/websocket-connect-route-subprotocol.html
func flat(h http.Header) map[string]string {
	m := make(map[string]string, len(h))
	for name, values := range h {
		m[strings.Replace(name, "Sec-Websocket-", "Sec-WebSocket-", 1)] = strings.Join(values, ", ")
	}
	return m
}

func body(s string, encoded bool) ([]byte, error) {
	if encoded {
		return base64.StdEncoding.DecodeString(s)
	}
	return []byte(s), nil
}
