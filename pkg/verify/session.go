package verify

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"strings"
	"time"
)

// opened is the open packet.
type opened struct {
	SID          string   `json:"sid"`
	Upgrades     []string `json:"upgrades"`
	PingInterval int      `json:"pingInterval"` // milliseconds
	PingTimeout  int      `json:"pingTimeout"`
	MaxPayload   int      `json:"maxPayload"`
}

// parseOpen reads an open packet; ok is false for anything else.
func parseOpen(packet string) (o opened, ok bool) {
	content, ok := strings.CutPrefix(packet, "0")
	return o, ok && json.Unmarshal([]byte(content), &o) == nil && o.SID != ""
}

// session is one that polls. It is for one goroutine, except where the question is what happens otherwise.
type session struct {
	opened
	d    *deployment
	got  []string // packets that nobody has taken
	took time.Duration
}

// open begins a session over polling.
func (d *deployment) open(ctx context.Context) (*session, error) {
	began := time.Now()
	a, err := d.ask(ctx, http.MethodGet, query(d.protocol, "polling", ""), "", nil)
	if err != nil {
		return nil, err
	}
	o, ok := parseOpen(a.body)
	if a.status != http.StatusOK || !ok {
		return nil, fmt.Errorf("a handshake over polling was answered %v", a)
	}
	return &session{opened: o, d: d, took: time.Since(began)}, nil
}

func (s *session) address() *url.URL { return query(s.d.protocol, "polling", s.SID) }

// get is one GET.
func (s *session) get(ctx context.Context) (answer, error) {
	return s.d.ask(ctx, http.MethodGet, s.address(), "", nil)
}

// post sends packets.
func (s *session) post(ctx context.Context, packets ...string) error {
	a, err := s.d.ask(ctx, http.MethodPost, s.address(), strings.Join(packets, "\x1e"), nil)
	if err == nil && (a.status != http.StatusOK || a.body != "ok") {
		err = fmt.Errorf("a POST was answered %v", a)
	}
	return err
}

// await polls until a packet begins with one of the prefixes, and answers pings. What else comes is kept for later.
func (s *session) await(ctx context.Context, prefixes ...string) (string, error) {
	for {
		for i, p := range s.got {
			for _, prefix := range prefixes {
				if strings.HasPrefix(p, prefix) {
					s.got = append(s.got[:i:i], s.got[i+1:]...)
					return p, nil
				}
			}
		}
		a, err := s.get(ctx)
		if err != nil {
			return "", err
		}
		if a.status != http.StatusOK || a.body == "" {
			return "", fmt.Errorf("a GET was answered %v", a)
		}
		for p := range strings.SplitSeq(a.body, "\x1e") {
			switch p {
			case "6":
			case "2":
				err = errors.Join(err, s.post(ctx, "3"))
			case "1":
				err = errors.New("the session was closed")
			default:
				s.got = append(s.got, p)
			}
		}
		if err != nil {
			return "", err
		}
	}
}

// join joins the namespace of the counterpart.
func (s *session) join(ctx context.Context) error {
	if err := s.post(ctx, connectPacket); err != nil {
		return err
	}
	reply, err := s.await(ctx, connectPacket, refusalPrefix)
	if err == nil && strings.HasPrefix(reply, refusalPrefix) {
		err = fmt.Errorf("the namespace was refused: %s", show(reply))
	}
	return err
}

// close ends the session, so that the deployment need not wait for its client.
func (s *session) close(ctx context.Context) {
	_, _ = s.d.ask(ctx, http.MethodPost, s.address(), "1", nil)
}
