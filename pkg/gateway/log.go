package gateway

import (
	"log/slog"
	"net/http"
	"regexp"
)

var secret = regexp.MustCompile(`(?i)\bsid=[^&\s"]*`)

// redact removes the value of sid= : whoever has a session id can poll as that client.
func redact(s string) string { return secret.ReplaceAllString(s, "sid=REDACTED") }

func (g *Gateway) logRequest(r *http.Request, api string, status int) {
	if g.opt.Logger.Enabled(r.Context(), slog.LevelDebug) {
		g.opt.Logger.Debug("request", "api", api, "method", r.Method, "uri", redact(r.URL.RequestURI()), "status", status)
	}
}
