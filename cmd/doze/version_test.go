package main

import (
	"bytes"
	"regexp"
	"strings"
	"testing"

	"github.com/dozeio/doze/pkg/verify"
)

func TestTheVersionHasManyNames(t *testing.T) {
	for _, name := range []string{"version", "-v", "-version", "--version"} {
		var out, log bytes.Buffer
		if err := run(t.Context(), []string{name}, &out, &log); err != nil || out.String() != verify.Version()+"\n" {
			t.Errorf("doze %s: %v %q", name, err, out.String())
		}
	}
}

// TestAnUnknownVersionSaysHowToKnowIt is on the log alone: scripts read what is printed.
func TestAnUnknownVersionSaysHowToKnowIt(t *testing.T) {
	for version, known := range map[string]bool{"v1.2.3": true, "07bcc83bfe52": true, unknownVersion: false} {
		var out, log bytes.Buffer
		if err := printVersion(version, nil, &out, &log); err != nil || out.String() != version+"\n" {
			t.Errorf("%s: %v %q", version, err, out.String())
		}
		if said := log.String(); known != (said == "") || !known && !(strings.Contains(said, "go build -buildvcs=true") && strings.Contains(said, "go install "+ours+"/cmd/doze@")) {
			t.Errorf("%s: the log has %q", version, said)
		}
	}
}

// TestAVersionIsThatOfAModuleOrACommitOrUnknown holds unknownVersion to what verify.Version returns. Go notes a version
// in a test only when it is told to.
func TestAVersionIsThatOfAModuleOrACommitOrUnknown(t *testing.T) {
	if got := verify.Version(); got != unknownVersion && !regexp.MustCompile(`^(v\d.*|[0-9a-f]{40,64})$`).MatchString(got) {
		t.Errorf("a test is of the version %q", got)
	}
}
