package main

import (
	"bufio"
	"context"
	"fmt"
	"os"
	"os/exec"
	"strconv"
	"strings"
	"sync/atomic"
	"syscall"
	"time"
)

// serverKind is a way to start a server.
type serverKind struct {
	name    string
	version string
	args    []string
}

// server is one that runs.
type server struct {
	url  string
	cmd  *exec.Cmd
	lost atomic.Int64 // clients that had to come again
}

// start runs a server and waits for the line "listening" with its address or port.
func (k serverKind) start(ctx context.Context) (*server, error) {
	cmd := exec.CommandContext(ctx, k.args[0], k.args[1:]...)
	stdout, err := cmd.StdoutPipe()
	if err != nil {
		return nil, err
	}
	if err := cmd.Start(); err != nil {
		return nil, err
	}
	// What it logs is about clients that vanish at the end of a round, and is not kept.
	line, err := bufio.NewReader(stdout).ReadString('\n')
	address, ok := strings.CutPrefix(strings.TrimSpace(line), "listening ")
	if !ok {
		_ = cmd.Process.Kill()
		_ = cmd.Wait()
		return nil, fmt.Errorf("%s said %q: %v", k.name, line, err)
	}
	if !strings.HasPrefix(address, "http") {
		address = "http://127.0.0.1:" + address
	}
	return &server{url: address, cmd: cmd}, nil
}

func (s *server) stop() {
	_ = s.cmd.Process.Signal(syscall.SIGTERM)
	ended := make(chan struct{})
	go func() { _ = s.cmd.Wait(); close(ended) }()
	select {
	case <-ended:
	case <-time.After(10 * time.Second):
		_ = s.cmd.Process.Kill()
		<-ended
	}
}

// cpu returns the CPU time that the server has used, in seconds.
func (s *server) cpu() (float64, error) { return cpuOfProcess(s.cmd.Process.Pid) }

// cpuOfProcess returns the CPU time that a process has used, in seconds: utime and stime of proc(5).
func cpuOfProcess(pid int) (float64, error) {
	b, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", pid))
	if err != nil {
		return 0, err
	}
	fields := strings.Fields(string(b[strings.LastIndexByte(string(b), ')')+1:]))
	var ticks float64
	for _, i := range []int{11, 12} {
		n, err := strconv.ParseFloat(fields[i], 64)
		if err != nil {
			return 0, err
		}
		ticks += n
	}
	return ticks / 100, nil // USER_HZ
}

// memory returns the server's resident memory in KiB.
func (s *server) memory() (float64, error) {
	b, err := os.ReadFile(fmt.Sprintf("/proc/%d/statm", s.cmd.Process.Pid))
	if err != nil {
		return 0, err
	}
	pages, err := strconv.ParseFloat(strings.Fields(string(b))[1], 64)
	return pages * float64(os.Getpagesize()) / 1024, err
}
