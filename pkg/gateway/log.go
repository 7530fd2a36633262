package gateway

import (
	"log/slog"
	"net/http"
	"regexp"
	"strings"
	"unicode/utf8"
)

var secret = regexp.MustCompile(`(?i)\bsid=[^&\s"]*`)

// redact removes the value of sid= : whoever has a session id can poll as that client.
func redact(s string) string { return secret.ReplaceAllString(s, "sid=REDACTED") }

// excerpt is what a line has of a client's text: 200 bytes, in UTF-8.
func excerpt(s string) string {
	const most = 200
	if len(s) <= most {
		return strings.ToValidUTF8(s, "\uFFFD")
	}
	n := most
	for n > most-utf8.UTFMax && !utf8.RuneStart(s[n]) {
		n--
	}
	return strings.ToValidUTF8(s[:n], "\uFFFD") + "..."
}

// trace is the name of an invocation's id in a line of the log. Doze's functions have it in theirs by the same name.
const trace = "trace"

// logRequest logs a request, and the id of the invocation that it led to, empty for none.
func (g *Gateway) logRequest(r *http.Request, api string, status int, id string) {
	if !g.opt.Logger.Enabled(r.Context(), slog.LevelDebug) {
		return
	}
	line := []any{"api", api, "method", excerpt(r.Method), "uri", excerpt(redact(r.URL.RequestURI())), "status", status}
	if id != "" {
		line = append(line, trace, id)
	}
	g.opt.Logger.Debug("request", line...)
}
