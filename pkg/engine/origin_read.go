package engine

import (
	"fmt"
	"net/netip"
	"strconv"
	"strings"
)

// origin is where a page is from, in a form in which two that mean the same are equal. Programs that are no browsers
// send one, too: some make it of the address that they dial, such as ws://chat.example.com:3000.
type origin struct {
	secure bool   // https and wss; not so http and ws
	host   string // in lower case; an IPv6 address in brackets, and in its short form
	port   string // never empty
	other  string // instead of all these, what has none of these schemes: null, file://, capacitor://localhost
}

// readOrigin reads the header of a request. What is no origin is equal to none that parseOrigin returns.
func readOrigin(header string) origin {
	text := strings.ToLower(header)
	scheme, rest, _ := strings.Cut(text, "://")
	if secure, ok := schemeClass(scheme); ok && rest != "" {
		host, port := splitHost(rest, secure)
		return origin{secure: secure, host: host, port: port}
	}
	return origin{other: text}
}

// originOf returns the origin of the pages that are where a request was sent to. Where TLS ends before the server, the
// port tells that it was there.
func originOf(r Request) origin {
	name := strings.ToLower(r.Header.Get("Host"))
	secure := r.Secure || strings.HasSuffix(name, ":443")
	host, port := splitHost(name, secure)
	return origin{secure: secure, host: host, port: port}
}

// schemeClass returns which of two schemes are the same to an origin.
func schemeClass(scheme string) (secure, ok bool) {
	switch scheme {
	case "https", "wss":
		return true, true
	case "http", "ws":
		return false, true
	}
	return false, false
}

// splitHost takes the port from a host, and makes both what browsers make of them. The port is never empty.
func splitHost(text string, secure bool) (host, port string) {
	host = text
	if i := strings.LastIndexByte(text, ':'); i > strings.LastIndexByte(text, ']') {
		host, port = text[:i], text[i+1:]
	}
	if digits := strings.TrimLeft(port, "0"); digits != "" {
		port = digits
	}
	if port == "" {
		port = map[bool]string{true: "443", false: "80"}[secure]
	}
	if inner, ok := strings.CutPrefix(host, "["); ok {
		if ip, err := netip.ParseAddr(strings.TrimSuffix(inner, "]")); err == nil && ip.Is6() {
			host = "[" + ip.String() + "]"
		}
	}
	return host, port
}

// parseOrigin reads an origin as people write it in an option: spaces around it and a slash after it are left out, and
// an empty one is the zero value. What no browser sends is an error that says what to write.
func parseOrigin(option, text string) (origin, error) {
	written := strings.TrimSpace(text)
	if !strings.HasSuffix(written, "://") {
		written = strings.TrimSuffix(written, "/")
	}
	if written == "" {
		return origin{}, nil
	}
	if hint := flaw(strings.ToLower(written)); hint != "" {
		return origin{}, fmt.Errorf("engine: %s has %q: %s", option, text, hint)
	}
	return readOrigin(written), nil
}

// flaw returns what to do about a text, in lower case, that no browser sends as an origin.
func flaw(text string) (hint string) {
	if text == "null" || text == "file://" {
		return ""
	}
	scheme, rest, ok := strings.Cut(text, "://")
	secure, web := schemeClass(scheme)
	host, port := splitHost(rest, secure)
	switch {
	case strings.ContainsAny(text, ",;") || strings.ContainsAny(text, " \t\r\n"):
		return "write one origin in each entry"
	case strings.Contains(text, "*"):
		return `write each origin by itself: browsers send no patterns, and "*" alone is all of them`
	case opaque(text):
		return "browsers send null for pages of this kind: write null"
	case strings.HasPrefix(text, "file:"):
		return "browsers send file:// for all files: write that"
	case !ok || !isScheme(scheme):
		host, secure := exampleHost(strings.TrimLeft(text, ":/")), "https://"
		if name, _, _ := strings.Cut(host, ":"); name == "localhost" || strings.HasPrefix(name, "127.") { // a server that one develops with
			secure = "http://"
		}
		return "write the scheme, too, as in " + secure + host
	case scheme == "ftp":
		return "browsers open no pages of this kind: write another, or leave it out"
	case strings.ContainsAny(rest, `/?#\`) || strings.Contains(rest, "@"):
		return "write scheme, host and port alone, as in " + scheme + "://" + exampleHost(rest)
	case strings.Trim(rest, hostCharacters+":[]") != "":
		return "write the host as browsers send it, which location.origin shows in the console of a page: letters of other alphabets as xn--"
	case !web:
		return ""
	case !isPort(port):
		return "write a port from 1 to 65535, or none"
	case !isHost(host):
		return "write the host as browsers send it, which location.origin shows in the console of a page, as in https://" + exampleHost("")
	}
	return ""
}

// hostCharacters are those of names and of IPv4 addresses, and of the identifiers in the origins of extensions.
const hostCharacters = "abcdefghijklmnopqrstuvwxyz0123456789-._"

// isHost reports whether browsers send a host: a name, or an address in the one form in which they write it.
func isHost(host string) bool {
	if inner, ok := strings.CutPrefix(host, "["); ok {
		ip, err := netip.ParseAddr(strings.TrimSuffix(inner, "]"))
		return err == nil && ip.Is6() && ip.Zone() == "" && strings.HasSuffix(host, "]")
	}
	labels := strings.Split(strings.TrimSuffix(host, "."), ".")
	for _, label := range labels {
		if label == "" || strings.Trim(label, hostCharacters) != "" {
			return false
		}
	}
	last := labels[len(labels)-1]
	if isNumber(last) { // it is read as an IPv4 address, or not at all
		ip, err := netip.ParseAddr(host)
		return err == nil && ip.Is4()
	}
	return true
}

func isPort(text string) bool {
	number, err := strconv.Atoi(text)
	return err == nil && number >= 1 && number <= 65535
}

// isNumber reports whether a label makes an IPv4 address of its host:
// https://url.spec.whatwg.org/#ends-in-a-number-checker.
func isNumber(label string) bool {
	if hex, ok := strings.CutPrefix(label, "0x"); ok {
		return strings.Trim(hex, "0123456789abcdef") == ""
	}
	return strings.Trim(label, "0123456789") == ""
}

// isScheme reports whether a text can be a scheme: https://www.rfc-editor.org/rfc/rfc3986#section-3.1.
func isScheme(s string) bool {
	return s != "" && s[0] >= 'a' && s[0] <= 'z' && strings.Trim(s, "abcdefghijklmnopqrstuvwxyz0123456789+-.") == ""
}

// opaque reports whether a text names pages that have no origin of their own to send.
func opaque(text string) bool {
	for _, scheme := range []string{"data:", "blob:", "about:", "javascript:"} {
		if strings.HasPrefix(text, scheme) {
			return true
		}
	}
	return false
}

// exampleHost is what a text has for a host, for an error to show, or an example.
func exampleHost(text string) string {
	text = text[strings.LastIndexByte(text, '@')+1:]
	host := text[:len(text)-len(strings.TrimLeft(text, hostCharacters+":[]"))]
	if strings.Trim(host, ".:[]") == "" {
		return "chat.example.com"
	}
	return host
}
