//go:build full

package template

import (
	"bytes"
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/dozeio/doze/internal/jobqueue"
)

// loops looks for functions that can send to a queue that they are invoked by, be it through others. Lambda ends such a
// chain after some 16 invocations, unless the function says that it is meant
// (https://docs.aws.amazon.com/lambda/latest/dg/invocation-recursion.html).
func (t Template) loops() (all []string) {
	invokes := map[string][]string{} // functions by the queue that invokes them
	for _, m := range t.of("AWS::Lambda::EventSourceMapping") {
		p := t.Resources[m].Properties
		queue := p.text("EventSourceArn")
		invokes[queue] = append(invokes[queue], p.text("FunctionName"))
	}
	for _, f := range t.of("AWS::Lambda::Function") {
		own := ""
		for _, queue := range t.reached(f, invokes, nil) {
			if slices.Contains(invokes[queue], f) {
				own = queue
			}
		}
		allowed := t.Resources[f].Properties.text("RecursiveLoop") == "Allow"
		switch {
		case own != "" && !allowed:
			all = append(all, fmt.Sprintf("%s sends to %s, which invokes it, and lacks RecursiveLoop: Allow", f, own))
		case own == "" && allowed:
			all = append(all, f+" may loop, and is in no loop")
		}
	}
	return all
}

// reached returns the queues that a function can send to, itself or by way of others.
func (t Template) reached(function string, invokes map[string][]string, found []string) []string {
	granted := t.granted(function)
	for _, queue := range t.of("AWS::SQS::Queue") {
		may := false
		for _, action := range []string{"sqs:SendMessage", "sqs:*", "*"} {
			may = may || granted[action+" on "+queue] || granted[action+" on *"]
		}
		if !may || slices.Contains(found, queue) {
			continue
		}
		found = append(found, queue)
		for _, other := range invokes[queue] {
			found = t.reached(other, invokes, found)
		}
	}
	return found
}

// queues compares the queue with the function that takes from it, and with what the code makes of both.
func (t Template) queues() (all []string) {
	mappings := t.of("AWS::Lambda::EventSourceMapping")
	if len(mappings) != 1 {
		return []string{fmt.Sprintf("there are %d event source mappings, want 1", len(mappings))}
	}
	m, queue, function := t.Resources[mappings[0]].Properties, t.Resources["JobQueue"].Properties, t.Resources["HeartbeatFunction"].Properties
	if m.text("FunctionName") != "HeartbeatFunction" || m.text("EventSourceArn") != "JobQueue" {
		all = append(all, mappings[0]+" does not bring the jobs to HeartbeatFunction")
	}
	if !strings.Contains(string(m["FunctionResponseTypes"]), "ReportBatchItemFailures") {
		all = append(all, mappings[0]+" lacks ReportBatchItemFailures: one failed job would bring all of its batch again")
	}
	if p := t.Resources["DefaultRoute"].Properties; p["RouteResponseSelectionExpression"] != nil || len(t.of("AWS::ApiGatewayV2::RouteResponse")) > 0 {
		all = append(all, "DefaultRoute has a route response: a client may get an empty frame for each of its own")
	}
	var redrive struct{ MaxReceiveCount json.RawMessage }
	_ = json.Unmarshal(queue["RedrivePolicy"], &redrive)
	hidden, timeout, kept, receives := number(queue["VisibilityTimeout"]), number(function["Timeout"]), number(queue["MessageRetentionPeriod"]), number(redrive.MaxReceiveCount)
	for _, same := range []struct {
		of, name  string
		got, want int
	}{
		{"JobQueue", "VisibilityTimeout", hidden, seconds(jobqueue.JobVisibility)},
		{"JobQueue", "MessageRetentionPeriod", kept, seconds(jobqueue.JobRetention)},
		{"JobQueue", "maxReceiveCount", receives, jobqueue.JobReceives},
		{"HeartbeatFunction", "Timeout", timeout, seconds(jobqueue.JobTime)},
		{mappings[0], "BatchSize", number(m["BatchSize"]), jobqueue.JobBatch},
	} {
		if same.got != same.want {
			all = append(all, fmt.Sprintf("%s has a %s of %d, want %d", same.of, same.name, same.got, same.want))
		}
	}
	if hidden < timeout { // which Lambda refuses
		all = append(all, fmt.Sprintf("JobQueue hides a job for %d s, and the function may take %d", hidden, timeout))
	}
	if patience, _ := t.Parameters["PingTimeout"].seconds(); hidden+timeout >= patience {
		all = append(all, fmt.Sprintf("a sweep that dies is repeated after %d s, and clients give up after %d", hidden+timeout, patience))
	}
	if receives*hidden < 3600 {
		all = append(all, fmt.Sprintf("JobQueue buries a job after %d s without concurrency", receives*hidden))
	}
	if _, most := t.Parameters["PingInterval"].seconds(); kept < most+receives*hidden {
		all = append(all, fmt.Sprintf("JobQueue forgets a job after %d s, before it is buried", kept))
	}
	return all
}

