//go:build full

package docs

import (
	"maps"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
)

// nodes says where npm's socket.io declares what a section of docs/from-node.md has rows for: file and class or
// interface.
var nodes = map[string][][2]string{
	"Server":            {{"socket.io/dist/index.d.ts", "Server"}},
	"Namespace":         {{"socket.io/dist/namespace.d.ts", "Namespace"}},
	"Socket":            {{"socket.io/dist/socket.d.ts", "Socket"}},
	"BroadcastOperator": {{"socket.io/dist/broadcast-operator.d.ts", "BroadcastOperator"}},
	"RemoteSocket":      {{"socket.io/dist/broadcast-operator.d.ts", "RemoteSocket"}},
	"Every emitter":     {{"socket.io/dist/typed-events.d.ts", "StrictEventEmitter"}},
	"Events": {{"socket.io/dist/namespace.d.ts", "NamespaceReservedEventsMap"}, {"socket.io/dist/namespace.d.ts", "ServerReservedEventsMap"},
		{"socket.io/dist/socket-types.d.ts", "SocketReservedEventsMap"}},
	"Handshake": {{"socket.io/dist/socket-types.d.ts", "Handshake"}},
	"Options": {{"socket.io/dist/index.d.ts", "ServerOptions"}, {"engine.io/build/server.d.ts", "ServerOptions"},
		{"engine.io/build/server.d.ts", "AttachOptions"}},
	"io.engine":   {{"engine.io/build/server.d.ts", "BaseServer"}, {"engine.io/build/server.d.ts", "Server"}},
	"socket.conn": {{"engine.io/build/socket.d.ts", "Socket"}},
}

// TestThePageAboutNodeNamesWhatNodeHas compares docs/from-node.md with the declarations of npm's socket.io.
func TestThePageAboutNodeNamesWhatNodeHas(t *testing.T) {
	theirs := map[string]map[string]bool{"Disconnect reasons": reasons(t)}
	for section, places := range nodes {
		theirs[section] = map[string]bool{}
		for _, p := range places {
			names, err := Members(declarations(t, p[0]), p[1])
			if err != nil {
				t.Fatalf("%s: %v", p[0], err)
			}
			for _, name := range names {
				theirs[section][name] = true
			}
		}
	}
	named := map[string]map[string]bool{}
	for _, row := range Rows(page(t, nodePage)) {
		if theirs[row.Section] == nil {
			continue
		}
		if named[row.Section] == nil {
			named[row.Section] = map[string]bool{}
		}
		for _, m := range quoted.FindAllStringSubmatch(row.Cells[0], -1) {
			if named[row.Section][m[1]] {
				t.Errorf("%q of %s has two rows for %s", row.Section, nodePage, m[1])
			}
			named[row.Section][m[1]] = true
		}
	}
	for _, section := range slices.Sorted(maps.Keys(theirs)) {
		for _, name := range slices.Sorted(maps.Keys(theirs[section])) {
			if !named[section][name] {
				t.Errorf("%q of %s has no row for Node's %s", section, nodePage, name)
			}
		}
		for _, name := range slices.Sorted(maps.Keys(named[section])) {
			if !theirs[section][name] {
				t.Errorf("%q of %s has a row for %s, which Node does not have", section, nodePage, name)
			}
		}
	}
}

func declarations(t *testing.T, name string) string {
	t.Helper()
	b, err := os.ReadFile(filepath.Join(root, "tests", "node_modules", name))
	if err != nil {
		t.Fatalf("%v: run make tests/node_modules", err)
	}
	return string(b)
}

// reasons returns those that a socket is disconnected for.
func reasons(t *testing.T) map[string]bool {
	t.Helper()
	_, list, ok := strings.Cut(declarations(t, "socket.io/dist/socket-types.d.ts"), "type DisconnectReason =")
	list, _, ended := strings.Cut(list, ";")
	all := map[string]bool{}
	for _, m := range regexp.MustCompile(`"([^"]+)"`).FindAllStringSubmatch(list, -1) {
		all[m[1]] = true
	}
	if !ok || !ended || len(all) == 0 {
		t.Fatal("found no reasons")
	}
	return all
}
