package awsfault_test

import (
	"errors"
	"strings"
	"syscall"
	"testing"

	"github.com/aws/smithy-go"

	"github.com/dozeio/doze/internal/awsfault"
)

func TestAStackThatCouldNotBeReadSaysWhatIsMissing(t *testing.T) {
	for name, c := range map[string]struct {
		err        error
		says, mute string
	}{
		"not there": {nil, "there is no stack chat in the region eu-west-1 of this account: set -stack", "("},
		"unknown": {answered(400, &smithy.GenericAPIError{Code: "ValidationError", Message: "Stack with id chat does not exist"}),
			"there is no stack chat in the region eu-west-1", "ValidationError"},
		"nothing found": {unsent(errors.New("get identity: get credentials: failed to refresh cached credentials, no EC2 IMDS role found, and more")),
			"there are no AWS credentials: set AWS_PROFILE", "IMDS"},
		"over":        {unsent(errors.New("get identity: get credentials: the SSO session has expired")), "sso login (get credentials: the SSO session has expired)", "region"},
		"no region":   {unsent(errors.New("resolve endpoint: Invalid Configuration: Missing Region")), "there is no region: set AWS_REGION", "(" + "resolve"},
		"stranger":    {code(403, "InvalidClientTokenId"), "AWS does not know the credentials, or they have expired: sign in again", "region"},
		"expired":     {code(403, "ExpiredToken"), "sign in again", "region"},
		"denied":      {code(403, "AccessDenied"), "the credentials have no right to that", "region"},
		"unreachable": {unsent(syscall.ECONNREFUSED), "no answer of AWS in the region eu-west-1: set -endpoint", "credentials"},
		"another":     {code(404, "UnknownError"), "what answers is not AWS: set -endpoint", "credentials"},
		"busy":        {code(400, "Throttling"), "try again (Throttling: ", "credentials"},
		"refused":     {code(400, "ValidationError"), "CloudFormation refuses to: set -stack, -endpoint and the region right (ValidationError: some words)", "credentials"},
	} {
		got := awsfault.Stack("chat", "eu-west-1", c.err).Error()
		if !strings.Contains(got, "the stack chat could not be read: ") && !strings.Contains(got, "no stack chat") || !strings.Contains(got, c.says) || strings.Contains(got, c.mute) || strings.Contains(got, "\n") {
			t.Errorf("%s: %s", name, got)
		}
	}
}
