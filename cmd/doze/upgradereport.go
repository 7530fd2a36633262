package main

import (
	"fmt"
	"io"
	"strings"
)

// said are the fates of files that people are told of, in this order, with what they mean.
var said = []struct {
	fate  fate
	means string
}{
	{replaced, "replaced: Doze's, and nobody had changed them"},
	{added, "added"},
	{completed, "completed with what this version needs"},
	{differs, "left as they are: you have changed them, and so has Doze, see below"},
	{yours, "left as they are: you have changed them, and Doze has nothing new"},
	{deleted, "left out: you have deleted them; doze upgrade -take FILE brings one back"},
	{superseded, "left as they are: Doze has no use for them any more, you may delete them"},
}

// report says what is done, or would be done, and what has to be done next.
func (u *upgrading) report(out io.Writer, dry bool) {
	by := map[fate][]step{}
	for _, s := range u.steps {
		by[s.fate] = append(by[s.fate], s)
	}
	switch {
	case len(u.changes) == 0 && len(by[differs]) == 0:
		fmt.Fprintf(out, "%s is of %s already.\n", u.module, u.toVersion())
	case len(u.changes) == 0:
		fmt.Fprintf(out, "%s is of %s, but for what you have changed.\n", u.module, u.toVersion())
	case dry:
		fmt.Fprintf(out, "This is what bringing %s to %s would do. Nothing is done.\n", u.module, u.toVersion())
	default:
		fmt.Fprintf(out, "%s is brought to %s.\n", u.module, u.toVersion())
	}
	for _, s := range said {
		if len(by[s.fate]) == 0 {
			continue
		}
		fmt.Fprintf(out, "\n%s\n", s.means)
		for _, f := range by[s.fate] {
			fmt.Fprintf(out, "    %s\n", f.name)
		}
	}
	for _, s := range by[differs] {
		fmt.Fprintf(out, "\n%s", s.diff)
	}
	if len(by[differs]) > 0 {
		fmt.Fprintf(out, "\nLines with - are yours, those with + are Doze's. Take over what you want, and the first line with it: it says that you\nhave seen this version. To take all of a file: doze upgrade -take %s\n", by[differs][0].name)
	}
	if len(u.changes) > 0 && !dry {
		fmt.Fprintf(out, "\nNext:\n\n%s", guides(u.next(), "    "))
	}
}

// guide is a command that people are told to run, and why; without a command it is only something to know.
type guide struct{ command, why string }

// guides writes commands one below the other, as a shell takes them.
func guides(all []guide, indent string) string {
	width := 0
	for _, g := range all {
		if len(g.command) < 40 {
			width = max(width, len(g.command))
		}
	}
	var text strings.Builder
	for _, g := range all {
		line := g.command
		if g.why != "" && line != "" {
			line = fmt.Sprintf("%-*s    # %s", width, line, g.why)
		} else if g.why != "" {
			line = "# " + g.why
		}
		text.WriteString(indent + line + "\n")
	}
	return text.String()
}
