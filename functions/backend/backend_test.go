package backend

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"

	"github.com/dozeio/doze/pkg/apigw"
	"github.com/dozeio/doze/pkg/socketio"
	"github.com/dozeio/doze/pkg/store/memory"
	"github.com/dozeio/doze/pkg/verify/counterpart"
)

// TestOnlyThoseWhoAskForItHaveTheNamespace looks for it where it cannot be made any more.
func TestOnlyThoseWhoAskForItHaveTheNamespace(t *testing.T) {
	for value, want := range map[string]bool{"yes": true, "no": false, "": false} {
		t.Setenv("DOZE_VERIFY", value)
		store := memory.New(nil)
		d := Deployed{Backend: socketio.Backend{Sessions: store, Rooms: store,
			Poster: apigw.NewPoster(aws.Config{Region: "local"}, "http://127.0.0.1:1/live"), Timers: apigw.NewHTTPQueue("http://127.0.0.1:1/_queue")}}
		io := socketio.New(socketio.Options{})
		if _, err := d.Bind(io); err != nil {
			t.Fatal(err)
		}
		if got := has(io); got != want {
			t.Errorf("DOZE_VERIFY=%s: %v", value, got)
		}
	}
}

// TestEveryFunctionBindsByThisPackage reads the mains: one that bound its application itself would lack the namespace.
func TestEveryFunctionBindsByThisPackage(t *testing.T) {
	mains, err := filepath.Glob("../*/main.go")
	if err != nil || len(mains) < 4 {
		t.Fatal(mains, err)
	}
	for _, name := range mains {
		text, err := os.ReadFile(name)
		if err != nil || !strings.Contains(string(text), " b.Bind(app.New(") {
			t.Errorf("%s does not bind by functions/backend %v", name, err)
		}
	}
}

// has uses that a server that is bound makes no more namespaces.
func has(io *socketio.Server) (has bool) {
	defer func() { has = recover() == nil }()
	io.Of(counterpart.Namespace)
	return true
}
