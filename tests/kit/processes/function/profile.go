package main

import (
	"log"
	"os"
	"os/signal"
	"runtime/pprof"
	"syscall"
)

// profile writes a CPU profile of what happens from a SIGUSR1 to a SIGUSR2. The process goes on without it where that
// fails.
func profile(path string) {
	begin, end := make(chan os.Signal, 1), make(chan os.Signal, 1)
	signal.Notify(begin, syscall.SIGUSR1)
	signal.Notify(end, syscall.SIGUSR2)
	<-begin
	f, err := os.Create(path)
	if err == nil {
		err = pprof.StartCPUProfile(f)
	}
	if err != nil {
		log.Print(err)
		return
	}
	<-end
	pprof.StopCPUProfile()
	if err := f.Close(); err != nil {
		log.Print(err)
	}
}
