package gateway

import (
	"encoding/base64"
	"encoding/json"
	"mime"
	"net/http"
	"strings"
)

// httpEvent is payload format 2.0, the shape of aws-lambda-go's recorded apigw-v2-request-no-authorizer.json. Doubled
// headers and query values are joined by commas; cookies stand apart.
// https://docs.aws.amazon.com/apigateway/latest/developerguide/http-api-develop-integrations-lambda.html
type httpEvent struct {
	Version               string            `json:"version"`
	RouteKey              string            `json:"routeKey"`
	RawPath               string            `json:"rawPath"`
	RawQueryString        string            `json:"rawQueryString"`
	Cookies               []string          `json:"cookies,omitempty"`
	Headers               map[string]string `json:"headers"`
	QueryStringParameters map[string]string `json:"queryStringParameters,omitempty"`
	PathParameters        map[string]string `json:"pathParameters,omitempty"`
	RequestContext        httpContext       `json:"requestContext"`
	Body                  string            `json:"body,omitempty"`
	IsBase64Encoded       bool              `json:"isBase64Encoded"`
}

type httpContext struct {
	AccountID    string          `json:"accountId"`
	APIID        string          `json:"apiId"`
	DomainName   string          `json:"domainName"`
	DomainPrefix string          `json:"domainPrefix"`
	HTTP         httpDescription `json:"http"`
	RequestID    string          `json:"requestId"`
	RouteKey     string          `json:"routeKey"`
	Stage        string          `json:"stage"`
	Time         string          `json:"time"`
	TimeEpoch    int64           `json:"timeEpoch"`
}

type httpDescription struct {
	Method    string `json:"method"`
	Path      string `json:"path"`
	Protocol  string `json:"protocol"`
	SourceIP  string `json:"sourceIp"`
	UserAgent string `json:"userAgent"`
}

func (g *Gateway) httpEvent(r *http.Request, body []byte) []byte {
	now := g.opt.Clock.Now().UTC()
	request := g.random.id()
	prefix, _, _ := strings.Cut(r.Host, ".")
	e := httpEvent{
		Version: "2.0", RawPath: r.URL.EscapedPath(), RawQueryString: r.URL.RawQuery,
		RouteKey: r.Method + " " + g.opt.Path, Headers: httpHeaders(r), Cookies: cookies(r),
		RequestContext: httpContext{
			AccountID: accountID, APIID: apiID, DomainName: r.Host, DomainPrefix: prefix,
			HTTP: httpDescription{
				Method: r.Method, Path: r.URL.EscapedPath(), Protocol: r.Proto, SourceIP: SourceIP(r), UserAgent: r.UserAgent(),
			},
			RequestID: string(request[:]), Stage: "$default", Time: now.Format(timeCLF), TimeEpoch: now.UnixMilli(),
		},
	}
	proxy, ok := below(r.URL.Path, g.opt.Path)
	if !ok { // HTTPEverywhere
		proxy, e.RouteKey = strings.TrimPrefix(proxy, "/"), r.Method+" /"
	}
	if proxy != "" {
		e.RouteKey += "{proxy+}"
		e.PathParameters = map[string]string{"proxy": proxy}
	}
	e.RequestContext.RouteKey = e.RouteKey
	if q := query(r); len(q) > 0 {
		e.QueryStringParameters = joined(q)
	}
	if isText(r.Header.Get("Content-Type")) || len(body) == 0 {
		e.Body = string(body)
	} else {
		e.Body, e.IsBase64Encoded = base64.StdEncoding.EncodeToString(body), true
	}
	b, err := json.Marshal(e)
	if err != nil {
		panic(err) // strings and numbers only
	}
	return b
}

func httpHeaders(r *http.Request) map[string]string {
	headers := make(map[string]string, len(r.Header)+4)
	for name, values := range r.Header {
		switch name {
		case "Cookie", "Connection", "Keep-Alive", "Te", "Upgrade":
			continue
		}
		headers[strings.ToLower(name)] = strings.Join(values, ",")
	}
	headers["host"] = r.Host
	for name, value := range forwarded(r) {
		headers[strings.ToLower(name)] = value
	}
	return headers
}

func joined(m map[string][]string) map[string]string {
	out := make(map[string]string, len(m))
	for k, v := range m {
		out[k] = strings.Join(v, ",")
	}
	return out
}

func cookies(r *http.Request) (list []string) {
	for _, header := range r.Header["Cookie"] {
		for c := range strings.SplitSeq(header, ";") {
			if c = strings.TrimSpace(c); c != "" {
				list = append(list, c)
			}
		}
	}
	return list
}

// isText says whether a function gets a body of this type as it is, and not in base64. From memory: no public source
// was found.
func isText(contentType string) bool {
	kind, _, err := mime.ParseMediaType(contentType)
	if err != nil {
		return false
	}
	switch kind {
	case "application/json", "application/javascript", "application/xml":
		return true
	}
	return strings.HasPrefix(kind, "text/")
}
