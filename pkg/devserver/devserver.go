// Package devserver runs a whole deployment in one process: the functions behind a local API Gateway, on the embedded
// store. A test of an application with real clients starts one; doze dev runs the same.
package devserver

import (
	"context"

	"github.com/dozeio/doze/internal/oneprocess"
	"github.com/dozeio/doze/pkg/engine"
	"github.com/dozeio/doze/pkg/gateway"
	"github.com/dozeio/doze/pkg/socketio"
)

// Options are the settings of a Server. The zero value of each field means its default.
type Options struct {
	Addr  string   // to listen on; default 127.0.0.1:0, a free port
	Hosts []string // names besides localhost that requests may give a server on a loopback address, see gateway.NewServer

	// Engine goes before what the application says. BinaryFrames and OrderedFrames, here or in Gateway, are both
	// sides'.
	Engine engine.Options
	// Gateway is the local API Gateway. Its functions are filled in. Its Path is the application's. Its Logger is the
	// application's too, unless that has one.
	Gateway gateway.Options

	Clients string // folder with socket.io.js and its siblings; default: that of an npm package nearby

	// Wrap, if not nil, puts something between the application and its backend: faults, say, or a count of calls.
	Wrap func(socketio.Backend) socketio.Backend

	// Direct is for a server that stays one process: what clients send goes to the engine and back without the events
	// of AWS, and without AWS's limits, each connection's messages in order. It is several times as fast, and kinder
	// than AWS: a test of what is to be deployed there leaves it out.
	Direct bool
}

// Server is a running deployment. Its fields are for reading.
type Server struct {
	URL     string // such as http://127.0.0.1:3000
	Warning string // what to tell whoever starts it, empty on a loopback address: others can reach it

	server *oneprocess.Server
}

// Start runs a deployment of an application, which it binds, until Close. It returns when the server listens. The error
// says which option to change, or that the address is taken.
func Start(o Options, io *socketio.Server) (*Server, error) {
	s, err := oneprocess.Start(oneprocess.Options{
		Addr: o.Addr, Hosts: o.Hosts, Engine: o.Engine, Gateway: o.Gateway, Clients: o.Clients, Wrap: o.Wrap, Direct: o.Direct,
	}, io.Bind)
	if err != nil {
		return nil, err
	}
	return &Server{URL: s.URL, Warning: s.Warning, server: s}, nil
}

// Ended is closed when the server has stopped listening, by Close or by itself; Err then says why.
func (s *Server) Ended() <-chan struct{} { return s.server.Ended() }

// Err returns why the server stopped by itself, nil after Close. It may be called once Ended is closed.
func (s *Server) Err() error { return s.server.Err() }

// Close closes all connections, whose sockets are disconnected in order, and waits for what still runs, while ctx
// lasts, and two seconds more for what ends with its context. With Direct, clients that poll are disconnected too. The
// error says what has not come to its end.
func (s *Server) Close(ctx context.Context) error { return s.server.Close(ctx) }
