package main

import (
	"cmp"
	"context"
	"encoding/json"
	"flag"
	"fmt"
	"io"
	"net/url"
	"os"
	"strings"
	"time"

	"github.com/dozeio/doze/internal/commandline"
	"github.com/dozeio/doze/pkg/verify"
)

const verifyUsage = `usage: doze verify [flags] URL

Asks the deployment at URL, which its output Address has, what Doze takes for granted of AWS. Prints a table, and fails
where something differs on which Doze depends. Most questions need the template's parameter Verify=yes, or doze dev -verify.

`

// verifyDeployment runs doze verify.
func verifyDeployment(ctx context.Context, args []string, out, log io.Writer) error {
	var o verify.Options
	f := flag.NewFlagSet("doze verify", flag.ContinueOnError)
	f.StringVar(&o.WebSocket, "websocket", "", "`URL` of the WebSocket API with its stage, the output WebSocketAddress (default: where the deployment sends its pages)")
	f.StringVar(&o.Origin, "origin", "", "`origin` to come from with every request, as a page does")
	f.BoolVar(&o.Long, "long", false, "wait for 20 pings too, which takes 20 times PingInterval")
	f.BoolVar(&o.Flood, "flood", false, "send 3,000 messages at once too, which disturbs others")
	f.IntVar(&o.Rounds, "rounds", 20, "how often what is measured is done")
	f.IntVar(&o.Clients, "clients", 10, "clients that a broadcast goes to, at most 49")
	only := f.String("only", "", "`ids` of questions, separated by commas (default: all)")
	file := f.String("json", "", "`file` to write the report to, to keep")
	timeout := f.Duration("timeout", 0, "time for all of it (default: 10m, with -long 3h)")
	urls, err := parse(f, verifyUsage, args, out)
	if err != nil {
		return err
	}
	if len(urls) != 1 {
		return fmt.Errorf("doze verify asks one deployment, not %d: doze verify https://HOST, doze verify -h lists the flags", len(urls))
	}
	if err := cmp.Or(commandline.Least(f, "rounds", 1), commandline.Between(f, "clients", 1, 49), commandline.Least(f, "timeout", time.Second)); err != nil {
		return err
	}
	if u, err := url.Parse(o.Origin); o.Origin != "" && o.Origin != "null" && (err != nil || u.Scheme == "" || u.Opaque != "" || strings.Count(o.Origin, "/") != 2) {
		return fmt.Errorf("-origin %q is no origin: write the scheme and the host, without a slash at the end, as in https://chat.example.com", o.Origin)
	}
	o.URL = urls[0]
	if *only != "" {
		o.Only = strings.Split(*only, ",")
	}
	if *timeout == 0 {
		*timeout = 10 * time.Minute
		if o.Long {
			*timeout = 3 * time.Hour
		}
	}
	o.Tell = func(f verify.Fact) { fmt.Fprintf(log, "%-8s %s\n", f.Verdict, f.ID) }
	if *file != "" { // before the questions, which may take hours
		sayUnknown(verify.Version(), log) // the report, which is to be kept, names the version
		if err := os.WriteFile(*file, nil, 0o644); err != nil {
			return err
		}
	}
	limited, cancel := context.WithTimeout(ctx, *timeout)
	defer cancel()
	report, err := verify.Run(limited, o)
	if err != nil {
		return err
	}
	fmt.Fprintln(log)
	if err := report.Print(out); err != nil {
		return err
	}
	if *file != "" {
		text, err := json.MarshalIndent(report, "", "\t")
		if err != nil {
			return err
		}
		if err := os.WriteFile(*file, append(text, '\n'), 0o644); err != nil {
			return err
		}
	}
	if ctx.Err() != nil {
		return fmt.Errorf("the questions were interrupted: %w", ctx.Err())
	}
	if failed := report.Failed(); len(failed) > 0 {
		var ids []string
		for _, f := range failed {
			ids = append(ids, f.ID)
		}
		return fmt.Errorf("something differs on which Doze depends: %s", strings.Join(ids, ", "))
	}
	return nil
}
