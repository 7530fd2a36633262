//go:build full

package main

import (
	"encoding/json"
	"slices"
	"strings"
	"testing"

	"github.com/aws/aws-sdk-go-v2/service/sqs"

	"github.com/dozeio/doze/internal/jobqueue"
	"github.com/dozeio/doze/pkg/apigw/outgoing"
)

// TestDeadLettersOfAnotherSQS has the queues of MiniStack, which somebody else has written.
func TestDeadLettersOfAnotherSQS(t *testing.T) {
	endpoint, cfg := onMiniStack(t)
	client := sqs.NewFromConfig(cfg)
	queues, err := jobqueue.Create(t.Context(), client, "chat")
	if err != nil {
		t.Fatal(err)
	}
	q := outgoing.NewSQSQueue(client, queues)
	for _, job := range []string{`{"emit":"a"}`, `{"kind":"sweep","shard":3}`} {
		if err := q.Bury(t.Context(), job, "m-1", "no answer"); err != nil {
			t.Fatal(err)
		}
	}
	at := []string{"-endpoint", endpoint, "-queue", queues.Jobs, "-dead", queues.Dead}
	list := func() (all []letter) {
		for line := range strings.Lines(says(t, slices.Concat([]string{"redrive", "-json"}, at)...)) {
			var l letter
			if err := json.Unmarshal([]byte(line), &l); err != nil {
				t.Fatal(err)
			}
			all = append(all, l)
		}
		slices.SortFunc(all, func(a, b letter) int { return strings.Compare(a.Body, b.Body) })
		return all
	}
	list()
	all := list() // what was shown is shown again
	if len(all) != 2 || all[0].Reason != "no answer" || all[0].Was != "m-1" || all[0].Since.IsZero() || !strings.HasPrefix(all[1].What, "heartbeat of shard 3") {
		t.Fatalf("%+v", all)
	}
	says(t, slices.Concat([]string{"redrive", "-resend"}, at, []string{all[0].ID})...)
	if left := list(); len(left) != 1 || left[0].ID != all[1].ID {
		t.Errorf("%+v", left)
	}
	got, err := client.ReceiveMessage(t.Context(), &sqs.ReceiveMessageInput{QueueUrl: &queues.Jobs, MessageAttributeNames: []string{"All"}})
	if err != nil || len(got.Messages) != 1 || *got.Messages[0].Body != all[0].Body || len(got.Messages[0].MessageAttributes) != 0 {
		t.Errorf("the job queue has %+v, %v", got, err)
	}
	says(t, slices.Concat([]string{"redrive", "-delete", "-all"}, at)...)
	if left := list(); len(left) != 0 {
		t.Errorf("%+v", left)
	}
}
