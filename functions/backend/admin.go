package backend

import (
	"errors"
	"fmt"
	"log/slog"
	"os"
	"strings"

	"github.com/dozeio/doze/pkg/admin"
	"github.com/dozeio/doze/pkg/socketio"
)

// instrument has the application answer the Admin UI, where a name to log in with is set.
//
//	DOZE_ADMIN_USER           name to log in with; empty: there is no Admin UI
//	DOZE_ADMIN_PASSWORD_HASH  bcrypt's, of the password
//	DOZE_ADMIN_MODE           production, which is the default, or development, which tells of each event
//	DOZE_ADMIN_READ_ONLY      yes keeps pages from doing anything; no, which is the default, does not
func instrument(io *socketio.Server) error {
	user, hash := os.Getenv("DOZE_ADMIN_USER"), os.Getenv("DOZE_ADMIN_PASSWORD_HASH")
	switch {
	case user == "":
		if hash != "" {
			slog.Info("there is no Admin UI, although a password for it is set: set DOZE_ADMIN_USER, a deployment's AdminUser, to have it")
		}
		return nil
	case hash == "":
		return errors.New("backend: DOZE_ADMIN_USER needs DOZE_ADMIN_PASSWORD_HASH, the bcrypt hash of the password: set it, or no name, for no Admin UI")
	}
	mode := admin.Production
	if m := os.Getenv("DOZE_ADMIN_MODE"); m != "" {
		mode = admin.Mode(m)
	}
	readOnly, err := yes("DOZE_ADMIN_READ_ONLY")
	if err != nil {
		return err
	}
	if err := admin.Instrument(io, admin.Options{Username: user, PasswordHash: hash, Mode: mode, ReadOnly: readOnly}); err != nil {
		return fmt.Errorf("backend: DOZE_ADMIN_USER, DOZE_ADMIN_PASSWORD_HASH and DOZE_ADMIN_MODE: %w", err)
	}
	return nil
}

// yes reads a variable that is yes or no. What protects something must not be off on account of another word for yes.
func yes(name string) (bool, error) {
	value := os.Getenv(name)
	switch strings.ToLower(value) {
	case "yes", "true", "1":
		return true, nil
	case "", "no", "false", "0":
		return false, nil
	}
	return false, fmt.Errorf("backend: %s is %q: write yes or no", name, value)
}
