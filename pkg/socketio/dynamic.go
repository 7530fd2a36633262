package socketio

import (
	"context"
	"errors"
	"runtime/debug"
	"strings"
	"sync"
	"unicode/utf8"
)

// errParent is the error of what only one of the namespaces of an OfFunc can do.
var errParent = errors.New("socketio: what OfFunc returns stands for many namespaces, and no process knows all that have sockets: " +
	"use that of one name, Server.Of(name); to reach the sockets of all of them, have their clients join a namespace of Server.Of too, over the same connection")

// maxNamespaceName is the size in bytes of a name that a client may choose.
const maxNamespaceName = 256

// maxChildren is how many namespaces of OfFunc one process keeps: clients choose their names.
const maxChildren = 1024

// dynamic is the namespaces of OfFunc.
type dynamic struct {
	parents []parent

	mu       sync.Mutex
	children map[string]*Namespace
}

type parent struct {
	match func(name string) bool
	*registered
}

// OfFunc returns a Namespace that stands for all whose names match takes, such as those of a regular expression:
//
//	io.OfFunc(regexp.MustCompile(`^/room-\d+$`).MatchString)
//
// Register handlers and middlewares with it once: each of the namespaces has them, and sockets, rooms and data of its
// own. In a handler Socket.Namespace is the one that the client has joined, and its Name is the client's. Of one with a
// name that only match takes, Server.Of returns the Namespace after Bind, for emits to it from elsewhere.
//
// What is registered by its name with Server.Of goes first, then the functions of OfFunc in the order in which they are
// registered. A name that none of them takes is answered with "Invalid namespace", as is one of more than 256 bytes.
//
// The Namespace that OfFunc returns has no name and no sockets. What would send something to it, or read of it, returns
// an error that says what to do instead.
//
// Clients choose the names. match may be called at any time and concurrently, several times for a name, and has to say
// the same of it each time: who may join is a question for a middleware, which has the client's handshake. One that
// panics takes no name. OfFunc panics when match is nil, and after Bind.
func (s *Server) OfFunc(match func(name string) bool) *Namespace {
	s.registering("OfFunc")
	if match == nil {
		panic("socketio: OfFunc(nil): give it a function, such as MatchString of a regular expression")
	}
	p := parent{match, newRegistered()}
	s.dynamic.parents = append(s.dynamic.parents, p)
	return newNamespace(s, "", p.registered)
}

// called returns how messages call the namespace.
func (n *Namespace) called() string {
	if n.name == "" {
		return "Namespace of OfFunc"
	}
	return "namespace " + n.name
}

// namespace returns the namespace of a name that a client has sent, nil when there is none.
func (s *Server) namespace(ctx context.Context, name string) *Namespace {
	if n := s.namespaces[name]; n != nil {
		return n
	}
	defer func() {
		if value := recover(); value != nil {
			s.opt.Logger.ErrorContext(ctx, "a function of OfFunc panicked, so that a client's namespace is none",
				"namespace", cut(name, maxLogged), "value", value, "stack", string(debug.Stack()))
		}
	}()
	return s.child(name)
}

// joined returns the namespace of a socket that has joined it, which may be one that the application has no more:
// without handlers, so that its sockets can leave.
func (s *Server) joined(name string) *Namespace {
	if n := s.namespace(context.Background(), name); n != nil {
		return n
	}
	return newNamespace(s, name, newRegistered())
}

// child returns the namespace of a name that a function of OfFunc takes, nil when none does.
func (s *Server) child(name string) *Namespace {
	d := &s.dynamic
	if len(d.parents) == 0 || !isNamespaceName(name) || len(name) > maxNamespaceName {
		return nil
	}
	d.mu.Lock()
	n := d.children[name]
	d.mu.Unlock()
	if n != nil {
		return n
	}
	for _, p := range d.parents {
		if p.match(name) { // the application's: not under the lock
			return d.keep(newNamespace(s, name, p.registered))
		}
	}
	return nil
}

// keep returns the one namespace of a name, so that all who ask for it share its counts. Of too many one goes, which
// costs whoever needs it again a call of the functions.
func (d *dynamic) keep(n *Namespace) *Namespace {
	d.mu.Lock()
	defer d.mu.Unlock()
	if kept := d.children[n.name]; kept != nil {
		return kept
	}
	if d.children == nil {
		d.children = map[string]*Namespace{}
	}
	for name := range d.children {
		if len(d.children) < maxChildren {
			break
		}
		delete(d.children, name)
	}
	d.children[n.name] = n
	return n
}

// isNamespaceName reports whether the protocol can carry a name that begins with a slash.
func isNamespaceName(name string) bool {
	return strings.HasPrefix(name, "/") && !strings.ContainsAny(name, ",?\x1e") && utf8.ValidString(name)
}
