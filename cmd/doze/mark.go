package main

import (
	"crypto/sha256"
	"encoding/hex"
	"go/format"
	"path"
	"regexp"
	"slices"
	"strconv"
	"strings"
)

// isDozes says whether a file of a project is Doze's, which doze upgrade replaces as long as nobody changes it. The
// others are the project's own from the first.
func isDozes(name string) bool {
	return slices.Contains([]string{".gitignore", "Makefile", "samconfig.toml", "template.yaml", "cmd/dev/main.go"}, name) ||
		strings.HasPrefix(name, "functions/")
}

// comment is how a line of comment begins in a file of Doze's. go.mod and go.sum have no mark: doze upgrade adds to
// them what is missing.
func comment(name string) string {
	if path.Ext(name) == ".go" {
		return "// "
	}
	return "# "
}

// mark is the first line of a file of Doze's, as Doze writes it: which version it is, and the hash of its text.
type mark struct {
	version string // a release's, or unreleased
	hash    string // of the text, see project.hash
}

const unreleased = "unreleased"

var marking = regexp.MustCompile(`^\W*doze (\S+) ([0-9a-f]{16}):`) // also after a byte order mark

// marked puts a mark before the text of a file.
func (m mark) marked(name, text string) string {
	line := comment(name) + "doze " + m.version + " " + m.hash + ": doze upgrade replaces this file unless somebody has changed it\n"
	if path.Ext(name) == ".go" {
		line += "\n" // so that it is no part of the package's comment
	}
	return line + text
}

// unmarked takes the mark off a file, whose lines may end as on Windows; found is false when there is none. Somebody
// may have put lines before it, such as a licence.
func unmarked(name, text string) (m mark, rest string, found bool) {
	text = strings.ReplaceAll(text, "\r\n", "\n")
	before := 0
	for line := range strings.Lines(text) {
		parts := marking.FindStringSubmatch(line)
		if parts == nil {
			before += len(line)
			continue
		}
		rest := text[before+len(line):]
		if path.Ext(name) == ".go" {
			rest = strings.TrimPrefix(rest, "\n")
		}
		return mark{version: parts[1], hash: parts[2]}, text[:before] + rest, true
	}
	return mark{}, text, false
}

var stackName = regexp.MustCompile(`(?m)^stack_name = "(.*)"$`)

// hash tells whether somebody has changed a file of Doze's: it is the same for the same text in any project, whatever
// the names of its module and stack are.
func (p project) hash(name, text string) string {
	if path.Ext(name) == ".go" {
		text = strings.ReplaceAll(text, `"`+p.module+"/", `"project/`)
		if sorted, err := format.Source([]byte(text)); err == nil { // the imports are in another order now
			text = string(sorted)
		}
	}
	if name == "samconfig.toml" {
		text = stackName.ReplaceAllLiteralString(text, "stack_name = "+strconv.Quote("project"))
	}
	sum := sha256.Sum256([]byte(text))
	return hex.EncodeToString(sum[:8])
}
