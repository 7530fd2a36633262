// Command results adds up what groups of tests have written with gotestsum --jsonfile, one file each:
//
//	go run ./tests/kit/results FILE...
//
// It names what has failed and what was skipped, and its last line is "N passed, N failed". It exits with 1 when
// something failed, when a file is missing, and when one ends before its tests do.
package main

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"slices"
)

func main() {
	var all sum
	for _, name := range os.Args[1:] {
		f, err := os.Open(name)
		if err == nil {
			err = errors.Join(all.add(f), f.Close())
		}
		if err != nil {
			all.failed = append(all.failed, fmt.Sprintf("%s: %v", name, err))
		}
	}
	all.print(os.Stdout)
	if len(all.failed) > 0 || all.passed == 0 {
		os.Exit(1)
	}
}

// sum is what became of all tests, subtests included.
type sum struct {
	passed          int
	failed, skipped []string // names; a package in which no test failed counts as one
}

// add reads the events of go test -json.
func (s *sum) add(events io.Reader) error {
	running := map[string]bool{} // packages, and whether one of their tests has failed
	for d := json.NewDecoder(events); ; {
		var e struct{ Action, Package, Test string }
		if err := d.Decode(&e); err == io.EOF {
			break
		} else if err != nil {
			return err
		}
		name := e.Package + " " + e.Test
		switch {
		case e.Action == "start":
			running[e.Package] = false
		case e.Test == "" && (e.Action == "pass" || e.Action == "skip"): // a package is skipped that has no tests
			delete(running, e.Package)
		case e.Test == "" && e.Action == "fail":
			if !running[e.Package] {
				s.failed = append(s.failed, e.Package)
			}
			delete(running, e.Package)
		case e.Action == "pass":
			s.passed++
		case e.Action == "fail":
			s.failed = append(s.failed, name)
			running[e.Package] = true
		case e.Action == "skip":
			s.skipped = append(s.skipped, name)
		}
	}
	for name := range running {
		s.failed = append(s.failed, name+" did not end")
	}
	return nil
}

func (s *sum) print(w io.Writer) {
	for _, list := range []struct {
		what  string
		names []string
	}{{"failed", s.failed}, {"skipped", s.skipped}} {
		slices.Sort(list.names)
		for _, name := range list.names {
			fmt.Fprintf(w, "%s: %s\n", list.what, name)
		}
	}
	fmt.Fprintf(w, "%d skipped\n%d passed, %d failed\n", len(s.skipped), s.passed, len(s.failed))
}
