//go:build full

// Package template compares the template with the code that it deploys: what the functions read, answer and may do.
package template

import (
	"bytes"
	"encoding/json"
	"os/exec"
	"slices"
	"strings"
	"testing"
)

const (
	root   = "../../.."
	source = root + "/template.yaml"
)

// python runs a program of the Python that make has installed what is needed for.
func python(t *testing.T, program string, args ...string) []byte {
	t.Helper()
	var stderr bytes.Buffer
	cmd := exec.Command(root+"/tests/.venv/bin/"+program, args...)
	cmd.Stderr = &stderr
	out, err := cmd.Output()
	if err != nil {
		t.Fatalf("%s %v (run make test, or make tests/.venv): %v\n%s%s", program, args, err, out, stderr.Bytes())
	}
	return out
}

// translated is what CloudFormation makes of the template.
func translated(t *testing.T) (text []byte, parsed Template) {
	t.Helper()
	text = python(t, "python", "translate.py", source)
	if err := json.Unmarshal(text, &parsed); err != nil {
		t.Fatal(err)
	}
	return text, parsed
}

func TestTemplateFitsTheCode(t *testing.T) {
	_, parsed := translated(t)
	for _, p := range parsed.Problems(readCode(t)) {
		t.Error(p)
	}
}

// TestMisfitsAreFound changes the template in one place, each time, and wants that to be noticed.
func TestMisfitsAreFound(t *testing.T) {
	text, _ := translated(t)
	code := readCode(t)
	for _, c := range []struct {
		what     string
		old, new string // of the template, in JSON; new replaces the first old
		want     string // part of what is said
	}{
		{"a right that no code uses", `"dynamodb:Query"`, `"dynamodb:Query", "dynamodb:Scan"`, "ConnectFunction may dynamodb:Scan on Table, and never does"},
		{"a right to everything", `"dynamodb:Query"`, `"dynamodb:*"`, "ConnectFunction may dynamodb:* on Table, and never does"},
		{"a right on everything", `"Resource": {"Fn::GetAtt": ["Table", "Arn"]}`, `"Resource": "*"`, "ConnectFunction may dynamodb:GetItem on *, and never does"},
		{"a right on another queue", `"Effect": "Allow", "Action": "sqs:SendMessage", "Resource": {"Fn::GetAtt": ["JobQueue", "Arn"]}`,
			`"Effect": "Allow", "Action": "sqs:SendMessage", "Resource": {"Fn::GetAtt": ["DeadLetterQueue", "Arn"]}`, "ConnectFunction may sqs:SendMessage on DeadLetterQueue, and never does"},
		{"a right that is missing", `"dynamodb:DeleteItem", `, ``, "ConnectFunction calls dynamodb:DeleteItem on Table, which it may not"},
		{"the stage that is missing", `${WebSocketApi}/live/GET/@connections/*`, `${WebSocketApi}/GET/@connections/*`,
			"ConnectFunction calls execute-api:ManageConnections on WebSocketApi/live/GET/@connections/*, which it may not"},
		{"a right to bury jobs that is missing", `{"Effect": "Allow", "Action": "sqs:SendMessage", "Resource": {"Fn::GetAtt": ["DeadLetterQueue", "Arn"]}}`,
			`{"Effect": "Deny", "Action": "*", "Resource": "*"}`, "HeartbeatFunction calls sqs:SendMessage on DeadLetterQueue, which it may not"},
		{"an emitter that may too much", `"Description": {"Fn::Sub": "Sends to the clients of the stack ${AWS::StackName}"}, "PolicyDocument": {"Version": "2012-10-17", "Statement": [`,
			`"PolicyDocument": {"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Action": "sqs:ReceiveMessage", "Resource": {"Fn::GetAtt": ["JobQueue", "Arn"]}}, `,
			"EmitterPolicy may sqs:ReceiveMessage on JobQueue, and never does"},
		{"an emitter that may too little", `"Description": {"Fn::Sub": "Sends to the clients of the stack ${AWS::StackName}"}, "PolicyDocument": {"Version": "2012-10-17", "Statement": [{"Effect": "Allow"`,
			`"PolicyDocument": {"Version": "2012-10-17", "Statement": [{"Effect": "Deny"`,
			"EmitterPolicy calls dynamodb:GetItem on Table, which it may not"},
		{"a queue that everybody may send to", `"Principal": {"Service": "events.amazonaws.com"}`, `"Principal": "*"`, "JobQueuePolicy lets"},
		{"a queue that every rule may send to", `"aws:SourceArn": {"Fn::GetAtt": ["EventRule", "Arn"]}`, `"aws:SourceArn": "*"`, "JobQueuePolicy lets"},
		{"a queue that may be read", `"Principal": {"Service": "events.amazonaws.com"}, "Action": "sqs:SendMessage"`,
			`"Principal": {"Service": "events.amazonaws.com"}, "Action": "sqs:*"`, "JobQueuePolicy lets"},
		{"a managed policy", `"Policies": [`, `"ManagedPolicyArns": ["arn:aws:iam::aws:policy/PowerUserAccess"], "Policies": [`, "ConnectRole has managed policies"},
		{"a variable that is missing", `"DOZE_PING_TIMEOUT": {"Fn::If": ["HasPingTimeout", {"Fn::Sub": "${PingTimeout}s"}, ""]}`, `"AWS_LAMBDA_EXEC_WRAPPER": ""`,
			"ConnectFunction lacks DOZE_PING_TIMEOUT"},
		{"a variable that nobody reads", `"DOZE_TABLE": `, `"DOZE_TABEL": {"Ref": "Table"}, "DOZE_TABLE": `, "ConnectFunction has DOZE_TABEL, which nobody reads"},
		{"a monitor thread that is woken for each answer", `"GODEBUG": "schedtrace=2147483647"`, `"GODEBUG": "schedtrace=1"`,
			`ConnectFunction has GODEBUG "schedtrace=1", want "schedtrace=2147483647"`},
		{"two threads for a share of a processor", `"GOMAXPROCS": "1"`, `"GOMAXPROCS": "2"`, "ConnectFunction has a whole processor and is to use one thread, or"},
		{"one thread for a whole processor", `"MemorySize": 256`, `"MemorySize": 1769`, "MessageFunction has a whole processor and is to use one thread, or"},
		{"a permission for another route", `${WebSocketApi}/live/$disconnect`, `${WebSocketApi}/live/$connect`,
			"WebSocketApi may not invoke DisconnectFunction by WebSocketApi/live/$disconnect"},
		{"a permission for every caller", `${WebSocketApi}/live/$default`, `*`, "DefaultPermission lets *"},
		{"a route to another function", `${DisconnectFunction.Arn}/invocations`, `${MessageFunction.Arn}/invocations`,
			"$disconnect of WebSocketApi goes to MessageFunction, want DisconnectFunction"},
		{"a route that is missing", `{"Ref": "WebSocketApi"}, "RouteKey": "$default"`, `{"Ref": "WebSocketApi"}, "RouteKey": "other"`,
			"$default of WebSocketApi goes to nothing, want MessageFunction"},
		{"a route response", `{"Ref": "WebSocketApi"}, "RouteKey": "$default"`, `{"Ref": "WebSocketApi"}, "RouteKey": "$default", "RouteResponseSelectionExpression": "$default"`,
			"DefaultRoute has a route response"},
		{"a loop that Lambda ends", `"RecursiveLoop": "Allow"`, `"RecursiveLoop": "Terminate"`, "HeartbeatFunction sends to JobQueue, which invokes it"},
		{"a loop that nobody expects", `"MemorySize": 256`, `"MemorySize": 256, "RecursiveLoop": "Allow"`, "MessageFunction may loop, and is in no loop"},
		{"a reservation that a new account refuses", `"PollConcurrency"}, {"Ref": "AWS::NoValue"}`, `"MessageRate"}, {"Ref": "AWS::NoValue"}`, "PollFunction reserves"},
		{"a queue without reports of failures", `"ReportBatchItemFailures"`, ``, "HeartbeatFunctionJobs lacks ReportBatchItemFailures"},
		{"a queue that gives jobs out again too early", `"VisibilityTimeout": 20`, `"VisibilityTimeout": 14`, "JobQueue hides a job for 14 s, and the function may take 15"},
		{"a queue that repeats a sweep too late", `"VisibilityTimeout": 20`, `"VisibilityTimeout": 30`, "a sweep that dies is repeated after 45 s, and clients give up after 40"},
		{"clients that give up before a sweep is repeated", `"^(|[4-9]\\d|`, `"^(|3[5-9]|[4-9]\\d|`, "a sweep that dies is repeated after 35 s, and clients give up after 35"},
		{"another queue than the code makes", `"VisibilityTimeout": 20`, `"VisibilityTimeout": 21`, "JobQueue has a VisibilityTimeout of 21, want 20"},
		{"many jobs in one invocation", `"BatchSize": 1`, `"BatchSize": 10`, "HeartbeatFunctionJobs has a BatchSize of 10, want 1"},
		{"a queue that buries what found no concurrency", `"maxReceiveCount": 200`, `"maxReceiveCount": 20`, "JobQueue buries a job after 400 s without concurrency"},
		{"a queue that forgets what found no concurrency", `"MessageRetentionPeriod": 7200`, `"MessageRetentionPeriod": 3600`, "JobQueue forgets a job after 3600 s"},
	} {
		t.Run(c.what, func(t *testing.T) {
			mutant := bytes.Replace(oneLine(t, text), []byte(c.old), []byte(c.new), 1)
			if !bytes.Contains(oneLine(t, text), []byte(c.old)) {
				t.Fatalf("the template has no %s", c.old)
			}
			var parsed Template
			if err := json.Unmarshal(mutant, &parsed); err != nil {
				t.Fatal(err)
			}
			problems := parsed.Problems(code)
			if !slices.ContainsFunc(problems, func(p string) bool { return strings.Contains(p, c.want) }) {
				t.Errorf("want %q, got %q", c.want, problems)
			}
		})
	}
}

