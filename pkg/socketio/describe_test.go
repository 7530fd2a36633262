package socketio

import (
	"encoding/json"
	"go/ast"
	"go/parser"
	"go/token"
	"maps"
	"slices"
	"strings"
	"testing"
	"time"
)

// TestEachJobIsDescribed has a job of each kind that Work carries out described.
func TestEachJobIsDescribed(t *testing.T) {
	ack := int64(7)
	for want, work := range map[string]any{
		"ends a question of Then in /a":                                                    overdue{Ack: &ack, Namespace: "/a"},
		"whether the socket abc in /a, which has joined #tea, \xff, is still there":        unconfirmed{Joined: [][]byte{[]byte("#tea"), []byte("\xff")}, Namespace: "/a", Socket: "abc"},
		"counts for those who look at the Admin UI: of no use later":                       watched{json.RawMessage(`{"tick":"x"}`)},
		"disconnects clients of #tea in /a that an emit of 2026-01-02T03:04:05Z has not c": unserved{Namespace: "/a", Parts: []unservedPart{{Room: []byte("#tea")}}, At: time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC)},
		"disconnects sockets of abc in /a":                                                 unserved{Disconnect: &disconnecting{Namespace: "/a", Only: "abc"}},
	} {
		b, err := json.Marshal(map[string]any{"kind": "work", "work": work})
		if err != nil {
			t.Fatal(err)
		}
		if got := DescribeJob(b); !strings.Contains(got, want) {
			t.Errorf("%s is described as\n%s, want %s", b, got, want)
		}
	}
}

// TestWhatIsCarriedOutIsDescribed compares the kinds of work that Work and DescribeJob tell apart.
func TestWhatIsCarriedOutIsDescribed(t *testing.T) {
	kinds := func(file, function string) []string {
		f, err := parser.ParseFile(token.NewFileSet(), file, nil, 0)
		if err != nil {
			t.Fatal(err)
		}
		found := map[string]bool{}
		for _, d := range f.Decls {
			if d, ok := d.(*ast.FuncDecl); ok && d.Name.Name == function {
				ast.Inspect(d, func(n ast.Node) bool {
					if c, ok := n.(*ast.CallExpr); ok {
						if name, ok := c.Fun.(*ast.Ident); ok && strings.HasSuffix(name.Name, "Of") {
							found[name.Name] = true
						}
					}
					return true
				})
			}
		}
		return slices.Sorted(maps.Keys(found))
	}
	carried, described := kinds("unserved.go", "Work"), kinds("describe.go", "DescribeJob")
	if len(carried) < 3 || !slices.Equal(carried, described) {
		t.Errorf("Work tells %q apart, DescribeJob %q", carried, described)
	}
}
