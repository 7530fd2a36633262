package main

import (
	"context"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
)

// TestCommandsThatTakeAStackSayWhatIsMissing has each of them look for a stack without a region, without credentials, and
// with both where the stack is not.
func TestCommandsThatTakeAStackSayWhatIsMissing(t *testing.T) {
	aws := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Content-Type", "text/xml")
		w.WriteHeader(http.StatusBadRequest)
		io.WriteString(w, `<ErrorResponse><Error><Type>Sender</Type><Code>ValidationError</Code><Message>Stack with id chat does not exist</Message></Error></ErrorResponse>`)
	}))
	defer aws.Close()
	for name, value := range map[string]string{
		"HOME": t.TempDir(), "AWS_PROFILE": "", "AWS_REGION": "", "AWS_DEFAULT_REGION": "", "AWS_ACCESS_KEY_ID": "", "AWS_SECRET_ACCESS_KEY": "", "AWS_SESSION_TOKEN": "",
		"AWS_EC2_METADATA_DISABLED": "true", "AWS_MAX_ATTEMPTS": "1", "AWS_CONFIG_FILE": "", "AWS_SHARED_CREDENTIALS_FILE": "", "AWS_WEB_IDENTITY_TOKEN_FILE": "",
		"AWS_CONTAINER_CREDENTIALS_RELATIVE_URI": "", "AWS_CONTAINER_CREDENTIALS_FULL_URI": "",
	} {
		t.Setenv(name, value)
	}
	commands := []string{"emit news", "rooms", "sockets", "ls", "show a", "kick a", "drain", "redrive", "doctor", "top", "disconnect -all", "tail", "gateway -addr 127.0.0.1:0"}
	for _, step := range []struct {
		set  map[string]string
		want string
	}{
		{nil, "there is no region: set AWS_REGION"},
		{map[string]string{"AWS_REGION": "eu-west-1"}, "the stack chat could not be read: there are no AWS credentials: set AWS_PROFILE"},
		{map[string]string{"AWS_ACCESS_KEY_ID": "a", "AWS_SECRET_ACCESS_KEY": "b"}, "there is no stack chat in the region eu-west-1 of this account"},
		{map[string]string{"AWS_PROFILE": "nobody"}, "see AWS_PROFILE and the files in ~/.aws"},
	} {
		for name, value := range step.set {
			t.Setenv(name, value)
		}
		for _, command := range commands {
			err := run(context.Background(), append(strings.Fields(command), "-stack", "chat", "-endpoint", aws.URL), io.Discard, io.Discard)
			if err == nil || !strings.Contains(err.Error(), step.want) {
				t.Errorf("doze %s: %v, want %s", command, err, step.want)
			}
		}
	}
}
