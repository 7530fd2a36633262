//go:build full

package main

import (
	"context"
	"encoding/json"
	"net/http"
	"strings"
	"testing"
	"time"
)

// right is what a function may do: an action, on those of its resources whose ARN contains a text.
type right struct{ function, action, resource string }

// The rights by their short names.
func table(function, operation string) right {
	return right{function, "dynamodb:" + operation, ":table/"}
}
func queue(function, operation string) right { return right{function, "sqs:" + operation, "JobQueue"} }
func connections(function, method string) right {
	return right{function, "execute-api:ManageConnections", "/live/" + method + "/"}
}

// need is a right without which something does not work.
type need struct {
	right
	test    string  // part of the name of a test of clients, in the file; "" for jobs
	besides []right // missing too, so that there is a fault, which the right is for; the function then says what is wrong
	passes  bool    // the test passes all the same, and the function says what is wrong
	silent  bool    // the test fails, and the function says nothing
}

// file is where the test is.
func (n need) file() string {
	if n.test == "is lost" {
		return "deployed/deploy/lost.test.mjs"
	}
	return "deployed/deploy/chat.test.mjs"
}

// needs are all that clients and jobs can bring about within seconds. The others are for a connection that is lost just
// when a poll or a farewell posts to it, for what comes before the connection that it is about, and for timers:
// testRole tries them.
var needs = []need{
	{right: table("Connect", "GetItem"), test: "every transport"},
	{right: table("Connect", "PutItem"), test: "every transport"},
	{right: table("Connect", "UpdateItem"), test: "every transport"},
	{right: queue("Connect", "SendMessage"), test: "every transport"},

	{right: table("Poll", "GetItem"), test: "every transport"},
	{right: table("Poll", "PutItem"), test: "every transport"},
	{right: table("Poll", "UpdateItem"), test: "every transport"},
	{right: table("Poll", "DeleteItem"), test: "polls twice"},
	{right: table("Poll", "Query"), test: "polls twice"},
	{right: connections("Poll", "POST"), test: "polls twice"},
	{right: connections("Poll", "DELETE"), test: "polls twice", besides: []right{connections("Poll", "POST")}},

	{right: table("Message", "GetItem"), test: "every transport"},
	{right: table("Message", "PutItem"), test: "every transport"},
	{right: table("Message", "UpdateItem"), test: "every transport"},
	{right: table("Message", "DeleteItem"), test: "every transport"},
	{right: table("Message", "Query"), test: "every transport"},
	{right: queue("Message", "SendMessage"), test: "is lost", silent: true},
	{right: connections("Message", "POST"), test: "every transport"},
	{right: connections("Message", "GET"), test: "is lost", silent: true},
	{right: connections("Message", "DELETE"), test: "nonsense"},

	{right: table("Disconnect", "GetItem"), test: "vanishes", passes: true},
	{right: table("Disconnect", "UpdateItem"), test: "vanishes"},
	{right: table("Disconnect", "DeleteItem"), test: "vanishes"},
	{right: table("Disconnect", "Query"), test: "vanishes"},
	{right: connections("Disconnect", "POST"), test: "vanishes"},
	{right: connections("Disconnect", "DELETE"), test: "vanishes", besides: []right{connections("Disconnect", "POST")}},

	{right: table("Heartbeat", "UpdateItem"), test: "every transport"},
	{right: table("Heartbeat", "DeleteItem"), test: "is lost"},
	{right: table("Heartbeat", "Query"), test: "is lost"},
	{right: connections("Heartbeat", "POST"), test: "every transport", silent: true},
	{right: connections("Heartbeat", "GET"), test: "every transport"},
	{right: connections("Heartbeat", "DELETE"), test: "every transport", besides: []right{connections("Heartbeat", "POST")}},
	{right: queue("Heartbeat", "ChangeMessageVisibility"), test: "every transport", besides: []right{table("Heartbeat", "UpdateItem")}},
	{right: right{"Heartbeat", "sqs:SendMessage", "DeadLetterQueue"}},
}

const (
	patience = 3 * time.Second  // of clients in a test that is to fail
	passTime = 15 * time.Second // of those in one that is to pass
	logTime  = 15 * time.Second // until what a function has said is in its log
)

