package devserver_test

import (
	"context"
	"fmt"
	goio "io"
	"net/http"
	"strings"

	"github.com/dozeio/doze/pkg/devserver"
	"github.com/dozeio/doze/pkg/socketio"
)

// AllowRequest refuses clients before they have a session. Headers of the answers come from InitialHeaders and Headers.
func ExampleStart_headers() {
	io := socketio.New(socketio.Options{
		AllowRequest: func(ctx context.Context, r socketio.Request) error {
			if r.Header.Get("Authorization") == "" {
				return &socketio.ConnectError{Message: "log in first"}
			}
			return nil
		},
		InitialHeaders: func(ctx context.Context, r socketio.Request, h http.Header) {
			h.Add("Set-Cookie", "seen=1; HttpOnly")
		},
		Headers: func(ctx context.Context, r socketio.Request, h http.Header) {
			h.Set("X-Served-By", "doze")
		},
	})

	s, err := devserver.Start(devserver.Options{}, io)
	if err != nil {
		fmt.Println(err)
		return
	}
	defer s.Close(context.Background())
	for _, token := range []string{"", "Bearer secret"} {
		r, _ := http.NewRequest("GET", s.URL+"/socket.io/?EIO=4&transport=polling", nil)
		if token != "" {
			r.Header.Set("Authorization", token)
		}
		res, err := http.DefaultClient.Do(r)
		if err != nil {
			fmt.Println(err)
			return
		}
		body := make([]byte, 40)
		n, _ := res.Body.Read(body)
		res.Body.Close()
		if res.StatusCode != 200 {
			fmt.Println(res.StatusCode, string(body[:n]))
			continue
		}
		fmt.Println(res.StatusCode, res.Header.Get("Set-Cookie"), res.Header.Get("X-Served-By"))
	}
	// Output:
	// 403 {"code":4,"message":"log in first"}
	// 200 seen=1; HttpOnly doze
}

// Path, Transports, NoUpgrades and MaxPayload are the application's, wherever it runs.
func ExampleStart_path() {
	io := socketio.New(socketio.Options{
		Path:       "/chat/",
		Transports: []string{"polling"}, // else NoUpgrades keeps clients from going over to WebSocket
		MaxPayload: 100_000,
	})

	s, err := devserver.Start(devserver.Options{}, io)
	if err != nil {
		fmt.Println(err)
		return
	}
	defer s.Close(context.Background())
	for _, url := range []string{"/chat/?EIO=4&transport=polling", "/chat/?EIO=4&transport=websocket", "/socket.io/?EIO=4&transport=polling"} {
		res, err := http.Get(s.URL + url)
		if err != nil {
			fmt.Println(err)
			return
		}
		body, _ := goio.ReadAll(res.Body)
		res.Body.Close()
		if _, settings, ok := strings.Cut(string(body), `","`); ok && res.StatusCode == 200 {
			body = []byte(settings) // without the session's id
		}
		fmt.Println(res.StatusCode, strings.TrimSpace(string(body)))
	}
	// Output:
	// 200 upgrades":[],"pingInterval":25000,"pingTimeout":20000,"maxPayload":100000}
	// 400 {"code":0,"message":"Transport unknown"}
	// 404 404 page not found
}
