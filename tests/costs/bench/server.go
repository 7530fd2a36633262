package main

import (
	"bufio"
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"time"
)

// serverKind is a way to start a server.
type serverKind struct {
	name string
	args []string
}

// server is one that runs.
type server struct {
	url string
	cmd *exec.Cmd
}

// serverKinds builds Doze's server and finds Node's.
func serverKinds(ctx context.Context, dir string) ([]serverKind, error) {
	fixture := filepath.Join(dir, "fixture")
	if out, err := exec.CommandContext(ctx, "go", "build", "-o", fixture, "./tests/kit/fixture").CombinedOutput(); err != nil {
		return nil, fmt.Errorf("run this from the project's root: %w\n%s", err, out)
	}
	if _, err := os.Stat("tests/node_modules/socket.io"); err != nil {
		return nil, fmt.Errorf("the npm packages are missing: run npm ci --prefix tests --ignore-scripts")
	}
	return []serverKind{
		{"Doze", []string{fixture, "-suite", "client", "-addr", "127.0.0.1:0", "-unlimited", "-direct"}},
		{"Node", []string{"node", "tests/kit/reference/server.mjs", "--suite", "client", "--port", "0"}},
	}, nil
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
	return &server{address, cmd}, nil
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

// cpu returns the CPU time that the server has used, in seconds: utime and stime of proc(5).
func (s *server) cpu() (float64, error) {
	b, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", s.cmd.Process.Pid))
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
