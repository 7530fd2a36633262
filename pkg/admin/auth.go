package admin

import (
	"context"
	"crypto/sha256"
	"crypto/subtle"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"strings"
	"time"

	"github.com/dozeio/doze/pkg/socketio"
)

// sessionLife is how long a page that was let in need not be given the password again, as in Node's RedisStore.
const sessionLife = 24 * time.Hour

// errCredentials has the words that the page looks for.
var errCredentials = &socketio.ConnectError{Message: "invalid credentials"}

// credentials are what a page says of itself.
type credentials struct{ session, username, password string }

func credentialsOf(s *socketio.Socket) (c credentials, err error) {
	var auth struct {
		Username  json.RawMessage `json:"username"`
		Password  json.RawMessage `json:"password"`
		SessionID json.RawMessage `json:"sessionId"`
	}
	err = s.Auth(&auth)
	return credentials{text(auth.SessionID), text(auth.Username), text(auth.Password)}, err
}

// authenticate lets in who has a session, or name and password.
func (a *admin) authenticate(ctx context.Context, s *socketio.Socket) error {
	if a.o.InsecureNoAuth {
		return nil
	}
	c, err := credentialsOf(s)
	if err != nil {
		return errCredentials
	}
	if there, err := a.hasSession(ctx, c); err != nil || there {
		return err
	}
	if c.username == "" && c.password == "" { // its session has ended
		return errCredentials
	}
	if !a.mayLogIn(ctx, c) {
		a.loginFailed(ctx, s)
		return errCredentials
	}
	return nil
}

// mayLogIn compares the password also for a wrong name, so that the time of the answer does not tell which of them is
// wrong.
func (a *admin) mayLogIn(ctx context.Context, c credentials) bool {
	isPassword := a.isPassword(ctx, c.password)
	return subtle.ConstantTimeCompare([]byte(c.username), []byte(a.o.Username)) == 1 && isPassword
}

// logFailedEvery is how often a process writes a line about logins that fail.
const logFailedEvery = time.Minute

// loginFailed says so in the log, with how many there were since the last line. What was tried is not in it: people
// write their password where the name belongs.
func (a *admin) loginFailed(ctx context.Context, s *socketio.Socket) {
	now := a.server.Now()
	a.mu.Lock()
	a.failed++
	n := a.failed
	soon := now.Before(a.failedLogged.Add(logFailedEvery)) && !a.failedLogged.After(now)
	if !soon {
		a.failed, a.failedLogged = 0, now
	}
	a.mu.Unlock()
	if soon {
		return
	}
	address := "unknown"
	if h, err := s.Handshake(ctx); err == nil {
		address = h.Address
	}
	a.server.Logger().WarnContext(ctx, "a login at the Admin UI failed", "namespace", a.o.Namespace, "address", address, "count", n)
}

func (a *admin) hasSession(ctx context.Context, c credentials) (bool, error) {
	if c.session == "" {
		return false, nil
	}
	note, err := a.server.Notes().Note(ctx, a.sessionKey(c.session), true)
	return note != "", err
}

// beginSession gives a session to who was let in without one. Node sends it before the page is connected: but the page
// listens only from then on, and loses it.
func (a *admin) beginSession(ctx context.Context, s *socketio.Socket) error {
	if a.o.InsecureNoAuth {
		return nil
	}
	c, err := credentialsOf(s)
	if err != nil {
		return err
	}
	if there, err := a.hasSession(ctx, c); err != nil || there {
		return err
	}
	random, err := a.server.Random(16)
	if err != nil {
		return err
	}
	sum := sha256.Sum256([]byte(random)) // of 96 random bits 64 are left, as Node's ids have
	id := hex.EncodeToString(sum[:8])
	if _, err := a.server.Notes().PutNote(ctx, a.sessionKey(id), "", "admin", a.server.Now().Add(sessionLife)); err != nil {
		return err
	}
	return s.Emit(ctx, "session", id)
}

// text returns a JSON string, "" for anything else.
func text(value json.RawMessage) (s string) {
	if json.Unmarshal(value, &s) != nil {
		return ""
	}
	return s
}

// isPassword compares a password, which is slow on purpose: one at a time in a process, so that whoever guesses does not
// take all of a process that serves many at once. A function's process serves one.
func (a *admin) isPassword(ctx context.Context, password string) bool {
	select {
	case a.comparing <- struct{}{}:
		defer func() { <-a.comparing }()
	case <-ctx.Done():
		return false
	}
	return a.compare([]byte(a.o.PasswordHash), []byte(password)) == nil
}

// sessionKey is where a session is kept: not by its id, which is as good as the password; and with the name and the
// password's hash, so that who changes one of them ends all sessions.
func (a *admin) sessionKey(id string) string {
	sum := sha256.Sum256(fmt.Appendf(nil, "%q %q %q", a.o.Username, a.o.PasswordHash, id))
	return a.key("session:" + hex.EncodeToString(sum[:]))
}

func (a *admin) key(name string) string { return "admin:" + a.o.Namespace + ":" + name }

// notBcrypt says what has become of a hash, which it does not repeat, on its way through a shell or a file.
func notBcrypt(hash string) string {
	switch {
	case strings.Trim(hash, " \t\r\n'\"") != hash:
		return "it has quotes or spaces around it: take them away"
	case strings.Contains(hash, "$$"):
		return "each $ is there twice: write it once"
	case strings.Contains(hash, ":"):
		return "it is a whole line of htpasswd: only what is after the colon is the hash"
	case strings.HasPrefix(hash, "$2") && len(hash) < bcryptLength:
		return fmt.Sprintf("it has %d characters: has a shell cut it at a $? Put it into single quotes", len(hash))
	case strings.HasPrefix(hash, "$") || strings.HasPrefix(hash, "{"):
		return "it is of another kind: htpasswd needs -B for bcrypt"
	case !strings.Contains(hash, "$"):
		return "it has no $: is it the password itself, or has a shell replaced each $ and what follows? Put the hash into single quotes"
	}
	return "has a shell replaced a $ and what follows? Put the hash into single quotes"
}

// bcryptLength is that of a hash.
const bcryptLength = 60
