package main

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"os/exec"
	"strconv"
	"strings"
	"syscall"
	"time"
)

// server is doze serve as a process.
type server struct {
	url, inner string
	binary     string
	cmd        *exec.Cmd
}

func serve(ctx context.Context, binary string) (*server, error) {
	s := &server{binary: binary}
	var addresses [2]string
	for i := range addresses {
		l, err := net.Listen("tcp", "127.0.0.1:0")
		if err != nil {
			return nil, err
		}
		addresses[i] = l.Addr().String()
		if err := l.Close(); err != nil {
			return nil, err
		}
	}
	s.url, s.inner = "http://"+addresses[0], "http://"+addresses[1]
	s.cmd = exec.CommandContext(ctx, binary, "serve", "-addr", addresses[0], "-inner", addresses[1])
	s.cmd.Stdout, s.cmd.Stderr = io.Discard, io.Discard // a line for each who leaves
	if err := s.cmd.Start(); err != nil {
		return nil, err
	}
	for range 100 {
		if a, err := http.Get(s.url + "/healthz"); err == nil {
			a.Body.Close()
			return s, nil
		}
		time.Sleep(100 * time.Millisecond)
	}
	s.stop()
	return nil, errors.New("doze serve does not answer at /healthz")
}

// stop ends the server as a system does, and waits for its end.
func (s *server) stop() {
	_ = s.cmd.Process.Signal(syscall.SIGTERM)
	_ = s.cmd.Wait()
}

// seen is what the server's process says of itself at /metrics.
type seen struct {
	at                      time.Time
	cpu, memory, goroutines float64 // seconds, bytes
}

func (s *server) look(ctx context.Context) (seen, error) {
	r, err := http.NewRequestWithContext(ctx, http.MethodGet, s.inner+"/metrics", nil)
	if err != nil {
		return seen{}, err
	}
	a, err := http.DefaultClient.Do(r)
	if err != nil {
		return seen{}, err
	}
	defer a.Body.Close()
	l := seen{at: time.Now()}
	found := 0
	for lines := bufio.NewScanner(a.Body); lines.Scan(); {
		name, value, _ := strings.Cut(lines.Text(), " ")
		for of, into := range map[string]*float64{"process_cpu_seconds_total": &l.cpu, "process_resident_memory_bytes": &l.memory, "go_goroutines": &l.goroutines} {
			if name == of {
				found++
				if *into, err = strconv.ParseFloat(value, 64); err != nil {
					return seen{}, err
				}
			}
		}
	}
	if found != 3 {
		return seen{}, fmt.Errorf("%s/metrics has %d of the three figures", s.inner, found)
	}
	return l, nil
}

// settle waits until the server has nothing left of those who have gone.
func (s *server) settle(ctx context.Context, before seen) error {
	var left string
	for range 60 {
		time.Sleep(time.Second)
		out, err := exec.CommandContext(ctx, s.binary, "ls", "-json", "-dev", s.inner).Output()
		if err != nil {
			return fmt.Errorf("doze ls: %w", err)
		}
		now, err := s.look(ctx)
		if err != nil {
			return err
		}
		most, err := s.most()
		if err != nil {
			return err
		}
		clients := strings.Count(string(out), "\n")
		left = fmt.Sprintf("%d clients, %.0f goroutines (%.0f before anybody came), %.1f MiB (%.1f at most, ever)",
			clients, now.goroutines, before.goroutines, now.memory/(1<<20), most/(1<<20))
		if clients == 0 && now.goroutines <= before.goroutines+parked {
			fmt.Println("\nleft:", left)
			return nil
		}
	}
	return fmt.Errorf("a minute after everybody has gone there are left %s", left)
}

// most returns the most memory that the server's process has had, in bytes.
func (s *server) most() (float64, error) {
	status, err := os.ReadFile(fmt.Sprintf("/proc/%d/status", s.cmd.Process.Pid))
	if err != nil {
		return 0, err
	}
	for line := range strings.Lines(string(status)) {
		if value, ok := strings.CutPrefix(line, "VmHWM:"); ok {
			kilobytes, err := strconv.ParseFloat(strings.TrimSpace(strings.TrimSuffix(strings.TrimSpace(value), "kB")), 64)
			return kilobytes * 1024, err
		}
	}
	return 0, fmt.Errorf("/proc/%d/status has no VmHWM", s.cmd.Process.Pid)
}

// parked is how many goroutines a server may keep for what comes next.
const parked = 32
