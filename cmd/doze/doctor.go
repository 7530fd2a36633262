package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"

	"github.com/dozeio/doze/internal/doctor"
)

const doctorUsage = `usage: doze doctor -stack NAME [flags]

Reads what the account allows, how a stack is set, and what it has open, and says in plain words what is wrong, what to
raise, and what that costs. It changes nothing. What it may not read is said, too, and the rest goes on. It ends with 1
when something is wrong, and with 0 when there is only something to raise.

docs/operate.md lists the rights that it needs.

`

// examine runs doze doctor.
func examine(ctx context.Context, args []string, out io.Writer) error {
	var w where
	f := flag.NewFlagSet("doze doctor", flag.ContinueOnError)
	f.StringVar(&w.dev, "dev", "", "not here: doze dev has neither quotas nor a stack")
	f.StringVar(&w.stack, "stack", "", "`name` of the stack")
	f.StringVar(&w.endpoint, "endpoint", "", "`URL` of a server that answers like AWS (default: AWS_ENDPOINT_URL, else AWS)")
	all := f.Bool("all", false, "print the checks that find nothing, too")
	asJSON := f.Bool("json", false, "print a line of JSON for each check, also for those that find nothing")
	if err := parseFlags(f, doctorUsage, args, out); err != nil {
		return err
	}
	switch {
	case w.dev != "":
		return errors.New("doze dev has neither quotas nor a stack: doze ls and doze top look at it")
	case w.stack == "":
		return errors.New("which stack? -stack NAME; doze doctor -h lists the flags")
	}
	cfg, err := w.config(ctx)
	if err != nil {
		return err
	}
	findings, err := doctor.Examine(ctx, cfg, w.stack)
	if err != nil {
		return err
	}
	counts := map[doctor.Level]int{}
	for _, found := range findings {
		counts[found.Level]++
	}
	if *asJSON {
		err = eachAsJSON(out, findings)
	} else {
		err = sayFindings(out, findings, counts, *all)
	}
	if n := counts[doctor.Wrong]; err == nil && n > 0 {
		err = fmt.Errorf("%s wrong with the stack %s", map[bool]string{true: "1 thing is", false: fmt.Sprint(n, " things are")}[n == 1], w.stack)
	}
	return err
}

// sayFindings writes findings for people.
func sayFindings(out io.Writer, findings []doctor.Finding, counts map[doctor.Level]int, all bool) error {
	for _, found := range findings {
		if found.Level == doctor.Fine && !all {
			continue
		}
		fmt.Fprintf(out, "%-8s%s: %s\n", found.Level, found.Check, printable(found.Says))
		if found.Do != "" {
			fmt.Fprintf(out, "        do: %s\n", found.Do)
		}
		if found.Costs != "" {
			fmt.Fprintf(out, "        costs: %s\n", found.Costs)
		}
	}
	_, err := fmt.Fprintf(out, "%d wrong, %d to raise, %d unknown, %d fine\n", counts[doctor.Wrong], counts[doctor.Raise], counts[doctor.Unknown], counts[doctor.Fine])
	return err
}
