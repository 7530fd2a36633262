package control

import (
	"context"
	"fmt"
	"net"
	"net/url"
)

// WebSocketsAt asks the server in one process at a URL where its clients connect over WebSocket, such as
// ws://127.0.0.1:3000/socket.io/. A server that listens on all addresses is reached by the host of the URL.
func WebSocketsAt(ctx context.Context, at string) (string, error) {
	d := At(at).(remote)
	a, err := d.ask(ctx, request{Do: "webSockets"})
	if err == nil && a.WebSockets == "" {
		err = fmt.Errorf("%s does not say where its WebSockets are: it is no doze dev of this version", d.url)
	}
	if err != nil {
		return "", err
	}
	base, err := url.Parse(at)
	if err != nil {
		return "", err
	}
	to, err := base.Parse(a.WebSockets)
	if err != nil {
		return "", fmt.Errorf("%s says that its WebSockets are at %q: %w", d.url, a.WebSockets, err)
	}
	if net.ParseIP(to.Hostname()).IsUnspecified() {
		to.Host = net.JoinHostPort(base.Hostname(), to.Port())
	}
	to.Scheme = map[string]string{"http": "ws", "https": "wss"}[to.Scheme]
	return to.String(), nil
}
