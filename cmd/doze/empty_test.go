package main

import (
	"io"
	"strings"
	"testing"
)

// TestWhatIsEmptyIsAMistakeOfTheShell has each command with a variable of a shell that is not set in the place of
// something that would then mean another deployment, another namespace, or everybody.
func TestWhatIsEmptyIsAMistakeOfTheShell(t *testing.T) {
	// Where else they would act is in the environment, and nobody answers there.
	for name, value := range map[string]string{
		"AWS_REGION": "us-east-1", "AWS_ACCESS_KEY_ID": "a", "AWS_SECRET_ACCESS_KEY": "b", "AWS_MAX_ATTEMPTS": "1", "AWS_ENDPOINT_URL": "http://127.0.0.1:1",
		"DOZE_TABLE": "t", "DOZE_CONNECTIONS": "http://127.0.0.1:1/live", "DOZE_QUEUE": "http://127.0.0.1:1/q", "DOZE_DEAD_QUEUE": "http://127.0.0.1:1/d",
	} {
		t.Setenv(name, value)
	}
	const dev = "-dev http://127.0.0.1:1"
	for _, c := range []struct{ command, want string }{
		{"emit -stack $ news", "-stack is empty"},
		{"emit -dev $ news", "-dev is empty"},
		{"emit " + dev + " -to $ news", "-to: is empty"},
		{"emit " + dev + " -except $ news", "-except: is empty"},
		{"rooms -namespace $ " + dev, "-namespace is empty"},
		{"sockets -table $", "-table is empty"},
		{"ls -namespace $ " + dev, "-namespace is empty"},
		{"show -endpoint $ a", "-endpoint is empty"},
		{"show " + dev + " $", "the id is empty"},
		{"kick " + dev + " -reason $ a", "-reason is empty"},
		{"kick " + dev + " a $", "the id is empty"},
		{"drain -stack $", "-stack is empty"},
		{"drain -before $ " + dev, "-before is empty"},
		{"redrive -resend $", "a message is empty"},
		{"redrive -delete $", "a message is empty"},
		{"redrive -dead $", "-dead is empty"},
		{"doctor -stack a -endpoint $", "-endpoint is empty"},
		{"top -stack a -endpoint $", "-endpoint is empty"},
		{"disconnect -all -namespace $ " + dev, "-namespace is empty"},
		{"disconnect -to $ " + dev, "-to: is empty"},
		{"disconnect -all -except $ " + dev, "-except: is empty"},
		{"tail " + dev + " $", "a room is empty"},
		{"tail -auth $ " + dev, "-auth is empty"},
		{"gateway -addr 127.0.0.1:0 -stack $", "-stack is empty"},
		{"verify http://127.0.0.1:1 -only $", "-only is empty"},
	} {
		args := strings.Fields(c.command)
		for i := range args {
			if args[i] == "$" {
				args[i] = ""
			}
		}
		err := run(t.Context(), args, io.Discard, io.Discard)
		if err == nil || !strings.Contains(err.Error(), c.want) || !strings.Contains(err.Error(), "is a variable of the shell not set?") {
			t.Errorf("doze %s: %v, want %s", c.command, err, c.want)
		}
	}
}