// testNeeds takes one right after the other away, and wants clients to fail and the function to say why.
func testNeeds(t *testing.T, roles map[string]role, all map[string]string, address string) {
	for _, n := range needs {
		t.Run(n.function+" "+n.action+" "+strings.ReplaceAll(n.resource, "/", "-"), func(t *testing.T) {
			missing := append([]right{n.right}, n.besides...)
			if n.test == "is lost" {
				missing = append(missing, table("Disconnect", "UpdateItem"))
			}
			restore := take(t, roles, missing)
			defer restore()
			began := time.Now()
			if n.test == "" {
				sendNonsense(t, roles[n.function].root, all["JobQueue"])
			} else {
				limit := patience
				if n.passes {
					limit = passTime
				}
				out, failed := script(t.Context(), address, limit, "--test", "--test-force-exit", "--test-name-pattern", n.test, n.file())
				if (failed == nil) != n.passes {
					t.Errorf("clients miss nothing, or more than they did (%v):\n%s", failed, out)
				}
			}
			if !n.silent {
				awaitLog(t, roles[n.function].root, all[n.function+"Log"], began, n.complaint())
			}
		})
	}
	node(t, address, "--test", "deployed/deploy/chat.test.mjs") // all is well again
}

// complaint is what the function says that lacks a right.
func (r right) complaint() string {
	if r.action == "execute-api:ManageConnections" {
		return "@connections answered a " + strings.Trim(strings.TrimPrefix(r.resource, "/live"), "/") + " with 403"
	}
	return "no right to " + r.action
}

// take takes rights away until restore is called.
func take(t *testing.T, roles map[string]role, missing []right) (restore func()) {
	t.Helper()
	without := map[string][]permission{}
	for _, m := range missing {
		found := 0
		for _, p := range roles[m.function].permissions() {
			if r := roles[m.function]; r.action(p) == m.action && strings.Contains(r.resource(p), m.resource) {
				without[m.function] = append(without[m.function], p)
				found++
			}
		}
		if found != 1 {
			t.Fatalf("%s has %d rights to %s on %s, want 1", m.function, found, m.action, m.resource)
		}
	}
	put := func(without map[string][]permission, functions map[string][]permission) {
		for function := range functions {
			if err := roles[function].put(context.WithoutCancel(t.Context()), without[function]...); err != nil {
				t.Fatal(err)
			}
		}
	}
	put(without, without)
	return func() { put(nil, without) }
}

// sendNonsense puts something into the queue that is no job.
func sendNonsense(t *testing.T, c caller, queue string) {
	t.Helper()
	request, err := json.Marshal(map[string]string{"QueueUrl": queue, "MessageBody": "nonsense"})
	if err != nil {
		t.Fatal(err)
	}
	status, answer, err := c.ask(t.Context(), "sqs", http.MethodPost, "/", request, "Content-Type", "application/x-amz-json-1.0", "X-Amz-Target", "AmazonSQS.SendMessage")
	if err != nil || status != http.StatusOK {
		t.Fatalf("SendMessage: %d %s %v", status, answer, err)
	}
}

// awaitLog waits until a function has written something into its log since a time.
func awaitLog(t *testing.T, c caller, group string, since time.Time, want string) {
	t.Helper()
	request, err := json.Marshal(map[string]any{"logGroupName": group, "startTime": since.UnixMilli() - 1})
	if err != nil {
		t.Fatal(err)
	}
	late, again := time.After(logTime), time.NewTicker(200*time.Millisecond)
	defer again.Stop()
	for {
		status, answer, err := c.ask(t.Context(), "logs", http.MethodPost, "/", request, "Content-Type", "application/x-amz-json-1.1", "X-Amz-Target", "Logs_20140328.FilterLogEvents")
		if err != nil || status != http.StatusOK {
			t.Fatalf("FilterLogEvents: %d %s %v", status, answer, err)
		}
		if strings.Contains(string(answer), want) {
			return
		}
		select {
		case <-again.C:
		case <-late:
			t.Fatalf("the function does not say %q, but %s", want, answer)
		}
	}
}
