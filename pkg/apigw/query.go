package apigw

import (
	"net/url"
	"strings"
)

// parseQuery reads the query of a request as the reference server does, by the rules of browsers
// (https://url.spec.whatwg.org/#urlencoded-parsing): a ; is part of a value, and so is a % that begins no escape. There
// is an error only where net/url has a limit, as on the number of parameters.
func parseQuery(raw string) (url.Values, error) {
	if !strings.ContainsAny(raw, ";%") {
		return url.ParseQuery(raw)
	}
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
	return url.ParseQuery(strict.String())
}

func isEscape(s string) bool {
	return len(s) >= 3 && strings.Trim(s[1:3], "0123456789abcdefABCDEF") == ""
}
