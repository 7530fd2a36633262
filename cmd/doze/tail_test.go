package main

import (
	"context"
	"io"
	"strings"
	"testing"
	"time"

	"github.com/dozeio/doze/internal/control"
	"github.com/dozeio/doze/pkg/devserver"
)

// TestTailSaysWhatItSees has the first words of doze tail for rooms with and without members.
func TestTailSaysWhatItSees(t *testing.T) {
	app, _ := visited()
	dev := serving(t, devserver.Options{}, app).URL
	tailing(t, "-dev", dev, "-auth", `{"name":"ada"}`, "#tea")
	for rooms, want := range map[string]string{
		"":          "It prints what is sent to all of /.\nTo see what rooms are sent, name them: doze rooms lists those that have members.\n",
		"#tea":      "It prints what is sent to all of /, and to #tea.\n",
		"#tea #tae": "It prints what is sent to all of /, and to #tea and #tae.\nNobody else is in #tae: doze rooms lists those that have members.\n",
	} {
		log := &feed{lines: make(chan string, 1)}
		ctx, cancel := context.WithCancel(t.Context())
		done := make(chan error, 1)
		go func() {
			done <- run(ctx, append([]string{"tail", "-dev", dev, "-auth", `{"name":"bob"}`}, strings.Fields(rooms)...), io.Discard, log)
		}()
		if said := <-log.lines; !strings.HasSuffix(said, ". Ctrl-C ends it. "+want) {
			t.Errorf("doze tail %s says %q", rooms, said)
		}
		cancel()
		if err := <-done; err != nil {
			t.Error(err)
		}
	}
	quiet := make(chan struct{})
	next := func(context.Context) (control.Event, error) { // nothing comes until somebody has been told so
		<-quiet
		return control.Event{}, nil
	}
	if err := eachEvent(t.Context(), next, func(control.Event) error { return nil }, 2, time.Millisecond, func() { close(quiet) }); err != nil {
		t.Error(err)
	}
	if got := nothingYet(control.Target{Namespace: "/admin", To: []string{"#tea"}}, 30*time.Second); !strings.HasPrefix(got, "Nothing has come for 30s. It prints what is sent to all of /admin, and to #tea; not what clients send") ||
		!strings.Contains(got, "\ndoze emit -to '#tea' try, ") {
		t.Error(got)
	}
}
