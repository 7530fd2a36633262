package runtimeapi

import (
	"bufio"
	"bytes"
	"fmt"
	"os"
	"os/exec"
	"strconv"
	"strings"
	"testing"
	"time"
)

func TestProcessesEndWithTheirParent(t *testing.T) {
	parent := exec.Command(os.Args[0])
	parent.Env = append(os.Environ(), "RUNTIMEAPI_PARENT="+binary)
	if _, err := parent.StdinPipe(); err != nil {
		t.Fatal(err)
	}
	out, err := parent.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := parent.Start(); err != nil {
		t.Fatal(err)
	}
	line, err := bufio.NewReader(out).ReadString('\n')
	pid, e := strconv.Atoi(strings.TrimSpace(line))
	_ = parent.Process.Kill()
	_ = parent.Wait()
	if err != nil || e != nil {
		t.Fatalf("%q %v %v", line, err, e)
	}
	until(t, "it has ended", func() bool { s := state(pid); return s == 0 || s == 'Z' })
}

// state returns the letter of a process's state, T for one that is stopped, or 0 for none.
func state(pid int) byte {
	b, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", pid))
	if err != nil {
		return 0
	}
	if i := bytes.LastIndexByte(b, ')'); i >= 0 && i+2 < len(b) {
		return b[i+2]
	}
	return 0
}

func TestFreezesBetweenInvocations(t *testing.T) {
	f := start(t, Options{Copies: 1})
	pid := must(t, f, event{}).PID
	until(t, "it is frozen", func() bool { return state(pid) == 'T' })
	g := newGate(t)
	o := background(t.Context(), f, event{URL: g.URL})
	<-g.Asked
	if s := state(pid); s == 'T' || s == 0 {
		t.Errorf("in mid-invocation its state is %q", s)
	}
	g.open()
	if a := <-o; a.err != nil || a.PID != pid {
		t.Errorf("got %+v", a)
	}
	until(t, "it is frozen again", func() bool { return state(pid) == 'T' })
	f.KillAll()
	until(t, "it has ended", func() bool { return f.Stats().Copies == 0 })
	if s := state(pid); s != 0 {
		t.Errorf("its state is %q", s)
	}
}

func TestExtensionKeepsItAwake(t *testing.T) {
	f := start(t, Options{Copies: 1, Env: []string{"EXTENSION=1"}})
	g := newGate(t)
	first := must(t, f, event{After: g.URL}) // the answer does not wait for the extension
	<-g.Asked
	next := background(t.Context(), f, event{}) // but the next invocation does
	until(t, "it waits", func() bool { f.mu.Lock(); defer f.mu.Unlock(); return len(f.waiting) == 1 })
	if s := state(first.PID); s == 'T' || s == 0 {
		t.Errorf("while its extension works its state is %q", s)
	}
	g.open()
	if o := <-next; o.err != nil || o.PID != first.PID {
		t.Errorf("got %+v", o)
	}
	until(t, "it is frozen", func() bool { return state(first.PID) == 'T' })
}

func TestExtensionsTimeIsTheInvocations(t *testing.T) {
	f := start(t, Options{Copies: 1, Env: []string{"EXTENSION=1"}, Timeout: time.Second})
	g := newGate(t)
	first := must(t, f, event{After: g.URL})
	<-g.Asked
	until(t, "it is killed", func() bool { return state(first.PID) == 0 })
	if s := f.Stats(); s.Timeouts != 1 || s.Errors != 0 {
		t.Errorf("%+v", s)
	}
	if a := must(t, f, event{}); a.PID == first.PID {
		t.Error("it is the same process")
	}
}

func TestExtensionThatFailsEndsItsCopy(t *testing.T) {
	f := start(t, Options{Copies: 1, Env: []string{"EXTENSION=1"}})
	g := newGate(t)
	defer g.open()
	_, err := invoke(t.Context(), f, event{After: "fail", URL: g.URL})
	functionError(t, err, "Extension.Lost")
	f = start(t, Options{Copies: 1, Env: []string{"START=unready"}, InitTimeout: 300 * time.Millisecond})
	_, err = invoke(t.Context(), f, event{})
	functionError(t, err, "Sandbox.InitTimedout")
}
