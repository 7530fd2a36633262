// Package commandline is how the commands of this repository read their flags and say what is wrong with them: the
// error is the last line, and names the command as it was called, also through make.
package commandline

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"os/signal"
	"strings"
	"syscall"
)

// Parse reads args into f, whose name is the command's, such as "doze dev". Flags may follow what is no flag, which
// Parse returns. When -h is among them, usage and the flags go to out, and the error is flag.ErrHelp. Any other error
// says what is wrong and how to see the flags; nothing else is printed.
func Parse(f *flag.FlagSet, usage string, args []string, out io.Writer) (rest []string, err error) {
	f.Init(f.Name(), flag.ContinueOnError)
	f.SetOutput(io.Discard)
	f.Usage = func() {}
	for {
		err := f.Parse(args)
		if errors.Is(err, flag.ErrHelp) {
			fmt.Fprint(out, usage)
			f.SetOutput(out)
			f.PrintDefaults()
			return nil, flag.ErrHelp
		} else if err != nil {
			return nil, fmt.Errorf("%w; %s lists the flags", explained(f, err), With(f.Name(), "-h"))
		}
		if f.NArg() == 0 {
			return rest, nil
		}
		if read := len(args) - f.NArg(); read > 0 && args[read-1] == "--" {
			return append(rest, f.Args()...), nil
		}
		rest, args = append(rest, f.Arg(0)), f.Args()[1:]
	}
}

// ParseFlags is Parse for a command that takes flags only.
func ParseFlags(f *flag.FlagSet, usage string, args []string, out io.Writer) error {
	rest, err := Parse(f, usage, args, out)
	if err == nil && len(rest) > 0 {
		return fmt.Errorf("unexpected argument %q: %s takes flags only, %s lists them", rest[0], f.Name(), With(f.Name(), "-h"))
	}
	return err
}

// As names the environment variable in which a Makefile says how people call what it runs, such as "make dev". Flags
// are then passed in ARGS.
const As = "DOZE_AS"

// With returns how the command of this name is called with flags, such as "doze dev -h" or "make dev ARGS='-h'". Of a name
// of one word, such as that of an example or of a project's own program, nobody knows how people run it, by go run or by
// a path: With returns the flags alone.
func With(name, flags string) string {
	as := os.Getenv(As)
	switch {
	case as != "":
		return fmt.Sprintf("%s ARGS='%s'", as, flags)
	case !strings.Contains(name, " "):
		return flags
	}
	return name + " " + flags
}

// Usage returns the beginning of the help of a command that takes flags only.
func Usage(name string) string {
	call := name + " [flags]"
	if os.Getenv(As) != "" {
		call = With(name, "[flags]")
	}
	return "usage: " + call + "\n\n"
}

// Interruptible returns a context that ends with Ctrl-C or SIGTERM. A second one ends the process at once.
func Interruptible() context.Context {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	context.AfterFunc(ctx, stop)
	return ctx
}

// interrupted is what shells make of SIGINT.
const interrupted = 130

// Exit ends the process of a command that has returned err: with 0 for nil and flag.ErrHelp, with 130 and a word where
// the error is that ctx has ended, else with 1 and the error. A command that runs until it is
// interrupted returns nil then.
func Exit(ctx context.Context, name string, err error) {
	text, status := status(ctx, name, err)
	if text != "" {
		fmt.Fprintln(os.Stderr, text)
	}
	os.Exit(status)
}

func status(ctx context.Context, name string, err error) (text string, status int) {
	switch {
	case err == nil, errors.Is(err, flag.ErrHelp):
		return "", 0
	case ctx.Err() != nil && errors.Is(err, context.Canceled):
		return name + ": interrupted", interrupted
	}
	return name + ": " + err.Error(), 1
}
