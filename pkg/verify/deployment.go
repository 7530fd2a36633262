package verify

import (
	"context"
	"crypto/x509"
	"encoding/json"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"sync/atomic"
	"time"
)

// deployment is what is asked, and the client that asks it. It is safe for concurrent use.
type deployment struct {
	o         Options
	page      *url.URL // with a path that ends in a slash
	protocol  *url.URL // of the polling transport
	websocket *url.URL
	oneOrigin bool // both transports are at one address, told apart by the query
	http      *http.Client
	roots     *x509.CertPool // of WebSockets; nil for the system's

	requests, sent, received atomic.Int64
}

// newDeployment checks the addresses. Without one for WebSocket it asks the deployment: pkg/site serves it to pages.
func newDeployment(ctx context.Context, o Options) (*deployment, error) {
	page, err := address(o.URL, "http", "https")
	if err != nil {
		return nil, err
	}
	d := &deployment{o: o, page: page, http: &http.Client{
		Transport:     &http.Transport{Proxy: http.ProxyFromEnvironment, MaxIdleConnsPerHost: 64},
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
	}}
	d.page.Path = strings.TrimSuffix(d.page.Path, "/") + "/"
	d.protocol = d.page.JoinPath("socket.io/")
	if o.WebSocket != "" {
		d.websocket, err = address(o.WebSocket, "ws", "wss")
		return d, err
	}
	if d.websocket, err = d.announced(ctx); err != nil {
		return nil, err
	}
	if d.websocket == nil {
		d.oneOrigin, d.websocket = true, d.page.JoinPath("socket.io/")
		d.websocket.Scheme = "ws" + strings.TrimPrefix(d.page.Scheme, "http")
	}
	return d, nil
}

func address(text, scheme, secure string) (*url.URL, error) {
	u, err := url.Parse(text)
	if err != nil || u.Host == "" || u.Scheme != scheme && u.Scheme != secure {
		return nil, fmt.Errorf("%q is no address: write %s://HOST", text, secure)
	}
	return u, nil
}

// announced returns the address of the WebSocket API that pages of this deployment are told; nil where it has none of
// its own.
func (d *deployment) announced(ctx context.Context) (*url.URL, error) {
	a, err := d.ask(ctx, http.MethodGet, d.page.JoinPath("client.json"), "", nil)
	if err != nil {
		return nil, fmt.Errorf("the deployment cannot be reached: %w", err)
	}
	var settings struct {
		TransportOptions struct {
			WebSocket *struct {
				Hostname, Port, Path string
				Secure               bool
			} `json:"websocket"`
		} `json:"transportOptions"`
	}
	if a.status != http.StatusOK || json.Unmarshal([]byte(a.body), &settings) != nil || settings.TransportOptions.WebSocket == nil {
		return nil, nil
	}
	w := settings.TransportOptions.WebSocket
	u := &url.URL{Scheme: "ws", Host: w.Hostname, Path: w.Path}
	if w.Port != "" {
		u.Host = net.JoinHostPort(w.Hostname, w.Port)
	}
	if w.Secure {
		u.Scheme = "wss"
	}
	return u, nil
}

// answer is an HTTP response that was read to its end.
type answer struct {
	status int
	body   string
	header http.Header
}

func (a answer) String() string { return fmt.Sprintf("%d %s", a.status, show(a.body)) }

// ask sends a request and waits for its answer.
func (d *deployment) ask(ctx context.Context, method string, to *url.URL, body string, header http.Header) (a answer, err error) {
	d.requests.Add(1)
	r, err := http.NewRequestWithContext(ctx, method, to.String(), strings.NewReader(body))
	if err != nil {
		return a, err
	}
	r.Header = d.header(header)
	if body != "" {
		r.Header.Set("Content-Type", "text/plain;charset=UTF-8")
	}
	res, err := d.http.Do(r)
	if err != nil {
		return a, withoutAddress(err)
	}
	defer res.Body.Close()
	b, err := io.ReadAll(io.LimitReader(res.Body, 4<<20))
	return answer{res.StatusCode, string(b), res.Header}, err
}

// header returns the headers of every request, and more.
func (d *deployment) header(more http.Header) http.Header {
	h := http.Header{"User-Agent": {"doze-verify"}}
	if d.o.Origin != "" {
		h.Set("Origin", d.o.Origin)
	}
	for name, values := range more {
		h[name] = values
	}
	return h
}

// withoutAddress leaves the address out of an error, because its query may hold a sid.
func withoutAddress(err error) error {
	if u, ok := err.(*url.Error); ok {
		return u.Err
	}
	return err
}

// query returns an address with the protocol's query.
func query(u *url.URL, transport, sid string) *url.URL {
	v := url.Values{"EIO": {"4"}, "transport": {transport}}
	if sid != "" {
		v.Set("sid", sid)
	}
	to := *u
	to.RawQuery = v.Encode()
	return &to
}

// show makes a text fit for a report: short, in one line, without a sid.
func show(text string) string {
	if before, rest, ok := strings.Cut(text, `"sid":"`); ok {
		_, after, _ := strings.Cut(rest, `"`)
		text = before + `"sid":"..."` + after
	}
	const most = 70
	if len(text) > most {
		text = text[:most] + fmt.Sprintf("... (%d bytes)", len(text))
	}
	return strconv.Quote(text)
}

// wait waits while ctx lasts.
func wait(ctx context.Context, d time.Duration) {
	ctx, cancel := context.WithTimeout(ctx, d)
	defer cancel()
	<-ctx.Done()
}
