package devcommand_test

import (
	"io"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/dozeio/doze/pkg/socketio"
)

// hashed is the hash of a password, by bcrypt.
const hashed = "$2b$04$abcdefghijklmnopqrstuuN8W9fJ0mGdZ1Qm3X1k3nq4Z1r3mC8a2"

func TestTheAdminUIIsOffUntilAFlagIsGiven(t *testing.T) {
	page := t.TempDir()
	if err := os.WriteFile(filepath.Join(page, "index.html"), []byte("the page"), 0o600); err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct {
		flags, user string
		says        string // of the Admin UI; "" for nothing
		page        int    // status of /admin/
	}{
		{"", "", "", http.StatusNotFound},
		{"-admin development", "", "https://admin.socket.io, with -allow-origins https://admin.socket.io, looks at it", http.StatusNotFound},
		{"-admin production -admin-page " + page, "", "and no password", http.StatusOK},
		{"-admin production -admin-read-only -admin-page " + page, "ops", "the password of DOZE_ADMIN_USER", http.StatusOK},
	} {
		t.Setenv("DOZE_ADMIN_USER", c.user)
		t.Setenv("DOZE_ADMIN_PASSWORD_HASH", "")
		if c.user != "" {
			t.Setenv("DOZE_ADMIN_PASSWORD_HASH", hashed)
		}
		said, url, end := start(t, command(socketio.Options{}), strings.Fields(c.flags)...)
		if c.says == "" && strings.Contains(said, "Admin") || !strings.Contains(said, c.says) {
			t.Errorf("%q says %q, want %q", c.flags, said, c.says)
		}
		answer, err := http.Get(url + "/admin")
		if err != nil {
			t.Fatal(err)
		}
		body, _ := io.ReadAll(answer.Body)
		answer.Body.Close()
		if answer.StatusCode != c.page || c.page == http.StatusOK && string(body) != "the page" {
			t.Errorf("%q: /admin is answered with %d %s, want %d", c.flags, answer.StatusCode, body, c.page)
		}
		end()
	}
}

func TestFlagsOfTheAdminUIThatCannotWorkAreErrors(t *testing.T) {
	for _, c := range []struct{ flags, user, hash, want string }{
		{"-admin-read-only", "", "", "-admin-read-only and -admin-page are of no use without -admin"},
		{"-admin development -admin-page .", "", "", "there is no index.html"},
		{"-admin dev", "", "", "-admin, DOZE_ADMIN_USER and DOZE_ADMIN_PASSWORD_HASH: admin: Mode is \"dev\": write development or production"},
		{"-admin development -addr 0.0.0.0:0", "", "", "which others can reach: set DOZE_ADMIN_USER"},
		{"-admin development", "ops", "", "-admin with DOZE_ADMIN_USER needs DOZE_ADMIN_PASSWORD_HASH"},
		{"-admin development", "", hashed, "-admin with DOZE_ADMIN_PASSWORD_HASH needs DOZE_ADMIN_USER"},
		{"-admin development", "ops", "secret", "-admin, DOZE_ADMIN_USER and DOZE_ADMIN_PASSWORD_HASH: admin: PasswordHash is not bcrypt's"},
	} {
		t.Setenv("DOZE_ADMIN_USER", c.user)
		t.Setenv("DOZE_ADMIN_PASSWORD_HASH", c.hash)
		err := command(socketio.Options{}).Run(t.Context(), append([]string{"-addr", "127.0.0.1:0"}, strings.Fields(c.flags)...), io.Discard, io.Discard)
		if err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%q: %v, want %q", c.flags, err, c.want)
		}
	}
}
