package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"maps"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"text/tabwriter"
	"time"

	"github.com/dozeio/doze/internal/control"
	"github.com/dozeio/doze/pkg/engine"
)

const showUsage = `usage: doze show [flags] SOCKET

Shows all that is known of a client: its sockets with their rooms and data, its session, what waits for it, and what it
sent when it connected. SOCKET is the id of a socket, or of a connection, or what the log and doze ls -json call a
client that polls. A session that is closed is known by its connection's id for some minutes, with the reason.

What may be a password or a token is hidden: -secrets shows it. The session's own secret is never shown.

` + whereUsage

// show runs doze show.
func show(ctx context.Context, args []string, out, log io.Writer) error {
	var w where
	f := flag.NewFlagSet("doze show", flag.ContinueOnError)
	w.flags(f)
	secrets := f.Bool("secrets", false, "show cookies, Authorization and the like, and the values of the query")
	asJSON := f.Bool("json", false, "print a line of JSON")
	rest, err := parse(f, showUsage, args, out)
	if err != nil {
		return err
	}
	if len(rest) != 1 {
		return errors.New("doze show needs the id of one socket or connection: doze ls lists them, doze show -h the flags")
	}
	if err := emptyArgument("the id", rest); err != nil {
		return err
	}
	d, _, err := w.reach(ctx, log)
	if err != nil {
		return err
	}
	k, err := d.Client(ctx, rest[0])
	if err != nil {
		return err
	}
	if k.Handshake != nil && !*secrets {
		hide(k.Handshake)
	}
	if *asJSON {
		return eachAsJSON(out, []control.Known{k})
	}
	return describeClient(out, k, time.Now())
}

// hidden stands for what is not shown.
const hidden = "(hidden)"

// harmless are the headers and the names of a query that hold nothing that opens anything. Of any other nobody knows.
var harmless = strings.Fields(`Accept Accept-Encoding Accept-Language Cache-Control Connection Content-Length Content-Type Host Origin Pragma
	Referer User-Agent Upgrade Sec-Fetch-Dest Sec-Fetch-Mode Sec-Fetch-Site Sec-Websocket-Extensions Sec-Websocket-Version
	Sec-Ch-Ua Sec-Ch-Ua-Mobile Sec-Ch-Ua-Platform X-Forwarded-For X-Forwarded-Port X-Forwarded-Proto Via X-Amz-Cf-Id X-Amzn-Trace-Id
	EIO transport t b64 supportsBinary`)

// hide replaces what may be a secret.
func hide(h *engine.Handshake) {
	for name, values := range h.Header {
		if !slices.Contains(harmless, http.CanonicalHeaderKey(name)) {
			h.Header[name] = []string{hidden}
			continue
		}
		if http.CanonicalHeaderKey(name) == "Referer" { // its query may have anything
			for i := range values {
				values[i], _, _ = strings.Cut(values[i], "?")
			}
		}
	}
	for name := range h.Query {
		if !slices.Contains(harmless, name) {
			h.Query[name] = []string{hidden}
		}
	}
	h.URL, _, _ = strings.Cut(h.URL, "?")
}

// describeClient writes what is known for people.
func describeClient(out io.Writer, k control.Known, now time.Time) error {
	table := tabwriter.NewWriter(out, 0, 0, 2, ' ', 0)
	line := func(what, format string, args ...any) {
		fmt.Fprintf(table, "%s\t%s\n", what, printable(fmt.Sprintf(format, args...)))
	}
	line("client", "%s, over %s", k.Name, k.Transport)
	state := string(k.State)
	if k.Reason != "" {
		state += ": " + string(k.Reason)
	}
	line("state", "%s", state)
	line("since", "%s (%s)", k.Since.UTC().Format(time.RFC3339), age(now, k.Since))
	if !k.Pong.IsZero() && k.Pong != engine.Dead {
		line("last pong", "%s ago; the handshake counts as one", age(now, k.Pong))
	}
	if k.Pong == engine.Dead {
		line("last pong", "it is marked as dead: the next sweep closes what is left of it")
	}
	if k.Doubted != nil {
		line("doubted", "for %s: a sweep waits for a sign of life", age(now, *k.Doubted))
	}
	if k.Upgrading != "" {
		line("upgrading", "to the connection %s", k.Upgrading)
	}
	if k.Polls != nil && k.Polls.After(now) {
		line("polls", "a GET waits")
	}
	if k.Waiting.Packets > 0 {
		line("waiting", "%s, %s", counted(float64(k.Waiting.Packets), "packet"), counted(float64(k.Waiting.Bytes), "byte"))
	}
	line("known until", "%s", k.Expires.UTC().Format(time.RFC3339))
	for _, m := range k.Sockets {
		line("socket", "%s in %s", m.ID, m.Namespace)
		line("  rooms", "%s", strings.Join(m.Rooms, " "))
		line("  data", "%s", m.Data)
	}
	for _, g := range k.Left {
		at := ""
		if !g.At.IsZero() {
			at = " " + age(now, g.At) + " ago"
		}
		line("left", "%s, %s%s: %s", g.ID, g.Namespace, at, g.Reason)
	}
	if h := k.Handshake; h != nil {
		line("handshake", "%s", h.URL)
		line("  address", "%s", h.Address)
		each(line, "  query ", url.Values(h.Query))
		each(line, "  ", url.Values(h.Header))
	}
	return table.Flush()
}

func each(line func(string, string, ...any), before string, values map[string][]string) {
	for _, name := range slices.Sorted(maps.Keys(values)) {
		line(before+printable(name), "%s", strings.Join(values[name], ", "))
	}
}
