package main

import (
	"context"
	"io"
	"strings"
	"testing"
	"time"

	"github.com/dozeio/doze/internal/control"
	"github.com/dozeio/doze/internal/oneprocess"
	"github.com/dozeio/doze/pkg/devserver"
	"github.com/dozeio/doze/pkg/socketio"
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

// TestTailFindsTheClientsOfServe is given the inner address, of an application at a path of its own, and sees an event.
func TestTailFindsTheClientsOfServe(t *testing.T) {
	app := socketio.New(socketio.Options{Path: "/chat/"})
	s, err := oneprocess.Start(oneprocess.Options{Direct: true, Public: &oneprocess.Public{Inner: "127.0.0.1:0"}}, app.Bind)
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close(t.Context())
	_, lines, _ := tailing(t, "-dev", s.InnerURL, "-json", "#tea")
	says(t, "emit", "-dev", s.InnerURL, "-to", "#tea", "news")
	if line := <-lines; !strings.Contains(line, `"event":"news"`) {
		t.Error(line)
	}
	err = run(t.Context(), []string{"ls", "-dev", s.URL}, io.Discard, io.Discard)
	if err == nil || !strings.Contains(err.Error(), "-inner") {
		t.Errorf("doze ls at the address of the clients: %v", err)
	}
}
