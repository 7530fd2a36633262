package main

import (
	"errors"
	"flag"
	"io"
	"net"
	"strings"
	"testing"
	"time"

	"github.com/dozeio/doze/internal/commandline"
)

// TestLongStepsAreSeen has a clock that ticks when it is told to.
func TestLongStepsAreSeen(t *testing.T) {
	ticks, said, broken := make(chan time.Time), &strings.Builder{}, errors.New("broken")
	p := progress{out: said, every: func(time.Duration) <-chan time.Time { return ticks }}
	err := p.step("thinking", func() error {
		for range 2 {
			ticks <- time.Time{}
		}
		return broken
	})
	if want := "thinking\n  still at it after 5s\n  still at it after 10s\n"; err != broken || said.String() != want {
		t.Errorf("%v %q", err, said)
	}
}

// TestATakenPortIsFoundBeforeAnythingIsBuilt: nothing is said of a step.
func TestATakenPortIsFoundBeforeAnythingIsBuilt(t *testing.T) {
	taken, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer taken.Close()
	t.Setenv(commandline.As, "make deploy-local")
	s, err := parse([]string{"-gateway", "-addr", taken.Addr().String()}, io.Discard)
	if err != nil {
		t.Fatal(err)
	}
	said := &strings.Builder{}
	err = run(t.Context(), s, said)
	if err == nil || !strings.HasSuffix(err.Error(), "take a free port: make deploy-local ARGS='-addr 127.0.0.1:0'") || said.Len() > 0 {
		t.Errorf("%v %s", err, said)
	}
}

func TestWrongFlagsSayHowToSeeTheRightOnes(t *testing.T) {
	t.Setenv(commandline.As, "make deploy-local")
	said := &strings.Builder{}
	for args, want := range map[string]string{"-nonsense": "make deploy-local ARGS='-h' lists the flags", "extra": "takes flags only"} {
		if _, err := parse(strings.Fields(args), said); err == nil || !strings.Contains(err.Error(), want) || said.Len() > 0 {
			t.Errorf("%s: %v %s", args, err, said)
		}
	}
	if _, err := parse([]string{"-h"}, said); !errors.Is(err, flag.ErrHelp) || !strings.Contains(said.String(), "-endpoint URL") {
		t.Errorf("%v %s", err, said)
	}
}