// oneLine writes the JSON as the cases above do: no line breaks, a space after each comma and colon.
func oneLine(t *testing.T, text []byte) []byte {
	t.Helper()
	var b bytes.Buffer
	if err := json.Compact(&b, text); err != nil {
		t.Fatal(err)
	}
	var spaced []byte
	quoted := false
	for i, c := range b.Bytes() {
		if c == '"' && b.Bytes()[i-1] != '\\' {
			quoted = !quoted
		}
		if spaced = append(spaced, c); !quoted && (c == ',' || c == ':') {
			spaced = append(spaced, ' ')
		}
	}
	return spaced
}

// TestLint looks at the source and at what CloudFormation makes of it: in a source, a reference to any name that begins
// with that of an API is taken for one of what SAM generates.
func TestLint(t *testing.T) {
	text, _ := translated(t)
	file := t.TempDir() + "/translated.json"
	write(t, file, text)
	python(t, "cfn-lint", source, file)

	broken := t.TempDir() + "/broken.json"
	write(t, broken, bytes.ReplaceAll(text, []byte(`"WebSocketApi"`), []byte(`"WebSocketApiX"`)))
	cmd := exec.Command(root+"/tests/.venv/bin/cfn-lint", broken)
	if out, err := cmd.CombinedOutput(); err == nil || !strings.Contains(string(out), "WebSocketApiX") {
		t.Errorf("a reference to nothing was taken: %v %s", err, out)
	}
}
