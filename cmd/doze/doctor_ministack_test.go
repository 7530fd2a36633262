//go:build full

package main

import (
	"bytes"
	"encoding/json"
	"io"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/cloudformation"

	"github.com/dozeio/doze/internal/doctor"
)

// halfAStack has a deployment's table and queues, and none of its functions.
const halfAStack = `{"Parameters": {"AllowOrigins": {"Type": "String", "Default": "*"}}, "Resources": {
	"Table": {"Type": "AWS::DynamoDB::Table", "Properties": {"BillingMode": "PAY_PER_REQUEST",
		"AttributeDefinitions": [{"AttributeName": "p", "AttributeType": "S"}, {"AttributeName": "s", "AttributeType": "S"}],
		"KeySchema": [{"AttributeName": "p", "KeyType": "HASH"}, {"AttributeName": "s", "KeyType": "RANGE"}]}},
	"JobQueue": {"Type": "AWS::SQS::Queue", "Properties": {"VisibilityTimeout": 20}},
	"DeadLetterQueue": {"Type": "AWS::SQS::Queue"}}}`

// TestDoctorOfAStandIn asks about a stack on MiniStack, which does not know all of AWS.
func TestDoctorOfAStandIn(t *testing.T) {
	endpoint, cfg := onMiniStack(t)
	stacks := cloudformation.NewFromConfig(cfg)
	if _, err := stacks.CreateStack(t.Context(), &cloudformation.CreateStackInput{StackName: aws.String("half"), TemplateBody: aws.String(halfAStack)}); err != nil {
		t.Fatal(err)
	}
	made := cloudformation.NewStackCreateCompleteWaiter(stacks, func(o *cloudformation.StackCreateCompleteWaiterOptions) {
		o.MinDelay, o.MaxDelay = 100*time.Millisecond, time.Second
	})
	if err := made.Wait(t.Context(), &cloudformation.DescribeStacksInput{StackName: aws.String("half")}, time.Minute); err != nil {
		t.Fatal(err)
	}
	var out bytes.Buffer
	if err := run(t.Context(), []string{"doctor", "-stack", "half", "-endpoint", endpoint, "-json"}, &out, io.Discard); err == nil || !strings.Contains(err.Error(), "wrong with the stack half") {
		t.Error(err)
	}
	levels := map[string]doctor.Level{}
	for line := range strings.Lines(out.String()) {
		var f doctor.Finding
		if err := json.Unmarshal([]byte(line), &f); err != nil {
			t.Fatal(err)
		}
		if _, ok := levels[f.Check]; !ok { // the first matters most
			levels[f.Check] = f.Level
		}
		t.Logf("%s", line)
	}
	for check, want := range map[string]doctor.Level{
		"stack": doctor.Fine, "dead letters": doctor.Fine, "jobs": doctor.Fine, "table": doctor.Wrong, "who may connect": doctor.Wrong, "functions": doctor.Unknown, "heartbeat": doctor.Unknown,
	} {
		if levels[check] != want {
			t.Errorf("%s is %s, want %s", check, levels[check], want)
		}
	}
}
