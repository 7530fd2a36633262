package main

import (
	"fmt"
	"io"
	"time"
)

// progress tells somebody who waits that something goes on.
type progress struct {
	out   io.Writer
	every func(time.Duration) <-chan time.Time // time.Tick
}

// look is how long nothing is said.
const look = 5 * time.Second

// step says what is done, does it, and meanwhile says how long that has taken.
func (p progress) step(what string, do func() error) error {
	fmt.Fprintln(p.out, what)
	done := make(chan error, 1)
	go func() { done <- do() }()
	ticks := p.every(look)
	for passed := look; ; passed += look {
		select {
		case err := <-done:
			return err
		case <-ticks:
			fmt.Fprintln(p.out, "  still at it after", passed)
		}
	}
}
