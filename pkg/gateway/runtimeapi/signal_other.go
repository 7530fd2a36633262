//go:build !unix

package runtimeapi

import (
	"os"
	"syscall"
)

const (
	signalKill     = syscall.SIGKILL
	signalTerm     = syscall.SIGTERM
	signalStop     = syscall.Signal(0) // there is none: nothing is frozen here
	signalContinue = syscall.Signal(0)
)

func attributes() *syscall.SysProcAttr { return nil }

func signalGroup(p *os.Process, s syscall.Signal) {
	if s == signalKill || s == signalTerm {
		_ = p.Kill()
	}
}

func awaitExit(p *os.Process) {}
