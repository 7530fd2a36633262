package socketio_test

import (
	"context"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/dozeio/doze/pkg/socketio"
	"github.com/dozeio/doze/pkg/socketio/socketiotest"
)

// user is what a token says of a client, and what its socket keeps of it.
type user struct {
	Subject string `json:"sub"`
	Expires int64  `json:"exp"` // seconds since 1970
}

// requireToken lets in who brings a token that was signed with the secret and is still good: a JWT with HS256.
func requireToken(secret []byte, now func() time.Time) func(context.Context, *socketio.Socket) error {
	return func(ctx context.Context, s *socketio.Socket) error {
		var auth struct {
			Token string `json:"token"`
		}
		if err := s.Auth(&auth); err != nil {
			return &socketio.ConnectError{Message: "log in first"}
		}
		who, err := verify(auth.Token, secret)
		if err != nil || now().Unix() >= who.Expires || who.Subject == "" {
			return &socketio.ConnectError{Message: "log in first"}
		}
		return socketio.UpdateData(ctx, s, func(u *user) error { *u = who; return nil })
	}
}

// verify returns what a token says. Nothing of a token is believed before its signature is found right, but for the
// algorithm, which has to be the only one that is expected.
func verify(token string, secret []byte) (u user, err error) {
	parts := strings.Split(token, ".")
	if len(parts) != 3 {
		return u, errors.New("not a token")
	}
	var header struct {
		Algorithm string `json:"alg"`
	}
	if err := decodePart(parts[0], &header); err != nil || header.Algorithm != "HS256" {
		return u, errors.New("not a token with HS256")
	}
	signature, err := base64.RawURLEncoding.DecodeString(parts[2])
	mac := hmac.New(sha256.New, secret)
	mac.Write([]byte(parts[0] + "." + parts[1]))
	if err != nil || !hmac.Equal(signature, mac.Sum(nil)) {
		return u, errors.New("signed by somebody else")
	}
	return u, decodePart(parts[1], &u)
}

func decodePart(part string, into any) error {
	text, err := base64.RawURLEncoding.DecodeString(part)
	if err != nil {
		return err
	}
	return json.Unmarshal(text, into)
}

// sign makes a token, as whoever logs people in does.
func sign(header, payload string, secret []byte) string {
	signed := base64.RawURLEncoding.EncodeToString([]byte(header)) + "." + base64.RawURLEncoding.EncodeToString([]byte(payload))
	mac := hmac.New(sha256.New, secret)
	mac.Write([]byte(signed))
	return signed + "." + base64.RawURLEncoding.EncodeToString(mac.Sum(nil))
}

// A middleware that asks for a JWT. The client connects with io(url, { auth: { token } }).
func ExampleNamespace_Use_jwt() {
	secret := []byte("32 random bytes from your secrets")
	noon := func() time.Time { return time.Unix(1_800_000_000, 0) }
	io := socketio.New(socketio.Options{})
	root := io.Of("/")
	root.Use(requireToken(secret, noon)) // time.Now in an application
	root.On("whoami", func(ctx context.Context, s *socketio.Socket) (string, error) {
		var u user
		err := s.Data(&u)
		return u.Subject, err
	})

	s := socketiotest.New(nil, io)
	defer s.Close()
	const hs256, ada = `{"alg":"HS256","typ":"JWT"}`, `{"sub":"ada","exp":1800000600}`
	token := func(t string) socketiotest.Option { return socketiotest.Auth(map[string]string{"token": t}) }
	fmt.Println(s.Connect("/", token(sign(hs256, ada, secret))).Emit("whoami")[0])
	for _, wrong := range []string{
		"",
		sign(hs256, ada, []byte("another secret")),
		sign(hs256, `{"sub":"ada","exp":1799999999}`, secret), // too old
		sign(`{"alg":"none"}`, ada, secret),
		strings.Replace(sign(hs256, ada, secret), ".", ".x", 1),
	} {
		fmt.Println(s.ConnectError("/", token(wrong)))
	}
	// Output:
	// ada
	// log in first
	// log in first
	// log in first
	// log in first
	// log in first
}
