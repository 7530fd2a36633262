//go:build unix && !linux

package runtimeapi

import (
	"os"
	"syscall"
)

const (
	signalKill     = syscall.SIGKILL
	signalTerm     = syscall.SIGTERM
	signalStop     = syscall.SIGSTOP
	signalContinue = syscall.SIGCONT
)

// attributes: here a process outlives this one until it misses the Runtime API, and a frozen one is woken for that as a
// stopped orphan.
func attributes() *syscall.SysProcAttr { return &syscall.SysProcAttr{Setpgid: true} }

func signalGroup(p *os.Process, s syscall.Signal) { _ = p.Signal(s) }

func awaitExit(p *os.Process) {}