// reservations looks for functions that reserve concurrency, which a new account has none of to give:
// https://docs.aws.amazon.com/lambda/latest/dg/configuration-concurrency.html.
func (t Template) reservations() (all []string) {
	for _, f := range t.of("AWS::Lambda::Function") {
		want := ""
		if f == "PollFunction" {
			want = `{"Fn::If":["HasPollConcurrency",{"Ref":"PollConcurrency"},{"Ref":"AWS::NoValue"}]}`
		}
		var got bytes.Buffer
		if raw := t.Resources[f].Properties["ReservedConcurrentExecutions"]; raw != nil {
			_ = json.Compact(&got, raw)
		}
		if got.String() != want {
			all = append(all, fmt.Sprintf("%s reserves %q, want %q", f, got.String(), want))
		}
	}
	if n := number(t.Parameters["PollConcurrency"].Default); n != 0 {
		all = append(all, fmt.Sprintf("PollConcurrency is %d unless one says otherwise, which a new account refuses", n))
	}
	return all
}

func number(raw json.RawMessage) (n int) {
	_ = json.Unmarshal(raw, &n)
	return n
}

func seconds(d time.Duration) int { return int(d / time.Second) }

// TestLoopsAreFoundThroughOthers has two functions that invoke each other, and one that only begins it.
func TestLoopsAreFoundThroughOthers(t *testing.T) {
	var parsed Template
	function := func(name, sends, more string) string {
		return fmt.Sprintf(`%q: {"Type": "AWS::Lambda::Function", "Properties": {%s"Role": {"Ref": "%[1]sRole"}}},
			"%[1]sRole": {"Properties": {"Policies": [{"PolicyDocument": {"Statement": [{"Effect": "Allow", "Action": "sqs:SendMessage", "Resource": {"Fn::GetAtt": [%[3]q, "Arn"]}}]}}]}}`, name, more, sends)
	}
	mapping := func(queue, function string) string {
		return fmt.Sprintf(`"%sTo%s": {"Type": "AWS::Lambda::EventSourceMapping", "Properties": {"EventSourceArn": {"Ref": %[1]q}, "FunctionName": {"Ref": %[2]q}}}`, queue, function)
	}
	text := `{"Resources": {"A": {"Type": "AWS::SQS::Queue"}, "B": {"Type": "AWS::SQS::Queue"},` + strings.Join([]string{
		function("First", "A", ""), function("Ping", "B", ""), function("Pong", "A", `"RecursiveLoop": "Allow", `), mapping("A", "Ping"), mapping("B", "Pong"),
	}, ",") + `}}`
	if err := json.Unmarshal([]byte(text), &parsed); err != nil {
		t.Fatal(err)
	}
	if got := parsed.loops(); len(got) != 1 || !strings.HasPrefix(got[0], "Ping sends to A, which invokes it") {
		t.Errorf("%q", got)
	}
}
