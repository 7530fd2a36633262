package devcommand

import (
	"errors"
	"fmt"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"strings"

	"github.com/dozeio/doze/pkg/admin"
)

// adminUI is what the flags say of the Admin UI.
type adminUI struct {
	mode     string // "" for none
	readOnly bool
	page     string // folder with the npm package's page; "" for none
}

// hashCommand sets the hash of a password that htpasswd asks for. Nothing of it is replaced on the way, nor kept by a shell.
const hashCommand = `export DOZE_ADMIN_PASSWORD_HASH="$(htpasswd -nBC 10 "" | tr -d ':\n')"`

// adminPath is where the page is.
const adminPath = "/admin/"

// options returns those of package admin: with the name and password of the environment, as in a deployment, or open to
// everybody who reaches a loopback address, unless a proxy may be before that one.
func (u adminUI) options(addr string, public bool) (o admin.Options, open bool, err error) {
	user, hash := os.Getenv("DOZE_ADMIN_USER"), os.Getenv("DOZE_ADMIN_PASSWORD_HASH")
	o = admin.Options{Username: user, PasswordHash: hash, Mode: admin.Mode(u.mode), ReadOnly: u.readOnly, ServerID: "doze", PID: os.Getpid()}
	if o.Hostname, err = os.Hostname(); err != nil {
		return o, false, err
	}
	switch {
	case user != "" && hash == "":
		return o, false, errors.New("-admin with DOZE_ADMIN_USER needs DOZE_ADMIN_PASSWORD_HASH: set it, by " + hashCommand + ", or take DOZE_ADMIN_USER away")
	case user == "" && hash != "":
		return o, false, errors.New("-admin with DOZE_ADMIN_PASSWORD_HASH needs DOZE_ADMIN_USER, the name to log in with: set it, or take DOZE_ADMIN_PASSWORD_HASH away")
	case user != "":
		return o, false, nil
	}
	host, _, err := net.SplitHostPort(addr)
	if ip := net.ParseIP(host); err != nil || public || host != "localhost" && !ip.IsLoopback() {
		reach := "which others can reach"
		if public {
			reach = "which others can reach, perhaps through your proxy"
		}
		return o, false, fmt.Errorf("-admin without a password on %s, %s: set DOZE_ADMIN_USER, and DOZE_ADMIN_PASSWORD_HASH by %s", addr, reach, hashCommand)
	}
	o.InsecureNoAuth = true
	return o, true, nil
}

// check returns why the flags cannot be.
func (u adminUI) check() error {
	switch {
	case u.mode == "" && (u.readOnly || u.page != ""):
		return fmt.Errorf("-admin-read-only and -admin-page are of no use without -admin: write -admin development")
	case u.page == "":
		return nil
	}
	if _, err := os.Stat(filepath.Join(u.page, "index.html")); err != nil {
		return fmt.Errorf("-admin-page %s: there is no index.html: name the folder ui/dist of the npm package @socket.io/admin-ui", u.page)
	}
	return nil
}

// serve puts the page before what else there is.
func (u adminUI) serve(site http.Handler) http.Handler {
	if u.page == "" {
		return site
	}
	files := http.StripPrefix(adminPath, http.FileServer(http.Dir(u.page)))
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		switch {
		case r.URL.Path == strings.TrimSuffix(adminPath, "/"):
			http.Redirect(w, r, adminPath, http.StatusFound)
		case strings.HasPrefix(r.URL.Path, adminPath):
			files.ServeHTTP(w, r)
		case site == nil:
			http.NotFound(w, r)
		default:
			site.ServeHTTP(w, r)
		}
	})
}

// say tells how to open the page.
func (u adminUI) say(url string, open bool) string {
	where := "https://admin.socket.io, with -allow-origins https://admin.socket.io,"
	if u.page != "" {
		where = url + adminPath
	}
	who := "the name and the password of DOZE_ADMIN_USER and DOZE_ADMIN_PASSWORD_HASH"
	if open {
		who = "no password"
	}
	return fmt.Sprintf("The Admin UI at %s looks at it with the server URL %s and %s.\n", where, url, who)
}
