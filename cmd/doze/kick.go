package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"

	"github.com/dozeio/doze/internal/control"
)

const kickUsage = `usage: doze kick [flags] SOCKET...

Disconnects clients, from all their namespaces, and closes their connections, with the reason in the log. SOCKET is what
doze show takes. The stock client does not come back by itself. A function of the deployment does it soon after, and
runs the application's OnDisconnecting and OnDisconnect. doze disconnect does the same to rooms, and to one namespace.

` + whereUsage

// kick runs doze kick.
func kick(ctx context.Context, args []string, out, log io.Writer) error {
	var w where
	f := flag.NewFlagSet("doze kick", flag.ContinueOnError)
	w.flags(f)
	reason := f.String("reason", "kicked by doze kick", "`text` for the log of the function that does it")
	asJSON := f.Bool("json", false, "print a line of JSON for each")
	ids, err := parse(f, kickUsage, args, out)
	if err != nil {
		return err
	}
	if err := emptyArgument("the id", ids); err != nil {
		return err
	}
	switch {
	case len(ids) == 0:
		return errors.New("doze kick needs the id of a socket or connection: doze ls lists them, doze kick -h the flags")
	}
	d, _, err := w.reach(ctx, log)
	if err != nil {
		return err
	}
	for _, id := range ids {
		k, err := kickOne(ctx, d, id, *reason)
		if err != nil {
			return err
		}
		if *asJSON {
			err = eachAsJSON(out, []kicked{k})
		} else {
			_, err = fmt.Fprintf(out, "%s in %s\n", k.ID, printable(k.Namespace))
		}
		if err != nil {
			return err
		}
	}
	return nil
}

// kicked is a line of doze kick.
type kicked struct {
	ID        string `json:"id"`
	Namespace string `json:"namespace"`
	Client    string `json:"client"`
	Reason    string `json:"reason"`
}

// kickOne has a client closed by way of one of its sockets.
func kickOne(ctx context.Context, d control.Deployment, id, reason string) (kicked, error) {
	c, err := d.Client(ctx, id)
	if err != nil {
		return kicked{}, err
	}
	if len(c.Sockets) == 0 {
		return kicked{}, fmt.Errorf("%s is in no namespace: it is %s, and goes by itself", id, c.State)
	}
	m := c.Sockets[0]
	return kicked{m.ID, m.Namespace, c.Name, reason}, d.Kick(ctx, m.Namespace, m.ID, reason)
}
