// Command doze runs a Doze application on one machine:
//
//	doze dev [flags]    the chat of package app, on the embedded store, behind the local API Gateway
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

const usage = `usage: doze dev [flags]

  dev    run the chat on this machine: nothing to install, nothing is kept

doze dev -h lists its flags.`

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
	if len(args) == 0 || args[0] != "dev" {
		fmt.Fprintln(log, usage)
		return flag.ErrHelp
	}
	return dev(ctx, args[1:], out, log)
}
