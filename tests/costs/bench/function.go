package main

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"time"

	"github.com/dozeio/doze/pkg/engine"
	"github.com/dozeio/doze/tests/kit/processes"
	"github.com/dozeio/doze/tests/kit/rawclient"
)

// messageGoal is design's, in microseconds of CPU.
const messageGoal = 250

const (
	messageWarm   = 1000
	messageEvents = 3000 // of a round
)

// onFunction measures the CPU time of the message function's process per event with an ack, and prints it beside the
// goal: every function is a process of its own with one copy, frozen between invocations, and the table is dynalite.
// One client waits for each ack. A profile, with a name, is of all rounds.
func onFunction(ctx context.Context, rounds int, profile string) error {
	o := processes.Options{
		App: "client", Warm: 1, Copies: 1, Logs: os.Stderr,
		Engine: engine.Options{PingInterval: 5 * time.Minute, PingTimeout: time.Minute, ClientRate: -1},
	}
	if profile != "" {
		path, err := filepath.Abs(profile)
		if err != nil {
			return err
		}
		o.Env = []string{"DOZE_TEST_PROFILE=" + path}
	}
	d, err := processes.Start(ctx, o)
	if err != nil {
		return err
	}
	defer func() { _ = d.Close(context.WithoutCancel(ctx)) }()
	pid, err := childWith("_HANDLER=message")
	if err != nil {
		return err
	}
	conns, err := connect(ctx, &server{url: d.URL}, 1)
	if err != nil {
		return err
	}
	defer closeAll(conns)
	if err := echo(ctx, conns[0], messageWarm); err != nil {
		return err
	}
	toggle := func(s syscall.Signal) error { // the process sees it when its next event thaws it
		if profile == "" {
			return nil
		}
		return errors.Join(syscall.Kill(pid, s), echo(ctx, conns[0], 10))
	}
	if err := toggle(syscall.SIGUSR1); err != nil {
		return err
	}
	var events, nothing []float64
	measure := func(us *[]float64, do func() error) error {
		before, err := cpuOfProcess(pid)
		if err != nil {
			return err
		}
		if err := do(); err != nil {
			return err
		}
		after, err := cpuOfProcess(pid)
		*us = append(*us, (after-before)*1e6/messageEvents)
		return err
	}
	for range rounds {
		if err := measure(&events, func() error { return echo(ctx, conns[0], messageEvents) }); err != nil {
			return err
		}
	}
	if err := toggle(syscall.SIGUSR2); err != nil {
		return err
	}
	for range rounds {
		if err := measure(&nothing, func() error { return refused(ctx, d.URL, messageEvents) }); err != nil {
			return err
		}
	}
	fmt.Println("| | min / median / max | goal |\n|---|---|---|")
	row := func(name, goal string, us []float64) {
		slices.Sort(us)
		fmt.Printf("| %s, µs | %.0f / %.0f / %.0f | %s |\n", name, us[0], median(us), us[len(us)-1], goal)
	}
	row("CPU per event with ack in the message function", strconv.Itoa(messageGoal), events)
	row("the same per request that is refused without a call: the runtime loop, and to be frozen and thawed", "-", nothing)
	return nil
}

// refused sends requests that the message function answers without a call to anybody: a session does not begin by POST.
func refused(ctx context.Context, url string, n int) error {
	client := rawclient.New(url)
	defer client.Close()
	for range n {
		answer, err := client.Do(ctx, http.MethodPost, rawclient.Polling, "")
		if err != nil || answer.Status != http.StatusBadRequest {
			return fmt.Errorf("instead of a refusal came %d %s, %w", answer.Status, answer.Body, err)
		}
	}
	return nil
}

// echo sends events and waits for the ack of each.
func echo(ctx context.Context, c *rawclient.Conn, n int) error {
	for range n {
		if err := c.Send(ctx, `421["echo","hello",1,{"a":true}]`); err != nil {
			return err
		}
		if err := expect(ctx, c, "431["); err != nil {
			return err
		}
	}
	return nil
}

// childWith returns the process that this one has started with a variable in its environment.
func childWith(variable string) (pid int, err error) {
	files, err := filepath.Glob("/proc/[0-9]*/environ")
	if err != nil {
		return 0, err
	}
	parent := fmt.Sprintf("\nPPid:\t%d\n", os.Getpid())
	for _, f := range files {
		folder := filepath.Dir(f)
		status, err := os.ReadFile(filepath.Join(folder, "status"))
		if err != nil || !strings.Contains(string(status), parent) { // it has ended, or is another's
			continue
		}
		environ, err := os.ReadFile(f)
		if err == nil && slices.Contains(strings.Split(string(environ), "\x00"), variable) {
			return strconv.Atoi(filepath.Base(folder))
		}
	}
	return 0, fmt.Errorf("there is no process with %s: this needs Linux", variable)
}
