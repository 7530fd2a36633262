package gateway

import (
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"strconv"
	"strings"
	"time"
)

// NewServer returns a server for a gateway, or a handler that has one inside, on a machine that people work on. addr is
// what it will listen on.
//
// On a loopback address it serves requests for localhost and for loopback addresses, with any port, and for the names
// given; others it answers with 421 Misdirected Request and a line that says what to do, handshakes too. Without that a
// page of any site whose name leads to 127.0.0.1 for a moment would be of the same origin as the gateway, and could use
// it as its developer does (https://en.wikipedia.org/wiki/DNS_rebinding). On other addresses it asks for no name: see
// Warning.
//
// A client has 10 s for the headers of a request, 14,336 bytes at most, and 40 s for all of it, or 30 s for a body that
// Options.Direct is to have.
func NewServer(addr net.Addr, h http.Handler, names ...string) *http.Server {
	if isLoopback(addr) {
		h = forHosts(h, addr, names)
	}
	return &http.Server{
		Handler:           h,
		ReadHeaderTimeout: 10 * time.Second,
		ReadTimeout:       readTime,
		IdleTimeout:       2 * time.Minute, // longer than clients of Go keep a connection: 90 s
		MaxHeaderBytes:    maxHTTPHeaders,  // net/http adds 4 KiB to it, so that the gateway's own answer comes first
		ErrorLog:          slog.NewLogLogger(slog.DiscardHandler, slog.LevelError),
	}
}

// Warning is what to tell somebody whose server listens on addr; empty on a loopback address.
func Warning(addr net.Addr) string {
	if isLoopback(addr) {
		return ""
	}
	return "Others on your network can reach it, with its @connections API and, if it has one, its queue, which ask nobody who they are."
}

// URL returns where a server that listens on an address is for who is on the same machine, without a slash at its end:
// by the name localhost when it listens on all addresses, of which none is one to be asked.
func URL(addr net.Addr) string {
	if tcp, ok := addr.(*net.TCPAddr); ok && tcp.IP.IsUnspecified() {
		return "http://localhost:" + strconv.Itoa(tcp.Port)
	}
	return "http://" + addr.String()
}

// readTime is for headers and body. net/http ends the context of a request that takes longer, also when all is read, so
// that it is more than the 30 s that a function has.
const readTime = 40 * time.Second

func isLoopback(addr net.Addr) bool {
	tcp, ok := addr.(*net.TCPAddr)
	return ok && tcp.IP.IsLoopback()
}

func forHosts(h http.Handler, addr net.Addr, names []string) http.Handler {
	known := map[string]bool{"localhost": true}
	for _, name := range names {
		known[hostname(name)] = true
	}
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		name := hostname(r.Host)
		if ip := net.ParseIP(name); known[name] || ip != nil && ip.IsLoopback() {
			h.ServeHTTP(w, r)
			return
		}
		hint := fmt.Sprintf("%q is not a name of this server: open http://%s, or start it with -host %q if that is your name for it",
			excerpt(r.Host), addr, excerpt(name))
		http.Error(w, hint, http.StatusMisdirectedRequest)
	})
}

// hostname takes the port away, and what is no difference between two names.
func hostname(host string) string {
	if name, _, err := net.SplitHostPort(host); err == nil {
		host = name
	}
	host = strings.TrimSuffix(strings.TrimPrefix(strings.TrimSpace(host), "["), "]")
	return strings.ToLower(strings.TrimSuffix(host, "."))
}
