package backend

import (
	"errors"
	"fmt"
	"os"

	"github.com/dozeio/doze/pkg/admin"
	"github.com/dozeio/doze/pkg/socketio"
)

// instrument has the application answer the Admin UI, where a password for it is set.
//
//	DOZE_ADMIN_USER           name to log in with; empty: there is no Admin UI
//	DOZE_ADMIN_PASSWORD_HASH  bcrypt's, of the password
//	DOZE_ADMIN_MODE           production, which is the default, or development, which tells of each event
//	DOZE_ADMIN_READ_ONLY      "yes" keeps pages from doing anything
func instrument(io *socketio.Server) error {
	user, hash := os.Getenv("DOZE_ADMIN_USER"), os.Getenv("DOZE_ADMIN_PASSWORD_HASH")
	switch {
	case user == "" && hash == "":
		return nil
	case user == "" || hash == "":
		return errors.New("backend: set both of DOZE_ADMIN_USER and DOZE_ADMIN_PASSWORD_HASH, or neither, for no Admin UI")
	}
	mode := admin.Production
	if m := os.Getenv("DOZE_ADMIN_MODE"); m != "" {
		mode = admin.Mode(m)
	}
	err := admin.Instrument(io, admin.Options{Username: user, PasswordHash: hash, Mode: mode, ReadOnly: os.Getenv("DOZE_ADMIN_READ_ONLY") == "yes"})
	if err != nil {
		return fmt.Errorf("backend: DOZE_ADMIN_USER, DOZE_ADMIN_PASSWORD_HASH and DOZE_ADMIN_MODE: %w", err)
	}
	return nil
}
