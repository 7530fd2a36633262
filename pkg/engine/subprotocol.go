package engine

import (
	"net/http"
	"strings"
)

// subprotocol returns what a handshake is answered with that offers subprotocols: the first of them, as the reference
// server's WebSocket library has it, and "" where none is offered. A browser gives up a connection whose offer got no
// answer (https://developer.mozilla.org/en-US/docs/Web/API/WebSocket/WebSocket#protocols). What the subprotocol says
// is between the client and the application: Doze speaks Socket.IO in each of them.
//
// It reports false for a header that is not a list of names, each of them once: the reference server refuses it.
func subprotocol(h http.Header) (first string, ok bool) {
	headers := h["Sec-Websocket-Protocol"]
	if len(headers) == 0 {
		return "", true
	}
	seen := map[string]bool{}
	for name := range strings.SplitSeq(strings.Join(headers, ","), ",") {
		name = strings.Trim(name, " \t")
		if !isToken(name) || seen[name] {
			return "", false
		}
		if first == "" {
			first = name
		}
		seen[name] = true
	}
	return first, true
}

// isToken reports whether a text is a token of HTTP: https://www.rfc-editor.org/rfc/rfc9110#name-tokens.
func isToken(s string) bool {
	return s != "" && !strings.ContainsFunc(s, func(c rune) bool {
		return (c < 'a' || c > 'z') && (c < 'A' || c > 'Z') && (c < '0' || c > '9') && !strings.ContainsRune("!#$%&'*+-.^_`|~", c)
	})
}
