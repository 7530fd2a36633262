package main

import (
	"errors"
	"flag"
	"fmt"
	"io"
	"slices"
	"strings"

	"github.com/dozeio/doze/internal/commandline"
)

// errEmpty says of what is empty that a shell makes that of a variable that is not set. It would mean another
// deployment, another namespace, or everybody.
var errEmpty = errors.New("is empty: leave it out, or set it; is a variable of the shell not set?")

// parse is commandline.Parse for a command that looks at a deployment, or does something to it. A flag that is given
// and empty is an error. That of an unknown flag says how to write an argument that looks like one.
func parse(f *flag.FlagSet, usage string, args []string, out io.Writer) ([]string, error) {
	rest, err := commandline.Parse(f, usage, args, out)
	switch {
	case err == nil:
		err = emptyFlag(f)
	case strings.HasPrefix(err.Error(), "flag provided but not defined: "): // such as an id: one in 64 begins with -
		err = fmt.Errorf("%w; an id or argument that begins with - comes after --", err)
	}
	return rest, err
}

// parseFlags is parse for a command that takes flags only.
func parseFlags(f *flag.FlagSet, usage string, args []string, out io.Writer) error {
	if err := commandline.ParseFlags(f, usage, args, out); err != nil {
		return err
	}
	return emptyFlag(f)
}

func emptyFlag(f *flag.FlagSet) (err error) {
	f.Visit(func(one *flag.Flag) {
		if text, ok := one.Value.(flag.Getter); ok && text.Get() == "" && err == nil {
			err = fmt.Errorf("-%s %w", one.Name, errEmpty)
		}
	})
	return err
}

// emptyArgument returns an error for an id or a name among arguments that is empty.
func emptyArgument(what string, args []string) error {
	if slices.Contains(args, "") {
		return fmt.Errorf("%s %w", what, errEmpty)
	}
	return nil
}
