package commandline

import (
	"errors"
	"flag"
	"fmt"
	"io"
	"log/slog"
	"net"
	"strings"
	"syscall"
)

// Listen listens on the TCP address that the flag -addr of a command names. The error says how to call the command
// with another.
func Listen(name, addr string) (net.Listener, error) {
	host, _, err := net.SplitHostPort(addr)
	if err != nil {
		return nil, fmt.Errorf("-addr %q is no address with a port: write -addr 127.0.0.1:3000, say", addr)
	}
	listener, err := net.Listen("tcp", addr)
	if errors.Is(err, syscall.EADDRINUSE) {
		return nil, fmt.Errorf("%s is taken by another program: end that one, or take a free port: %s", addr, With(name, "-addr "+net.JoinHostPort(host, "0")))
	}
	return listener, err
}

// Hosts adds the flag -host of a command that serves a gateway: the names that may be given, besides localhost, to what
// listens, such as "this server while it listens on a loopback address".
func Hosts(f *flag.FlagSet, names *[]string, what string) {
	f.Func("host", "`name` besides localhost that requests may give "+what+"; may be repeated, or several separated by commas", func(text string) error {
		*names = append(*names, strings.Split(text, ",")...)
		return nil
	})
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
