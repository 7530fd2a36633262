package docs

import (
	"maps"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
)

const nodePage = "docs/from-node.md"

// goName is what stands in backquotes for something that Doze exports: Server.Of, or engine.Options.MaxPayload.
var goName = regexp.MustCompile("`(?:([a-z]+)\\.)?([A-Z]\\w*(?:\\.[A-Z]\\w*)?)`")

// packages are those that the page may name something of. "" is socketio.
var packages = map[string]string{
	"": "pkg/socketio", "engine": "pkg/engine", "devserver": "pkg/devserver", "socketiotest": "pkg/socketio/socketiotest",
	"backend": "functions/backend", "emitter": "pkg/emitter",
}

// TestThePageAboutNodeNamesWhatDozeHas compares docs/from-node.md with what the package socketio exports.
func TestThePageAboutNodeNamesWhatDozeHas(t *testing.T) {
	exported := map[string]map[string]bool{}
	for name, dir := range packages {
		names, err := Exported(filepath.Join(root, dir))
		if err != nil {
			t.Fatal(err)
		}
		exported[name] = names
	}
	named := map[string]bool{}
	for _, row := range Rows(page(t, nodePage)) {
		cell := row.Cells[min(1, len(row.Cells)-1)]
		if row.Section == "What Node does not have" {
			cell = row.Cells[0]
		}
		for _, m := range goName.FindAllStringSubmatch(cell, -1) {
			if !exported[m[1]][m[2]] {
				t.Errorf("%s, %q: Doze has no %s", nodePage, row.Section, m[0])
			}
			if m[1] == "" {
				named[m[2]] = true
			}
		}
		for _, m := range goName.FindAllStringSubmatch(strings.Join(row.Cells, " "), -1) { // in what else it says
			if owner, _, isPart := strings.Cut(m[2], "."); isPart && exported[m[1]][owner] && !exported[m[1]][m[2]] {
				t.Errorf("%s, %q: Doze has no %s", nodePage, row.Section, m[0])
			}
		}
	}
	ours := exported[""]
	if len(ours) < 50 {
		t.Fatalf("found %d names in socketio", len(ours))
	}
	for _, name := range slices.Sorted(maps.Keys(ours)) {
		owner, part, isPart := strings.Cut(name, ".")
		switch {
		case !ours[name] || named[name]:
		case isPart && (part == "Error" || part == "Unwrap"): // of errors
		case isPart && !slices.Contains([]string{"Server", "Namespace", "Socket", "Broadcast", "Options", "Handshake"}, owner):
		case slices.Contains([]string{"Server", "Namespace", "Socket", "Broadcast", "Options", "Handshake"}, name):
		default:
			t.Errorf("no table of %s names %s: add a row to it", nodePage, name)
		}
	}
}

func TestMembersAreRead(t *testing.T) {
	const text = `export interface Options {
    /**
     * path(x)
     */
    path?: string;
    deep: {
        deeper: number;
    };
}
export declare class Server<
A = any> extends Emitter {
    private secret;
    protected inner(): void;
    static readonly errors: 1;
    _id: number;
    constructor(x: number);
    get flag(): this;
    to<Ev>(room: string): this;
}
`
	for name, want := range map[string][]string{"Options": {"path", "deep"}, "Server": {"errors", "flag", "to"}} {
		if got, err := Members(text, name); err != nil || !slices.Equal(got, want) {
			t.Errorf("%s: %q %v, want %q", name, got, err, want)
		}
	}
	if _, err := Members(text, "Serve"); err == nil {
		t.Error("a class that is not there has members")
	}
	rows := Rows("## A\n\n| a | b |\n|---|---|\n| `x` | `Y` |\n\n## B\n| c |\n|---|\n| `z` |\n")
	if len(rows) != 2 || rows[0].Section != "A" || rows[0].Cells[1] != "`Y`" || rows[1].Section != "B" || rows[1].Cells[0] != "`z`" {
		t.Errorf("%+v", rows)
	}
}
