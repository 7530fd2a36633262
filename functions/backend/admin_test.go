package backend

import (
	"bytes"
	"fmt"
	"log/slog"
	"strings"
	"testing"

	"golang.org/x/crypto/bcrypt"

	"github.com/dozeio/doze/pkg/admin"
	"github.com/dozeio/doze/pkg/socketio"
	"github.com/dozeio/doze/pkg/socketio/socketiotest"
)

func TestTheAdminUIIsAsItsVariablesSay(t *testing.T) {
	made, err := bcrypt.GenerateFromPassword([]byte("secret"), bcrypt.MinCost)
	if err != nil {
		t.Fatal(err)
	}
	const none, looks, acts = "no Admin UI", "read-only", "acts"
	for _, c := range []struct{ user, hash, readOnly, want, says string }{
		{"", "", "", none, ""},
		{"", string(made), "", none, "set DOZE_ADMIN_USER"}, // a template's NoEcho parameter is easily left behind
		{"ops", "", "", "DOZE_ADMIN_USER needs DOZE_ADMIN_PASSWORD_HASH", ""},
		{"ops", "secret", "", "DOZE_ADMIN_PASSWORD_HASH", ""},
		{"ops", string(made), "", acts, ""},
		{"ops", string(made), "no", acts, ""},
		{"ops", string(made), "false", acts, ""},
		{"ops", string(made), "0", acts, ""},
		{"ops", string(made), "yes", looks, ""},
		{"ops", string(made), "true", looks, ""},
		{"ops", string(made), "TRUE", looks, ""},
		{"ops", string(made), "1", looks, ""},
		{"ops", string(made), "on", `DOZE_ADMIN_READ_ONLY is "on": write yes or no`, ""},
	} {
		t.Setenv("DOZE_ADMIN_USER", c.user)
		t.Setenv("DOZE_ADMIN_PASSWORD_HASH", c.hash)
		t.Setenv("DOZE_ADMIN_READ_ONLY", c.readOnly)
		var log bytes.Buffer
		before := slog.Default()
		slog.SetDefault(slog.New(slog.NewTextHandler(&log, nil)))
		io := socketio.New(socketio.Options{})
		io.Of("/")
		err := instrument(io)
		slog.SetDefault(before)
		said := log.String()
		if got := answers(t, io, err); !strings.Contains(got, c.want) || c.says == "" && said != "" || !strings.Contains(said, c.says) {
			t.Errorf("%+v: %s, and the log says %q", c, got, said)
		}
	}
}

// answers says what the Admin UI of an application is.
func answers(t *testing.T, io *socketio.Server, err error) string {
	t.Helper()
	if err != nil {
		return err.Error()
	}
	if admin.Instrument(io, admin.Options{InsecureNoAuth: true}) == nil { // it has not been
		return "no Admin UI"
	}
	page := socketiotest.New(t, io).Connect("/admin", socketiotest.Auth(map[string]any{"username": "ops", "password": "secret"}))
	defer page.Close()
	for {
		switch name, args := page.Next(); {
		case name == "config" && strings.Contains(fmt.Sprint(args), "DISCONNECT"):
			return "acts"
		case name == "config":
			return "read-only"
		}
	}
}
