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

// attributes give each process a group of its own, which a terminal's Ctrl-C does not reach, and an end when this
// process's end comes first.
func attributes() *syscall.SysProcAttr {
	return &syscall.SysProcAttr{Setpgid: true, Pdeathsig: syscall.SIGKILL}
}

// signalGroup signals a process that has not been reaped, and those it has started.
func signalGroup(p *os.Process, s syscall.Signal) { _ = syscall.Kill(-p.Pid, s) }

// awaitExit blocks until the process has ended, and leaves its id to it.
func awaitExit(p *os.Process) {
	const byID = 1 // P_PID
	for {
		_, _, err := syscall.Syscall6(syscall.SYS_WAITID, byID, uintptr(p.Pid), 0, syscall.WEXITED|syscall.WNOWAIT, 0, 0)
		if err != syscall.EINTR {
			return
		}
	}
}
