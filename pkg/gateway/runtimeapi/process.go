package runtimeapi

import (
	"errors"
	"io"
	"os/exec"
	"path/filepath"
	"runtime"
	"strings"
	"sync"
	"time"
)

// execute runs the process to its end, and returns how it ended.
func (s *sandbox) execute(api string) error {
	// The system ends a process with the thread that started it, where it does so at all: this one stays.
	runtime.LockOSThread()
	defer runtime.UnlockOSThread()
	folder := filepath.Dir(s.f.opt.Binary)
	cmd := exec.Command(s.f.opt.Binary)
	cmd.Dir = folder
	cmd.Env = s.f.opt.environment(api, folder)
	out := &output{s: s}
	cmd.Stdout, cmd.Stderr = out, out
	cmd.SysProcAttr = attributes()
	cmd.WaitDelay = time.Second // for what the process has started itself and which holds its output
	if err := cmd.Start(); err != nil {
		return err
	}
	s.started(cmd.Process)
	awaitExit(cmd.Process)
	s.reaping()
	err := cmd.Wait()
	out.flush()
	if errors.Is(err, exec.ErrWaitDelay) {
		return nil
	}
	return err
}

// output is where a process prints to.
type output struct {
	s    *sandbox
	line []byte
}

func (o *output) Write(b []byte) (int, error) {
	o.s.tail.add(b)
	o.line = append(o.line, b...)
	for i := len(o.line) - 1; i >= 0; i-- {
		if o.line[i] == '\n' {
			o.s.f.lines.write(o.line[:i+1])
			o.line = append(o.line[:0], o.line[i+1:]...)
			break
		}
	}
	return len(b), nil
}

func (o *output) flush() {
	if len(o.line) > 0 {
		o.s.f.lines.write(append(o.line, '\n'))
	}
}

// lines lets one copy at a time write to Options.Logs.
type lines struct {
	mu sync.Mutex
	to io.Writer
}

func (l *lines) write(b []byte) {
	l.mu.Lock()
	defer l.mu.Unlock()
	_, _ = l.to.Write(b)
}

// tail keeps the end of what a process printed, for the error of a failed start.
type tail struct {
	mu   sync.Mutex
	kept []byte
}

const tailSize = 2048

func (t *tail) add(b []byte) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.kept = append(t.kept, b...)
	if extra := len(t.kept) - tailSize; extra > 0 {
		t.kept = append(t.kept[:0], t.kept[extra:]...)
	}
}

func (t *tail) String() string {
	t.mu.Lock()
	defer t.mu.Unlock()
	if s := strings.TrimSpace(string(t.kept)); s != "" {
		return ": " + s
	}
	return ""
}
