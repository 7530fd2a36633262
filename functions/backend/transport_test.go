package backend_test

import (
	"context"
	"crypto/tls"
	"encoding/pem"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"sync/atomic"
	"testing"

	"github.com/dozeio/doze/functions/backend"
	"github.com/dozeio/doze/pkg/engine"
)

// handshakes counts those of TLS that the server of all tests has been through.
var handshakes atomic.Int64

// services answers like the table, the queue and @connections, as far as the smallest requests go.
var services = httptest.NewUnstartedServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
	io.Copy(io.Discard, r.Body)
	w.Header().Set("Content-Type", "application/x-amz-json-1.0")
	if strings.HasSuffix(r.Header.Get("X-Amz-Target"), ".SendMessage") {
		io.WriteString(w, `{"MessageId":"1"}`)
		return
	}
	io.WriteString(w, `{}`)
}))

func TestMain(m *testing.M) {
	if os.Getenv(sayVariable) != "" {
		say()
		return
	}
	services.TLS = &tls.Config{GetConfigForClient: func(*tls.ClientHelloInfo) (*tls.Config, error) {
		handshakes.Add(1)
		return nil, nil
	}}
	services.StartTLS()
	folder, err := os.MkdirTemp("", "backend")
	if err != nil {
		panic(err)
	}
	// The process trusts the server as it would AWS, so that no client has to be made in another way for the test.
	trusted := filepath.Join(folder, "trusted.pem")
	if err := os.WriteFile(trusted, pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: services.Certificate().Raw}), 0o600); err != nil {
		panic(err)
	}
	os.Setenv("SSL_CERT_FILE", trusted)
	code := m.Run()
	services.Close()
	os.RemoveAll(folder)
	os.Exit(code)
}

// nobody is the address of a session that is not there, which is no error to ask for.
const nobody = engine.Address("s/nobody")

// deployed is what the environment of a function on the services gives.
func deployed(t *testing.T) backend.Deployed {
	t.Helper()
	for name, value := range map[string]string{
		"AWS_REGION": "us-east-1", "AWS_ACCESS_KEY_ID": "a", "AWS_SECRET_ACCESS_KEY": "b", "AWS_ENDPOINT_URL": services.URL,
		"DOZE_TABLE": "doze", "DOZE_CONNECTIONS": services.URL + "/live", "DOZE_QUEUE": services.URL + "/1/jobs",
	} {
		t.Setenv(name, value)
	}
	d, err := backend.FromEnv()
	if err != nil {
		t.Fatal(err)
	}
	return d
}

// TestConnectionsAreUsedAgain has 3,200 calls, 32 and 64 at a time, make about as many connections as calls are under
// way at the same time: hundreds, where the SDK's own client makes them.
func TestConnectionsAreUsedAgain(t *testing.T) {
	for _, c := range []struct {
		name    string
		atATime []int
		call    func(context.Context, backend.Deployed) error
	}{
		{"table", []int{32, 64}, func(ctx context.Context, d backend.Deployed) error {
			_, err := d.Sessions.Get(ctx, nobody, true)
			return err
		}},
		{"queue", []int{64}, func(ctx context.Context, d backend.Deployed) error { return d.Timers.Schedule(ctx, []byte("{}"), 0) }},
		{"posts", []int{64}, func(ctx context.Context, d backend.Deployed) error {
			return d.Poster.Post(ctx, "R1kmxc2VNjMCFIA=", engine.Frame{Data: []byte("2")})
		}},
	} {
		for _, atATime := range c.atATime {
			t.Run(fmt.Sprintf("%s, %d at a time", c.name, atATime), func(t *testing.T) {
				d, before := deployed(t), handshakes.Load()
				var all sync.WaitGroup
				for range atATime {
					all.Go(func() {
						for done := 0; done < 3200/atATime && t.Context().Err() == nil; {
							err := c.call(t.Context(), d)
							slow := interface{ Temporary() bool }(nil)
							switch {
							case err == nil:
								done++
							case !errors.As(err, &slow) || !slow.Temporary(): // a machine that has much to do is no fault
								t.Error(err)
								return
							}
						}
					})
				}
				all.Wait()
				// 64 is the most at once, and 128 for posts. A few more may be made for those that a slow machine
				// gives up.
				if made := handshakes.Load() - before; made > 150 {
					t.Errorf("%d handshakes for 3,200 calls, %d at a time", made, atATime)
				}
			})
		}
	}
}

// TestAConnectionThatThePeerHasClosedCostsNothing closes all connections, as a service does with those of a process
// that is frozen.
func TestAConnectionThatThePeerHasClosedCostsNothing(t *testing.T) {
	d := deployed(t)
	for range 3 {
		if err := d.Timers.Schedule(t.Context(), []byte("{}"), 0); err != nil {
			t.Fatal(err)
		}
		if _, err := d.Sessions.Get(t.Context(), nobody, true); err != nil {
			t.Fatal(err)
		}
		services.CloseClientConnections()
	}
}
