package main

import (
	"context"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"io"
	"strings"
	"text/tabwriter"

	"github.com/dozeio/doze/internal/control"
)

const emitUsage = `usage: doze emit [flags] EVENT [ARGUMENT...]

Sends an event to clients. An argument that is JSON is sent as that, any other as text: doze emit news rain '{"mm": 3}'

` + whereUsage

// emit runs doze emit.
func emit(ctx context.Context, args []string, out, log io.Writer) error {
	var w where
	var t control.Target
	f := flag.NewFlagSet("doze emit", flag.ContinueOnError)
	w.flags(f)
	targetFlags(f, &t, "default: all of the namespace")
	rest, err := parse(f, emitUsage, args, out)
	if err != nil {
		return err
	}
	if len(rest) == 0 {
		return errors.New("doze emit needs the name of an event: doze emit news rain, doze emit -h lists the flags")
	}
	if rest[0] == "" { // the protocol has it, and a shell has it for a variable that is not set
		return errors.New("the event's name is empty: is a variable of the shell not set? doze emit news rain")
	}
	d, _, err := w.reach(ctx, log)
	if err != nil {
		return err
	}
	values := make([]json.RawMessage, len(rest)-1)
	for i, text := range rest[1:] {
		if values[i] = json.RawMessage(text); !json.Valid(values[i]) {
			if values[i], err = json.Marshal(text); err != nil {
				return err
			}
		}
	}
	there, unknown := d.Reaches(ctx, t) // before, because clients may leave on account of the event
	if err := d.Emit(ctx, t, rest[0], values...); err != nil {
		return err
	}
	switch { // nothing from here on is an error: who repeats the command sends the event twice
	case unknown != nil:
		fmt.Fprintf(log, "the event is sent; %s\n", notLookedAt(t, unknown))
	case !there:
		fmt.Fprintf(log, "%s: the event has reached nobody\n", nobodyIn(t))
	}
	return nil
}

// notLookedAt says that nobody knows whether a target has sockets.
func notLookedAt(t control.Target, why error) string {
	return fmt.Sprintf("whether anybody is in %s could not be looked at: %v", placeOf(t), why)
}

// nobodyIn says that a target has no sockets.
func nobodyIn(t control.Target) string {
	return "nobody is in " + placeOf(t) + " (doze ls lists who is where)"
}

// placeOf names the rooms or the namespace of a target.
func placeOf(t control.Target) string {
	text := "the namespace " + printable(t.Namespace)
	if t.To != nil {
		text = printable(strings.Join(t.To, " and ")) + " of " + text
	}
	return text
}

const roomsUsage = `usage: doze rooms [flags]

Lists the rooms of a namespace that have members, and how many. It reads every membership.

` + whereUsage

// listRooms runs doze rooms.
func listRooms(ctx context.Context, args []string, out, log io.Writer) error {
	var w where
	f := flag.NewFlagSet("doze rooms", flag.ContinueOnError)
	w.flags(f)
	namespace := namespaceFlag(f, "/", "`name` of the namespace")
	asJSON := f.Bool("json", false, "print a line of JSON for each")
	if err := parseFlags(f, roomsUsage, args, out); err != nil {
		return err
	}
	d, _, err := w.reach(ctx, log)
	if err != nil {
		return err
	}
	rooms, err := d.Rooms(ctx, *namespace)
	if err != nil {
		return err
	}
	if *asJSON {
		return eachAsJSON(out, rooms)
	}
	table := tabwriter.NewWriter(out, 0, 0, 2, ' ', 0)
	for _, r := range rooms {
		fmt.Fprintf(table, "%s\t%d\n", printable(r.Name), r.Members)
	}
	return table.Flush()
}

const socketsUsage = `usage: doze sockets [flags]

Lists the sockets of a namespace, with their rooms and their data. It reads each client's session.

` + whereUsage

// listSockets runs doze sockets.
func listSockets(ctx context.Context, args []string, out, log io.Writer) error {
	var w where
	var t control.Target
	f := flag.NewFlagSet("doze sockets", flag.ContinueOnError)
	w.flags(f)
	targetFlags(f, &t, "default: all of the namespace")
	asJSON := f.Bool("json", false, "print a line of JSON for each")
	if err := parseFlags(f, socketsUsage, args, out); err != nil {
		return err
	}
	d, _, err := w.reach(ctx, log)
	if err != nil {
		return err
	}
	sockets, err := d.Sockets(ctx, t)
	if err != nil {
		return err
	}
	if *asJSON {
		return eachAsJSON(out, sockets)
	}
	table := tabwriter.NewWriter(out, 0, 0, 2, ' ', 0)
	for _, s := range sockets {
		fmt.Fprintf(table, "%s\t%s\t%s\n", s.ID, printable(strings.Join(s.Rooms, " ")), printable(string(s.Data)))
	}
	return table.Flush()
}

const disconnectUsage = `usage: doze disconnect [flags] -to ROOM
       doze disconnect [flags] -all

Disconnects sockets from a namespace, or their clients altogether. A function of the deployment does it soon after, and
runs the application's OnDisconnecting and OnDisconnect.

` + whereUsage

// disconnect runs doze disconnect.
func disconnect(ctx context.Context, args []string, out, log io.Writer) error {
	var w where
	var t control.Target
	f := flag.NewFlagSet("doze disconnect", flag.ContinueOnError)
	w.flags(f)
	targetFlags(f, &t, "or -all")
	all := f.Bool("all", false, "disconnect all of the namespace, but for -except")
	closeConnection := f.Bool("close", false, "remove the clients from all their namespaces and close their connections")
	reason := f.String("reason", "", "`text` for the log of the function that does it (default: no line)")
	if err := parseFlags(f, disconnectUsage, args, out); err != nil {
		return err
	}
	if *all == (t.To != nil) {
		return errors.New("doze disconnect needs -to ROOM or -all, one of them: doze disconnect -h lists the flags")
	}
	d, _, err := w.reach(ctx, log)
	if err != nil {
		return err
	}
	there, unknown := d.Reaches(ctx, t)
	if unknown == nil && !there {
		fmt.Fprintf(log, "%s: nothing is done\n", nobodyIn(t))
		return nil
	}
	if err := d.Disconnect(ctx, t, *closeConnection, *reason); err != nil {
		return err
	}
	if unknown != nil {
		fmt.Fprintf(log, "whoever is there is disconnected; %s\n", notLookedAt(t, unknown))
	}
	return nil
}

// ended is nil for an error that comes of ctx having ended: that is how people end the command.
func ended(ctx context.Context, err error) error {
	if ctx.Err() != nil {
		return nil
	}
	return err
}

// eachAsJSON prints a line for each.
func eachAsJSON[T any](out io.Writer, all []T) error {
	lines := json.NewEncoder(out)
	lines.SetEscapeHTML(false)
	for _, one := range all {
		if err := lines.Encode(one); err != nil {
			return err
		}
	}
	return nil
}

// printable is what a client has chosen, without what a terminal would act on.
func printable(text string) string {
	return strings.Map(func(r rune) rune {
		if r < ' ' || r >= 0x7f && r < 0xa0 || r >= 0x202a && r <= 0x202e {
			return '�'
		}
		return r
	}, text)
}
