// Command doze runs a Doze application on one machine, and helps with one's own:
//
//	doze dev [flags]        runs the chat of package app, on the embedded store, behind the local API Gateway
//	doze gateway [flags]    runs the local API Gateway before functions that are deployed
//	doze new [flags] DIR    writes a small application of one's own
//	doze cost [flags]       estimates the monthly bill of a deployment
//	doze verify [flags] URL asks a deployment what Doze takes for granted of AWS
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"os/signal"
	"syscall"
)

const usage = `usage: doze dev|gateway|new|cost|verify [flags]

  dev       run the chat on this machine: nothing to install, nothing is kept
  gateway   run the local API Gateway before the functions of a stack
  new       write a small application of one's own to a new folder
  cost      estimate the monthly bill of a deployment
  verify    ask a deployment what Doze takes for granted of AWS

doze dev -h lists the flags of dev, and so on.`

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	context.AfterFunc(ctx, stop) // a second Ctrl-C ends it at once
	if err := run(ctx, os.Args[1:], os.Stdout, os.Stderr); errors.Is(err, flag.ErrHelp) {
		os.Exit(2)
	} else if err != nil {
		fmt.Fprintln(os.Stderr, "doze:", err)
		os.Exit(1)
	}
}

func run(ctx context.Context, args []string, out, log io.Writer) error {
	if len(args) == 1 && (args[0] == "-h" || args[0] == "--help" || args[0] == "help") {
		fmt.Fprintln(out, usage)
		return nil
	}
	if len(args) > 0 {
		switch args[0] {
		case "dev":
			return dev(ctx, args[1:], out, log)
		case "gateway":
			return serveGateway(ctx, args[1:], out, log)
		case "new":
			return newProject(args[1:], out, log)
		case "cost":
			return cost(args[1:], out, log)
		case "verify":
			return verifyDeployment(ctx, args[1:], out, log)
		}
	}
	fmt.Fprintln(log, usage)
	if len(args) > 0 {
		return fmt.Errorf("there is no command %q", args[0])
	}
	return flag.ErrHelp
}
