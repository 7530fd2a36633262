package gateway

import (
	"net/http"
	"net/url"
	"strings"
)

// query is what an event has of a request's query: names and values decoded, in their order. A ; is part of a value,
// and so is a % that begins no escape. Of REST APIs AWS says that a ; splits a value
// (https://docs.aws.amazon.com/apigateway/latest/developerguide/api-gateway-known-issues.html); of WebSocket APIs it
// says nothing.
func query(r *http.Request) url.Values {
	raw := r.URL.RawQuery
	if strings.ContainsAny(raw, ";%") {
		var strict strings.Builder
		for i := range len(raw) {
			switch c := raw[i]; {
			case c == ';':
				strict.WriteString("%3B")
			case c == '%' && !isEscape(raw[i:]):
				strict.WriteString("%25")
			default:
				strict.WriteByte(c)
			}
		}
		raw = strict.String()
	}
	values, _ := url.ParseQuery(raw) // an error would be of more parameters than a URL of an API's length has
	return values
}

func isEscape(s string) bool {
	return len(s) >= 3 && strings.Trim(s[1:3], "0123456789abcdefABCDEF") == ""
}

// wantsWebSocket reports whether a request to the front door is for the WebSocket API. Of a doubled transport the last
// value counts, as in the reference server.
func wantsWebSocket(r *http.Request) bool {
	transports := query(r)["transport"]
	return isUpgrade(r) && len(transports) > 0 && transports[len(transports)-1] == "websocket"
}
