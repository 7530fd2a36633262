//go:build full

package main

import (
	"context"
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/cloudformation"

	"github.com/dozeio/doze/internal/control"
	"github.com/dozeio/doze/internal/elsewhere"
	"github.com/dozeio/doze/pkg/socketio"
	"github.com/dozeio/doze/tests/kit/stack"
)

// eventSource is that of the events of the test.
const eventSource = "doze.test"

// config is the SDK's configuration for a caller.
func (c caller) config() aws.Config {
	return aws.Config{Region: stack.Region, BaseEndpoint: aws.String(c.endpoint),
		Credentials: aws.CredentialsProviderFunc(func(context.Context) (aws.Credentials, error) { return c.as, nil })}
}

// stackOutputs returns those of a stack.
func stackOutputs(t *testing.T, c caller, name string) map[string]string {
	t.Helper()
	out, err := cloudformation.NewFromConfig(c.config()).DescribeStacks(t.Context(), &cloudformation.DescribeStacksInput{StackName: &name})
	if err != nil {
		t.Fatal(err)
	}
	all := map[string]string{}
	for _, o := range out.Stacks[0].Outputs {
		all[aws.ToString(o.OutputKey)] = aws.ToString(o.OutputValue)
	}
	return all
}

// user makes somebody who has the policies, and nothing else.
func (c caller) user(t *testing.T, name string, policies ...string) caller {
	t.Helper()
	const version = "2010-05-08"
	if err := c.query(t.Context(), "iam", version, "CreateUser", nil, "UserName", name); err != nil {
		t.Fatal(err)
	}
	for _, policy := range policies {
		if err := c.query(t.Context(), "iam", version, "AttachUserPolicy", nil, "UserName", name, "PolicyArn", policy); err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() {
			if err := c.query(context.Background(), "iam", version, "DetachUserPolicy", nil, "UserName", name, "PolicyArn", policy); err != nil {
				t.Error(err)
			}
		})
	}
	var key struct {
		ID     string `xml:"CreateAccessKeyResult>AccessKey>AccessKeyId"`
		Secret string `xml:"CreateAccessKeyResult>AccessKey>SecretAccessKey"`
	}
	if err := c.query(t.Context(), "iam", version, "CreateAccessKey", &key, "UserName", name); err != nil {
		t.Fatal(err)
	}
	return caller{c.endpoint, aws.Credentials{AccessKeyID: key.ID, SecretAccessKey: key.Secret}}
}

// testEmitter has somebody with the emitter's policy alone do all that an emitter can, with what the stack's outputs
// say; then come messages of the queue, and events of EventBridge.
func testEmitter(t *testing.T, endpoint string) {
	c := root(endpoint)
	outputs := stackOutputs(t, c, "doze")
	where := elsewhere.Place{Table: outputs["TableName"], Connections: outputs["ConnectionsUrl"], Queue: outputs["JobQueueUrl"]}
	ctx, cancel := context.WithTimeout(t.Context(), 2*time.Minute)
	defer cancel()
	as := func(c caller) control.Deployment {
		b, err := elsewhere.Backend(c.config(), where) // an emitter's
		if err != nil {
			t.Fatal(err)
		}
		d, err := control.Of(b, socketio.Options{})
		if err != nil {
			t.Fatal(err)
		}
		return d
	}
	poor, sender := c.user(t, "poor"), c.user(t, "sender", outputs["EmitterPolicyArn"])
	if err := as(poor).Emit(ctx, control.Target{}, "news"); err == nil {
		t.Error("somebody without any rights has emitted")
	}
	d := as(sender)
	const room = "#emitter-test"
	address := "ws" + strings.TrimPrefix(where.Connections, "http")
	ada, err := control.Follow(ctx, d, address, "/", json.RawMessage(`{"nickname":"ada of the emitter"}`), room)
	if err != nil {
		t.Fatal(err)
	}
	defer ada.Close()
	to := control.Target{To: []string{room}}
	expect := func(event, args string) {
		t.Helper()
		for {
			e, err := ada.Next(ctx)
			if err != nil {
				t.Fatalf("waiting for %s: %v", event, err)
			}
			if e.Name == event {
				if got := fmt.Sprintf("%s", e.Args); got != args {
					t.Errorf("%s has %s, want %s", event, got, args)
				}
				return
			}
		}
	}
	if err := d.Emit(ctx, to, "by-emitter", json.RawMessage(`1`)); err != nil {
		t.Fatal(err)
	}
	expect("by-emitter", "[1]")

	send := func(c caller, body string) (int, string) {
		t.Helper()
		request, err := json.Marshal(map[string]string{"QueueUrl": where.Queue, "MessageBody": body})
		if err != nil {
			t.Fatal(err)
		}
		status, answer, err := c.ask(ctx, "sqs", "POST", "/", request, "Content-Type", "application/x-amz-json-1.0", "X-Amz-Target", "AmazonSQS.SendMessage")
		if err != nil {
			t.Fatal(err)
		}
		return status, string(answer)
	}
	if status, answer := send(sender, `{"emit":"by-queue","to":["`+room+`"],"args":[2,{"$binary":"aGk="}]}`); status != 200 {
		t.Fatal(status, answer)
	}
	expect("by-queue", `[2 {"$binary":"aGk="}]`)

	entries, err := json.Marshal(map[string]any{"Entries": []map[string]string{{
		"Source": eventSource, "DetailType": "emit", "Detail": `{"emit":"by-event","to":["` + room + `"],"args":[3]}`,
	}}})
	if err != nil {
		t.Fatal(err)
	}
	if status, answer, err := c.ask(ctx, "events", "POST", "/", entries, "Content-Type", "application/x-amz-json-1.1", "X-Amz-Target", "AWSEvents.PutEvents"); status != 200 || err != nil {
		t.Fatal(status, string(answer), err)
	}
	expect("by-event", "[3]")

	sockets, err := d.Sockets(ctx, to)
	if err != nil || len(sockets) != 1 || sockets[0].ID != ada.ID || !slices.Contains(sockets[0].Rooms, room) {
		t.Errorf("%+v %v", sockets, err)
	}
	doze := func(want string, args ...string) {
		t.Helper()
		command := exec.CommandContext(ctx, "go", slices.Concat([]string{"run", "./cmd/doze", args[0], "-stack", "doze", "-endpoint", endpoint}, args[1:])...)
		command.Dir, command.Env = "../../..", slices.Concat(os.Environ(), stack.Credentials)
		if out, err := command.CombinedOutput(); !strings.Contains(string(out), want) {
			t.Errorf("doze %q has no %q: %v %s", args, want, err, out)
		} else {
			t.Logf("doze %q: %s", args, out)
		}
	}
	doze(room+"  ", "rooms")
	doze(ada.ID+"  /", "ls")
	doze(ada.ID+" in /", "show", "--", ada.ID)
	doze("fine    functions: all five are there", "doctor", "-all")
	doze("", "redrive")
	doze("websocket", "top", "-n", "1")
	if err := d.Disconnect(ctx, to, true, "the test is over"); err != nil {
		t.Fatal(err)
	}
	for {
		if _, err := ada.Next(ctx); err != nil {
			if ctx.Err() != nil {
				t.Error("ada is not disconnected")
			}
			return
		}
	}
}
