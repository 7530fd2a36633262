//go:build full

package tests

import (
	"net/http"
	"net/http/httptest"
	"testing"

	"golang.org/x/crypto/bcrypt"

	"github.com/dozeio/doze/app"
	"github.com/dozeio/doze/internal/oneprocess"
	"github.com/dozeio/doze/pkg/admin"
	"github.com/dozeio/doze/tests/kit/clientapp"
)

// adminPassword is what asnode/browser/admin.mjs logs in with.
const adminPassword = "correct horse"

// adminPage serves the npm package's page on an origin of its own, as https://admin.socket.io does.
func adminPage(t *testing.T) (url string) {
	t.Helper()
	s := httptest.NewServer(http.FileServer(http.Dir("node_modules/@socket.io/admin-ui/ui/dist")))
	t.Cleanup(s.Close)
	return s.URL
}

func adminHash(t *testing.T) string {
	t.Helper()
	hash, err := bcrypt.GenerateFromPassword([]byte(adminPassword), bcrypt.MinCost)
	if err != nil {
		t.Fatal(err)
	}
	return string(hash)
}

// TestAdminUIInBrowser looks at the chat with the official Admin UI, in both modes, and keeps screenshots in
// tests/artifacts.
func TestAdminUIInBrowser(t *testing.T) {
	t.Parallel()
	for _, g := range []gatewayKind{gateways[2], direct} {
		for _, mode := range []admin.Mode{admin.Development, admin.Production} {
			t.Run(g.name+"/"+string(mode), func(t *testing.T) {
				io := app.New()
				if err := admin.Instrument(io, admin.Options{Username: "ops", PasswordHash: adminHash(t), Mode: mode}); err != nil {
					t.Fatal(err)
				}
				page := adminPage(t)
				o := g.server()
				o.Engine.AllowOrigins, o.Gateway.Site = []string{page}, app.Page()
				s, err := oneprocess.Start(o, io.Bind)
				closeAfter(t, s, err)
				shots := string(mode) + "-"
				if g.direct {
					shots = "direct-" + shots
				}
				node(t, nil, "asnode/browser/admin.mjs", "--url", s.URL, "--page", page, "--mode", string(mode), "--shots", shots)
			})
		}
	}
}

// TestAdminUIInBrowserAsProcesses is the same with the functions as they are deployed, each a process of its own in
// several copies, on a table.
func TestAdminUIInBrowserAsProcesses(t *testing.T) {
	all := newDeployments(t)
	for _, mode := range []admin.Mode{admin.Development, admin.Production} {
		t.Run(string(mode), func(t *testing.T) {
			page := adminPage(t)
			o := gateways[2].processes("chat")
			o.Gateway.Site = app.Page()
			o.Env = []string{"DOZE_ADMIN_USER=ops", "DOZE_ADMIN_PASSWORD_HASH=" + adminHash(t), "DOZE_ADMIN_MODE=" + string(mode), "DOZE_ALLOW_ORIGINS=" + page}
			s := all.start(t, o)
			node(t, nil, "asnode/browser/admin.mjs", "--url", s.URL, "--page", page, "--mode", string(mode), "--shots", "processes-"+string(mode)+"-")
		})
	}
}

// TestAdminUIOracle has Node's instrument() and Doze tell pages of the same clients.
func TestAdminUIOracle(t *testing.T) {
	t.Parallel()
	for _, g := range []gatewayKind{gateways[1], direct} {
		t.Run(g.name, func(t *testing.T) {
			args := []string{"asnode/oracle/admin.mjs"}
			for _, mode := range []admin.Mode{admin.Development, admin.Production} {
				io := clientapp.New()
				if err := admin.Instrument(io, admin.Options{InsecureNoAuth: true, Mode: mode}); err != nil {
					t.Fatal(err)
				}
				s, err := oneprocess.Start(g.server(), io.Bind)
				closeAfter(t, s, err)
				args = append(args, "--"+string(mode), s.URL)
			}
			node(t, nil, args...)
		})
	}
}
