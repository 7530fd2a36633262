package oneprocess

import (
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"strings"
	"syscall"

	"github.com/dozeio/doze/internal/control"
	"github.com/dozeio/doze/internal/scrape"
	"github.com/dozeio/doze/pkg/gateway"
)

// Public are the settings of a server that everybody may reach, perhaps by a proxy on the same machine: what is not for
// them has another address, or none.
type Public struct {
	Health string // path that answers 200 while the server takes clients, and 503 once Close has begun; empty for none
	Inner  string // address for Health, the metrics and doze's own commands, which ask nobody who they are; empty for none
}

// check reports a path of Health that is something else's already: of the application's clients, the page, or an inner
// door.
func (p *Public) check(clients, stage string) error {
	for taken, by := range map[string]string{
		"/": "the page", "/client.json": "the page", clients: "the clients", "/" + stage + "/": "the gateway",
		"/_queue": "the queue", control.Path: "doze's commands", scrape.Path: "the metrics",
	} {
		folder := taken != "/" && strings.HasSuffix(taken, "/")
		if p.Health == taken || folder && strings.HasPrefix(p.Health+"/", taken) {
			return fmt.Errorf("-health %s is a path of %s: take another, such as /healthz", p.Health, by)
		}
	}
	return nil
}

// health answers a balancer or a monitor.
func (s *Server) health(w http.ResponseWriter, _ *http.Request) {
	w.Header().Set("Cache-Control", "no-store")
	if s.ending.Load() {
		http.Error(w, "ending", http.StatusServiceUnavailable)
		return
	}
	_, _ = io.WriteString(w, "ok\n")
}

// outside is the handler of a public server. The gateway's inner doors are not there: what is asked for is the site's.
func (p *Public) outside(s *Server, stage string, site, all http.Handler) http.Handler {
	if site == nil {
		site = http.NotFoundHandler()
	}
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		switch path := r.URL.Path; {
		case path == p.Health:
			s.health(w, r)
		case path == "/"+stage, strings.HasPrefix(path, "/"+stage+"/"), path == "/_queue", path == control.Path, path == scrape.Path:
			site.ServeHTTP(w, r)
		default:
			all.ServeHTTP(w, r)
		}
	})
}

// inside serves what is not for everybody, from now on, by the names of hosts besides localhost where the address is a
// loopback one.
func (p *Public) inside(s *Server, all http.Handler, hosts []string) error {
	if p.Inner == "" {
		return nil
	}
	listener, err := net.Listen("tcp", p.Inner)
	if err != nil {
		if errors.Is(err, syscall.EADDRINUSE) {
			return fmt.Errorf("-inner %s is taken by another program, or is -addr: end that one, or take another port", p.Inner)
		}
		return fmt.Errorf("-inner %s: %w", p.Inner, err)
	}
	s.InnerURL = gateway.URL(listener.Addr())
	s.inner = gateway.NewServer(listener.Addr(), http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		switch r.URL.Path {
		case p.Health:
			s.health(w, r)
		case control.Path, scrape.Path:
			all.ServeHTTP(w, r)
		default:
			http.NotFound(w, r)
		}
	}), hosts...)
	go func() {
		if err := s.inner.Serve(listener); !errors.Is(err, http.ErrServerClosed) {
			s.Engine.Options().Logger.Error("the inner address is not served any more", "error", err)
		}
	}()
	return nil
}
