package admin

import (
	"errors"
	"testing"
)

// A wrong name that were refused at once would tell who guesses which names there are.
func TestThePasswordIsComparedWhateverTheNameIs(t *testing.T) {
	for _, name := range []string{"ops", "Ops", "", "somebody else"} {
		compared := 0
		a := &admin{o: Options{Username: "ops", PasswordHash: "hash"}, comparing: make(chan struct{}, 1), compare: func(hash, password []byte) error {
			compared++
			if string(password) != "secret" {
				return errors.New("wrong")
			}
			return nil
		}}
		for _, password := range []string{"secret", "wrong"} {
			want := name == "ops" && password == "secret"
			if got := a.mayLogIn(t.Context(), credentials{username: name, password: password}); got != want {
				t.Errorf("%s, %s: %v", name, password, got)
			}
		}
		if compared != 2 {
			t.Errorf("%q: the password was compared %d times of 2", name, compared)
		}
	}
}
