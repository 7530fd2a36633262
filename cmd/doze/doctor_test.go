package main

import (
	"bytes"
	"encoding/json"
	"io"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/dozeio/doze/internal/doctor"
	"github.com/dozeio/doze/tests/kit/fakeaws"
)

// stranger is an account with a stack of which nothing may be read but that its AllowOrigins is "*", and that has
// nothing in it.
func stranger(t *testing.T) (endpoint string) {
	t.Helper()
	for name, value := range map[string]string{"AWS_REGION": "us-east-1", "AWS_ACCESS_KEY_ID": "a", "AWS_SECRET_ACCESS_KEY": "b", "AWS_MAX_ATTEMPTS": "1"} {
		t.Setenv(name, value)
	}
	server := httptest.NewServer(fakeaws.New(map[string]any{
		"DescribeStacks": `<Stacks><member><StackName>chat</StackName><StackStatus>CREATE_COMPLETE</StackStatus><CreationTime>2026-01-01T00:00:00Z</CreationTime>
<Parameters><member><ParameterKey>AllowOrigins</ParameterKey><ParameterValue>*</ParameterValue></member></Parameters></member></Stacks>`,
		"ListStackResources": "<StackResourceSummaries></StackResourceSummaries>",
	}))
	t.Cleanup(server.Close)
	return server.URL
}

func TestDoctorSaysWhatItFinds(t *testing.T) {
	endpoint := stranger(t)
	ask := func(more ...string) string {
		var out bytes.Buffer
		err := run(t.Context(), append([]string{"doctor", "-stack", "chat", "-endpoint", endpoint}, more...), &out, io.Discard)
		if err == nil || err.Error() != "1 thing is wrong with the stack chat" {
			t.Errorf("%v", err)
		}
		return out.String()
	}
	text := ask()
	if !strings.HasPrefix(text, "wrong   who may connect: AllowOrigins is *") || !strings.Contains(text, "do: name the origins") || !strings.Contains(text, "costs: nothing") ||
		strings.Contains(text, "\nfine ") || !strings.Contains(text, "1 wrong, 1 to raise,") {
		t.Error(text)
	}
	if text := ask("-all"); !strings.Contains(text, "\nfine    stack: it is in the state CREATE_COMPLETE") {
		t.Error(text)
	}
	levels := map[doctor.Level]int{}
	for line := range strings.Lines(ask("-json")) {
		var f doctor.Finding
		if err := json.Unmarshal([]byte(line), &f); err != nil || f.Check == "" {
			t.Errorf("%q: %v", line, err)
		}
		levels[f.Level]++
	}
	if levels[doctor.Wrong] != 1 || levels[doctor.Fine] == 0 || levels[doctor.Unknown] < 8 {
		t.Errorf("%v", levels)
	}
	for args, want := range map[string]string{"doctor": "which stack?", "doctor -dev http://127.0.0.1:1": "neither quotas", "doctor -stack none -endpoint http://127.0.0.1:1": "no answer of AWS in the region us-east-1"} {
		if err := run(t.Context(), strings.Fields(args), io.Discard, io.Discard); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("doze %s: %v", args, err)
		}
	}
}
