package main

import (
	"flag"
	"fmt"
	"io"

	"github.com/dozeio/doze/internal/commandline"
)

const versionUsage = `usage: doze version

Prints the version of this program, such as v1.2.3, or the commit that it was built from, or else unknown.

`

// unknownVersion is what verify.Version returns of a program that was built without one.
const unknownVersion = "unknown"

// printVersion runs doze version, of a program of that version.
func printVersion(version string, args []string, out, log io.Writer) error {
	rest, err := commandline.Parse(flag.NewFlagSet("doze version", flag.ContinueOnError), versionUsage, args, out)
	if err != nil {
		return err
	}
	if len(rest) > 0 {
		return fmt.Errorf("unexpected argument %q: doze version takes none", rest[0])
	}
	fmt.Fprintln(out, version)
	sayUnknown(version, log)
	return nil
}

// sayUnknown says, when the version of this program is not known, how to build one that knows.
func sayUnknown(version string, log io.Writer) {
	if version != unknownVersion {
		return
	}
	fmt.Fprint(log, "doze: this program does not know its version: go run and go build -buildvcs=false leave the commit out. In a clone of Doze\n"+
		"go build -buildvcs=true -o bin/doze ./cmd/doze notes the commit; go install "+ours+"/cmd/doze@VERSION notes the version.\n")
}
