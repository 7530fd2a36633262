// Package testparts lets Doze's own tests look behind a socketiotest.Server. An application's tests see what clients
// see, and need nothing of it.
package testparts

import (
	"github.com/dozeio/doze/pkg/engine"
	"github.com/dozeio/doze/pkg/store/memory"
)

// Of returns what a *socketiotest.Server consists of. The package socketiotest sets it.
var Of func(server any) (*engine.Engine, *memory.Store)

// Engine returns the engine of a *socketiotest.Server.
func Engine(server any) *engine.Engine {
	e, _ := Of(server)
	return e
}

// Store returns the store of a *socketiotest.Server, before anything that Options.Wrap puts before it.
func Store(server any) *memory.Store {
	_, s := Of(server)
	return s
}
