// Command doze runs a Doze application on one machine, and helps with one's own:
//
//	doze dev [flags]        runs the chat of package app, on the embedded store
//	doze serve [flags]      runs the chat for whoever reaches this machine
//	doze gateway [flags]    runs the local API Gateway before functions that are deployed
//	doze new [flags] DIR    writes a small application of one's own
//	doze upgrade [flags]    brings such an application to this version of Doze
//	doze cost [flags]       estimates the monthly bill of a deployment
//	doze verify [flags] URL asks a deployment what Doze takes for granted of AWS
//	doze emit [flags] EVENT [ARGUMENT...]    sends an event to a deployment's clients
//	doze rooms [flags]      lists its rooms
//	doze sockets [flags]    lists its sockets
//	doze ls [flags]         lists the sockets of all its namespaces
//	doze show [flags] SOCKET                 shows all that is known of a client
//	doze kick [flags] SOCKET...              disconnects clients, with a reason in the log
//	doze drain [flags]      ends all its connections, so many a second
//	doze redrive [flags] [MESSAGE...]        shows the dead letters, and sends them again
//	doze doctor -stack NAME [flags]          says what is wrong with a stack, and what to raise
//	doze top [flags]        shows what a deployment does, again and again
//	doze disconnect [flags] disconnects sockets
//	doze tail [flags] [ROOM...]              prints the events of rooms as they come
//	doze version            prints the version of this program, as doze -v does
package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"

	"github.com/dozeio/doze/internal/commandline"
	"github.com/dozeio/doze/pkg/verify"
)

const usage = `usage: doze dev|serve|gateway|new|upgrade|cost|verify|emit|rooms|sockets|ls|show|kick|drain|redrive|doctor|top|disconnect|tail|version [flags]

  dev         run the chat on this machine: nothing to install, nothing is kept
  serve       run the chat on this machine for everybody, behind a proxy
  gateway     run the local API Gateway before the functions of a stack
  new         write a small application of one's own to a new folder
  upgrade     bring an application that doze new has written to this version of Doze
  cost        estimate the monthly bill of a deployment
  verify      ask a deployment what Doze takes for granted of AWS
  emit        send an event to the clients of a deployment
  rooms       list its rooms
  sockets     list its sockets
  ls          list the sockets of all its namespaces
  show        show all that is known of a client
  kick        disconnect clients, with a reason in the log
  drain       end all its connections, so many a second
  redrive     show the dead letters, and send them again
  doctor      say what is wrong with a stack, what to raise, and what that costs
  top         show what a deployment does, again and again
  disconnect  disconnect sockets
  tail        print the events of rooms as they come
  version     print the version of this program, or the commit that it was built from

doze dev -h lists the flags of dev, and so on.`

func main() {
	ctx := commandline.Interruptible()
	commandline.Exit(ctx, "doze", run(ctx, os.Args[1:], os.Stdout, os.Stderr))
}

// run runs a command. What is asked for goes to out, what is said meanwhile to log; what is wrong is the error.
func run(ctx context.Context, args []string, out, log io.Writer) error {
	if len(args) == 0 {
		fmt.Fprint(log, usage, "\n\n")
		return errors.New("name a command")
	}
	switch args[0] {
	case "-h", "-help", "--help", "help":
		fmt.Fprintln(out, usage)
		return nil
	case "version", "-v", "-version", "--version":
		return printVersion(verify.Version(), args[1:], out, log)
	case "dev":
		return dev(ctx, args[1:], out, log)
	case "serve":
		return serveChat(ctx, args[1:], out, log)
	case "gateway":
		return serveGateway(ctx, args[1:], out, log)
	case "new":
		return newProject(args[1:], out)
	case "upgrade":
		return upgrade(args[1:], out)
	case "cost":
		return cost(args[1:], out)
	case "verify":
		return verifyDeployment(ctx, args[1:], out, log)
	case "emit":
		return emit(ctx, args[1:], out, log)
	case "rooms":
		return listRooms(ctx, args[1:], out, log)
	case "sockets":
		return listSockets(ctx, args[1:], out, log)
	case "ls":
		return ls(ctx, args[1:], out, log)
	case "show":
		return show(ctx, args[1:], out, log)
	case "kick":
		return kick(ctx, args[1:], out, log)
	case "drain":
		return drain(ctx, args[1:], out, log)
	case "redrive":
		return redrive(ctx, args[1:], out, log)
	case "doctor":
		return examine(ctx, args[1:], out)
	case "top":
		return top(ctx, args[1:], out)
	case "disconnect":
		return disconnect(ctx, args[1:], out, log)
	case "tail":
		return tail(ctx, args[1:], out, log)
	}
	fmt.Fprint(log, usage, "\n\n")
	return fmt.Errorf("unknown command %q", args[0])
}
