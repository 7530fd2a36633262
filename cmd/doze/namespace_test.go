package main

import (
	"bytes"
	"io"
	"strings"
	"testing"

	"github.com/dozeio/doze/pkg/devserver"
)

// TestANamespaceNeedsNoSlash gives each command the name of a namespace without it, and ls one that nobody is in.
func TestANamespaceNeedsNoSlash(t *testing.T) {
	app, _ := visited()
	dev := serving(t, devserver.Options{}, app).URL
	id, lines, _ := tailing(t, "-dev", dev, "-auth", `{"name":"bob"}`, "-namespace", "admin", "#tea")
	for _, command := range []string{"ls", "sockets", "rooms"} {
		if got := says(t, command, "-dev", dev, "-namespace", "admin"); !strings.Contains(got, id) && !strings.Contains(got, "#tea") {
			t.Errorf("doze %s: %q", command, got)
		}
	}
	says(t, "emit", "-dev", dev, "-namespace", "admin", "-to", "#tea", "news")
	if line := <-lines; !strings.Contains(line, " news") {
		t.Error(line)
	}
	var log bytes.Buffer
	if err := run(t.Context(), []string{"ls", "-dev", dev, "-namespace", "nope"}, io.Discard, &log); err != nil || !strings.Contains(log.String(), "nobody is in the namespace /nope") {
		t.Errorf("%v %q", err, log.String())
	}
}
