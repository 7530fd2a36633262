package commandline

import (
	"errors"
	"flag"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/url"
	"regexp"
	"strconv"
	"strings"
	"syscall"
)

// Listen listens on the TCP address that the flag -addr of a command names. The error says how to call the command
// with another.
func Listen(name, addr string) (net.Listener, error) {
	if err := Address("addr", addr); err != nil {
		return nil, err
	}
	host, _, _ := net.SplitHostPort(addr)
	listener, err := net.Listen("tcp", addr)
	if errors.Is(err, syscall.EADDRINUSE) {
		return nil, fmt.Errorf("%s is taken by another program: end that one, or take a free port: %s", addr, With(name, "-addr "+net.JoinHostPort(host, "0")))
	}
	return listener, err
}

// Address returns an error that says what to write when the value of a flag is no host and port, such as
// 127.0.0.1:3000. The host may be empty, for all addresses of the machine.
func Address(name, addr string) error {
	_, port, err := net.SplitHostPort(addr)
	if err == nil {
		_, err = net.LookupPort("tcp", port)
	}
	if err != nil {
		return fmt.Errorf("-%s %q is no address with a port: write -%s 127.0.0.1:3000, say", name, addr, name)
	}
	return nil
}

// Hosts adds the flag -host of a command that serves a gateway: the names that may be given, besides localhost, to what
// listens, such as "this server while it listens on a loopback address". A port after a name is taken, and means nothing.
func Hosts(f *flag.FlagSet, names *[]string, what string) {
	f.Func("host", "`name` besides localhost that requests may give "+what+"; may be repeated, or several separated by commas", func(text string) error {
		for name := range strings.SplitSeq(text, ",") {
			name = strings.TrimSpace(name)
			if !isHost(name) {
				return fmt.Errorf("%q is no name of a host: write the name alone, as it is in the Host header of requests, such as %s", name, hostIn(name))
			}
			*names = append(*names, name)
		}
		return nil
	})
}

var hostNames = regexp.MustCompile(`^[A-Za-z0-9._-]+$`)

// isHost reports whether a text can be what a request has in its Host header, with a port or without.
func isHost(text string) bool {
	if host, port, err := net.SplitHostPort(text); err == nil {
		if _, err := strconv.ParseUint(port, 10, 16); err != nil {
			return false
		}
		text = host
	}
	return hostNames.MatchString(text) || net.ParseIP(strings.TrimSuffix(strings.TrimPrefix(text, "["), "]")) != nil
}

// hostIn returns the host of a URL, or an example.
func hostIn(text string) string {
	if u, err := url.Parse(text); err == nil && isHost(u.Hostname()) {
		return u.Hostname()
	}
	if host, _, found := strings.Cut(text, "/"); found && isHost(host) {
		return host
	}
	return "chat.example.com"
}

// Logger writes to log for somebody who is looking on: from the level INFO on, which has who left and why, or everything.
func Logger(log io.Writer, verbose bool) *slog.Logger {
	level := slog.LevelInfo
	if verbose {
		level = slog.LevelDebug
	}
	return slog.New(slog.NewTextHandler(log, &slog.HandlerOptions{Level: level, ReplaceAttr: shortTime}))
}

// shortTime leaves the date out of a line that somebody is looking at.
func shortTime(_ []string, a slog.Attr) slog.Attr {
	if a.Key == slog.TimeKey {
		a.Value = slog.StringValue(a.Value.Time().Format("15:04:05.000"))
	}
	return a
}
