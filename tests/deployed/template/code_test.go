//go:build full

package template

import (
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"sync"
	"testing"
)

// code is what the functions read and call.
type code struct {
	variables []string            // that are read, DOZE_* only
	functions map[string][]string // by name in the template: "action on resource", each call that the linker has left in
	emitter   []string            // the calls of a program that sends from elsewhere
}

// folders are those of the functions.
var folders = map[string]string{
	"ConnectFunction": "connect", "PollFunction": "poll", "MessageFunction": "message", "DisconnectFunction": "disconnect", "HeartbeatFunction": "heartbeat",
}

// calls are the operations of the SDK, in the template's words. An operation that is not in here is an error.
var calls = map[string]string{
	"dynamodb.GetItem":    "dynamodb:GetItem on Table",
	"dynamodb.PutItem":    "dynamodb:PutItem on Table",
	"dynamodb.UpdateItem": "dynamodb:UpdateItem on Table",
	"dynamodb.DeleteItem": "dynamodb:DeleteItem on Table",
	"dynamodb.Query":      "dynamodb:Query on Table",
	// What the SDK may ask where a service needs an endpoint of one's own, which DynamoDB does not: it is never called
	// unless EndpointDiscovery.EnableEndpointDiscovery is set.
	"dynamodb.DescribeEndpoints": "",

	"sqs.SendMessage":             "sqs:SendMessage on JobQueue",
	"sqs.ChangeMessageVisibility": "sqs:ChangeMessageVisibility on JobQueue",
}

// methods are Doze's own that call: where the SDK's operation does not tell, or is not used.
var methods = map[string]string{
	"SQSQueue).Bury":     "sqs:SendMessage on DeadLetterQueue",
	"Poster).Post":       "execute-api:ManageConnections on WebSocketApi/live/POST/@connections/*",
	"Poster).Exists":     "execute-api:ManageConnections on WebSocketApi/live/GET/@connections/*",
	"Poster).Disconnect": "execute-api:ManageConnections on WebSocketApi/live/DELETE/@connections/*",
}

var (
	method     = regexp.MustCompile(`/pkg/apigw/outgoing\.\(\*(\w+\)\.\w+)$`)
	operation  = regexp.MustCompile(`github\.com/aws/aws-sdk-go-v2/service/(\w+\.)\(\*Client\)\.([A-Z]\w*)$`)
	inQuotes   = regexp.MustCompile(`"(DOZE_[A-Z_]+)"`)
	documented = regexp.MustCompile(`(?m)^//\t(DOZE_[A-Z_]+)`)
)

var (
	once sync.Once
	read code
)

// readCode reads the functions' code, once for all tests.
func readCode(t *testing.T) code {
	t.Helper()
	once.Do(func() {
		read = code{variables(t), operations(t), operationsOf(t, "an emitter", "./tests/docs/elsewhere/program")}
	})
	return read
}

// variables returns those that the functions read, and sees to it that each is documented.
func variables(t *testing.T) []string {
	t.Helper()
	files, err := filepath.Glob(root + "/functions/*/*.go")
	if err != nil || len(files) == 0 {
		t.Fatal("no functions", err)
	}
	var read, explained []string
	for _, name := range files {
		text, err := os.ReadFile(name)
		if err != nil {
			t.Fatal(err)
		}
		for _, m := range inQuotes.FindAllSubmatch(text, -1) {
			read = append(read, string(m[1]))
		}
		for _, m := range documented.FindAllSubmatch(text, -1) {
			explained = append(explained, string(m[1]))
		}
	}
	for _, names := range []*[]string{&read, &explained} {
		slices.Sort(*names)
		*names = slices.Compact(*names)
	}
	if !slices.Equal(read, explained) {
		t.Fatalf("the functions read %q, and their comments explain %q", read, explained)
	}
	return read
}

// operations returns what each function can call.
func operations(t *testing.T) map[string][]string {
	t.Helper()
	all := map[string][]string{}
	for function, folder := range folders {
		all[function] = operationsOf(t, function, "./functions/"+folder)
	}
	return all
}

// operationsOf builds a program as it is deployed, but with its symbols. The linker leaves out every method that cannot
// be reached, so that what is there is what the program could call. Of services that are not Doze's own, such as that
// which the SDK asks for credentials, nothing is said.
func operationsOf(t *testing.T, program, source string) (all []string) {
	t.Helper()
	file := filepath.Join(t.TempDir(), "program")
	build := exec.Command("go", "build", "-tags", "lambda.norpc", "-o", file, source)
	build.Dir, build.Env = root, append(os.Environ(), "CGO_ENABLED=0")
	if out, err := build.CombinedOutput(); err != nil {
		t.Fatalf("go build: %v\n%s", err, out)
	}
	symbols, err := exec.Command("go", "tool", "nm", file).Output()
	if err != nil {
		t.Fatal(err)
	}
	for line := range strings.Lines(string(symbols)) {
		line = strings.TrimSpace(line)
		if m := method.FindStringSubmatch(line); m != nil && methods[m[1]] != "" {
			all = append(all, methods[m[1]])
		}
		m := operation.FindStringSubmatch(line)
		if m == nil || m[2] == "Options" || slices.Contains(credentials, m[1]) {
			continue
		}
		call, known := calls[m[1]+m[2]]
		if !known {
			t.Errorf("%s can call %s%s, which the template knows nothing of", program, m[1], m[2])
		} else if call != "" {
			all = append(all, call)
		}
	}
	if len(all) < 5 {
		t.Errorf("%s can call %q only: are there no symbols?", program, all)
	}
	return all
}

// credentials are the services that the SDK gets credentials from, where a program looks for them.
var credentials = []string{"sts.", "sso.", "ssooidc.", "signin."}

func write(t *testing.T, name string, text []byte) {
	t.Helper()
	if err := os.WriteFile(name, text, 0o600); err != nil {
		t.Fatal(err)
	}
}
