package main

import (
	"context"
	"encoding/json"
	"flag"
	"fmt"
	"io"
	"strings"
	"text/tabwriter"
	"time"

	"github.com/dozeio/doze/internal/control"
)

const lsUsage = `usage: doze ls [flags]

Lists the sockets of all namespaces, those first whose clients have been there for longest: id, namespace, age of the
session, transport, and rooms. A client that has joined no namespace yet has a line without an id. It reads each
client's session and each socket's rooms, which -no-rooms leaves out.

` + whereUsage

// ls runs doze ls.
func ls(ctx context.Context, args []string, out, log io.Writer) error {
	var w where
	f := flag.NewFlagSet("doze ls", flag.ContinueOnError)
	w.flags(f)
	namespace := namespaceFlag(f, "", "`name` of the namespace whose sockets are meant (default: all)")
	noRooms := f.Bool("no-rooms", false, "leave the rooms out, which cost a read for each socket")
	asJSON := f.Bool("json", false, "print a line of JSON for each socket")
	if err := parseFlags(f, lsUsage, args, out); err != nil {
		return err
	}
	d, _, err := w.reach(ctx, log)
	if err != nil {
		return err
	}
	clients, err := d.Clients(ctx, control.Asked{Namespace: *namespace, Rooms: !*noRooms})
	if err != nil {
		return err
	}
	if len(clients) == 0 && *namespace != "" {
		fmt.Fprintf(log, "nobody is in the namespace %s: without -namespace, doze ls lists the sockets of all\n", printable(*namespace))
	}
	if *asJSON {
		return eachAsJSON(out, listing(clients))
	}
	now := time.Now()
	table := tabwriter.NewWriter(out, 0, 0, 2, ' ', 0)
	for _, l := range listing(clients) {
		if l.ID == "" {
			l.ID, l.Namespace = "-", "-"
		}
		fmt.Fprintf(table, "%s\t%s\t%s\t%s\t%s\n", l.ID, printable(l.Namespace), age(now, l.Since), l.Transport, printable(strings.Join(l.Rooms, " ")))
	}
	return table.Flush()
}

// socketLine is a line of doze ls.
type socketLine struct {
	ID        string          `json:"id,omitempty"`
	Namespace string          `json:"namespace,omitempty"`
	Rooms     []string        `json:"rooms,omitempty"`
	Data      json.RawMessage `json:"data,omitempty"`
	Client    string          `json:"client"`
	Transport string          `json:"transport"`
	Since     time.Time       `json:"since"`
}

// listing has a line for each socket, and one for each client without any.
func listing(clients []control.Client) (all []socketLine) {
	for _, c := range clients {
		line := socketLine{Client: c.Name, Transport: c.Transport, Since: c.Since}
		for _, m := range c.Sockets {
			line.ID, line.Namespace, line.Rooms, line.Data = m.ID, m.Namespace, m.Rooms, m.Data
			all = append(all, line)
		}
		if len(c.Sockets) == 0 {
			all = append(all, line)
		}
	}
	return all
}

// age says how long ago something was, in its two largest units. A clock that is behind counts as none.
func age(now, then time.Time) string {
	d := max(0, now.Sub(then))
	switch {
	case d < time.Minute:
		return fmt.Sprintf("%ds", d/time.Second)
	case d < time.Hour:
		return fmt.Sprintf("%dm%ds", d/time.Minute, d%time.Minute/time.Second)
	case d < 24*time.Hour:
		return fmt.Sprintf("%dh%dm", d/time.Hour, d%time.Hour/time.Minute)
	}
	return fmt.Sprintf("%dd%dh", d/(24*time.Hour), d%(24*time.Hour)/time.Hour)
}
