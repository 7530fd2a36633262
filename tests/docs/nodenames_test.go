//go:build full

package docs

import (
	"maps"
	"os"
	"os/exec"
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
	"Client":    {{"socket.io/dist/client.d.ts", "Client"}},
	"Adapter":   {{"socket.io-adapter/dist/in-memory-adapter.d.ts", "Adapter"}},
	"Flags":     {{"socket.io-adapter/dist/in-memory-adapter.d.ts", "BroadcastFlags"}},
	"Handshake": {{"socket.io/dist/socket-types.d.ts", "Handshake"}},
	"Options": {{"socket.io/dist/index.d.ts", "ServerOptions"}, {"engine.io/build/server.d.ts", "ServerOptions"},
		{"engine.io/build/server.d.ts", "AttachOptions"}},
	"io.engine":   {{"engine.io/build/server.d.ts", "BaseServer"}, {"engine.io/build/server.d.ts", "Server"}},
	"socket.conn": {{"engine.io/build/socket.d.ts", "Socket"}},
}

// emitted says where npm's socket.io emits what a section has rows for, which no declaration names: file, and what is
// before the name.
var emitted = map[string][][2]string{
	"Events of io.engine":   {{"engine.io/build/server.js", "this.emit("}, {"engine.io/build/socket.js", "this.server.emit("}},
	"Events of socket.conn": {{"engine.io/build/socket.js", "this.emit("}},
	"Adapter":               {{"socket.io-adapter/dist/in-memory-adapter.js", "this.emit("}},
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
	for section, places := range emitted {
		if theirs[section] == nil {
			theirs[section] = map[string]bool{}
		}
		for _, p := range places {
			found := regexp.MustCompile(regexp.QuoteMeta(p[1])+`"([^"]+)"`).FindAllStringSubmatch(declarations(t, p[0]), -1)
			if len(found) == 0 {
				t.Fatalf("%s emits nothing by %s", p[0], p[1])
			}
			for _, m := range found {
				theirs[section][m[1]] = true
			}
		}
	}
	for _, own := range []string{"close", "finish"} { // of an http.ServerResponse, which the file makes a stand-in for
		delete(theirs["Events of io.engine"], own)
	}
	theirs["Recovery"] = recovery(t)
	for _, name := range emitterMethods(t) {
		theirs["Every emitter"][name] = true
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

// recovery returns what the option connectionStateRecovery has.
func recovery(t *testing.T) map[string]bool {
	t.Helper()
	_, inside, _ := strings.Cut(declarations(t, "socket.io/dist/index.d.ts"), "connectionStateRecovery: {")
	inside, _, _ = strings.Cut(inside, "\n    };")
	all := map[string]bool{}
	for _, m := range regexp.MustCompile(`(?m)^        (\w+)\?:`).FindAllStringSubmatch(inside, -1) {
		all[m[1]] = true
	}
	if len(all) == 0 {
		t.Fatal("found no options of connectionStateRecovery")
	}
	return all
}

// emitterMethods returns what Node's EventEmitter has, which io, namespaces and sockets are.
func emitterMethods(t *testing.T) (names []string) {
	t.Helper()
	const script = `console.log(Object.getOwnPropertyNames(require("events").prototype).filter((n) => n !== "constructor" && !n.startsWith("_")).join(" "))`
	out, err := exec.CommandContext(t.Context(), "node", "-e", script).Output()
	if err != nil {
		t.Fatal(err)
	}
	if names = strings.Fields(string(out)); len(names) < 10 {
		t.Fatalf("found %q", names)
	}
	return names
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
