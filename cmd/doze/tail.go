package main

import (
	"context"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"io"
	"strings"
	"time"

	"github.com/dozeio/doze/internal/commandline"
	"github.com/dozeio/doze/internal/control"
)

const tailUsage = `usage: doze tail [flags] [ROOM...]

Prints the events that the members of rooms, and all of the namespace, are sent, as they come, until Ctrl-C.

It connects as an ordinary client, which the application may refuse (-auth) and counts as any other, and has its socket
put into the rooms. So it does not see what clients send, what is sent to a single socket, and acks.

` + whereUsage

// tail runs doze tail until ctx ends.
func tail(ctx context.Context, args []string, out, log io.Writer) error {
	var w where
	f := flag.NewFlagSet("doze tail", flag.ContinueOnError)
	w.flags(f)
	namespace := namespaceFlag(f, "/", "`name` of the namespace")
	auth := f.String("auth", "", "`JSON` that a client connects with, such as '{\"nickname\": \"ada\"}'")
	count := f.Int("n", 0, "`number` of events to end after (default: none)")
	asJSON := f.Bool("json", false, "print a line of JSON for each")
	rooms, err := parse(f, tailUsage, args, out)
	if err != nil {
		return err
	}
	if err := commandline.Least(f, "n", 1); err != nil {
		return err
	}
	if err := emptyArgument("a room", rooms); err != nil {
		return err
	}
	var given map[string]any
	if *auth != "" && json.Unmarshal([]byte(*auth), &given) != nil {
		return fmt.Errorf("-auth %s is no JSON object: write -auth '{\"nickname\": \"ada\"}', say", *auth)
	}
	if w.msgPack {
		return errors.New("doze tail reads text, and an application with MsgPack sends none: its log, at the level DEBUG, has each event")
	}
	d, address, err := w.reach(ctx, log)
	if err != nil {
		return err
	}
	if w.dev != "" { // doze serve is asked at one address and has its clients at another
		if address, err = control.WebSocketsAt(ctx, w.dev); err != nil {
			return ended(ctx, err)
		}
	}
	at := control.Target{Namespace: *namespace, To: rooms}
	empty, unknown := emptyRooms(ctx, d, at) // before this client is in them
	t, err := control.Follow(ctx, d, address, *namespace, json.RawMessage(*auth), rooms...)
	if err != nil {
		return ended(ctx, err)
	}
	defer t.Close()
	said := connectedAs(t.ID, at, empty)
	if unknown != nil {
		said += notLookedAt(at, unknown) + "\n"
	}
	fmt.Fprint(log, said)
	print := func(e control.Event) error {
		now := time.Now()
		if *asJSON {
			return eachAsJSON(out, []any{struct {
				Time time.Time `json:"time"`
				control.Event
			}{now, e}})
		}
		_, err := fmt.Fprintln(out, printable(e.Line(now)))
		return err
	}
	return ended(ctx, eachEvent(ctx, t.Next, print, *count, quietAfter, func() { fmt.Fprint(log, nothingYet(at, quietAfter)) }))
}

// eachEvent does something with each event that next returns, until it fails, or for some times. When there is none for
// a while, it calls quiet.
func eachEvent(ctx context.Context, next func(context.Context) (control.Event, error), do func(control.Event) error, times int, after time.Duration, quiet func()) error {
	silence := time.AfterFunc(after, quiet)
	defer silence.Stop()
	for n := 1; ; n++ {
		e, err := next(ctx)
		if err != nil {
			return err
		}
		silence.Stop()
		if err := do(e); err != nil || n == times {
			return err
		}
	}
}

// quietAfter is how long doze tail waits for a first event before it says what may be the reason that there is none.
const quietAfter = 30 * time.Second

// emptyRooms returns those of a target's rooms that have no member.
func emptyRooms(ctx context.Context, d control.Deployment, t control.Target) (empty []string, err error) {
	for _, room := range t.To {
		there, err := d.Reaches(ctx, control.Target{Namespace: t.Namespace, To: []string{room}})
		if err != nil {
			return nil, err
		}
		if !there {
			empty = append(empty, room)
		}
	}
	return empty, nil
}

// seen says what a client in the rooms of a target is sent.
func seen(t control.Target) string {
	text := "what is sent to all of " + printable(t.Namespace)
	if len(t.To) > 0 {
		text += ", and to " + printable(strings.Join(t.To, " and "))
	}
	return text
}

// connectedAs says what doze tail sees, and which rooms may be mistyped.
func connectedAs(id string, t control.Target, empty []string) string {
	text := fmt.Sprintf("connected as %s. Ctrl-C ends it. It prints %s.\n", id, seen(t))
	switch {
	case len(t.To) == 0:
		text += "To see what rooms are sent, name them: doze rooms lists those that have members.\n"
	case len(empty) > 0:
		text += fmt.Sprintf("Nobody else is in %s: doze rooms lists those that have members.\n", printable(strings.Join(empty, " and ")))
	}
	return text
}

// nothingYet says what to do when there is no event.
func nothingYet(t control.Target, after time.Duration) string {
	room := ""
	if len(t.To) > 0 {
		room = " -to '" + t.To[0] + "'"
	}
	return fmt.Sprintf("Nothing has come for %v. It prints %s; not what clients send, nor what is sent to one socket alone, nor acks.\n"+
		"doze emit%s try, with the same flags, shows whether it sees anything. The log, at the level DEBUG, has each event: doze dev -v, or the parameter LogLevel.\n",
		after, seen(t), printable(room))
}
