package deadletters_test

import (
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/sqs"

	"github.com/dozeio/doze/internal/deadletters"
	"github.com/dozeio/doze/pkg/apigw/outgoing"
	"github.com/dozeio/doze/tests/kit/fakesqs"
)

// clock is one that goes on when it is told to.
type clock struct{ passed, ahead atomic.Int64 }

func (c *clock) now() time.Time {
	return time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC).Add(time.Duration(c.passed.Load()))
}

// server is the time of SQS.
func (c *clock) server() time.Time { return c.now().Add(time.Duration(c.ahead.Load())) }

func (c *clock) pass(d time.Duration) { c.passed.Add(int64(d)) }

// with returns a dead-letter queue with some messages, and the server that has it.
func with(t *testing.T, messages int) (*deadletters.Queue, *fakesqs.Server, *clock) {
	t.Helper()
	c := &clock{}
	s := fakesqs.New(c.server, "jobs", "dead")
	server := httptest.NewServer(s)
	t.Cleanup(server.Close)
	for i := range messages {
		s.Put("dead", fmt.Sprint("m", i), nil)
	}
	client := sqs.NewFromConfig(aws.Config{Region: "us-east-1", BaseEndpoint: &server.URL, Credentials: aws.AnonymousCredentials{}, RetryMaxAttempts: 1})
	return deadletters.New(client, outgoing.Queues{Jobs: server.URL + "/1/jobs", Dead: server.URL + "/1/dead"}, c.now), s, c
}

// TestMessagesStayHiddenUntilAllAreResent takes longer than SQS hides a message for.
func TestMessagesStayHiddenUntilAllAreResent(t *testing.T) {
	q, s, c := with(t, 23)
	letters, _, err := q.Receive(t.Context(), 100)
	if err != nil || len(letters) != 23 {
		t.Fatalf("%d messages, %v", len(letters), err)
	}
	for i, l := range letters {
		c.pass(100 * time.Second)
		if err := q.Resend(t.Context(), l); err != nil {
			t.Fatal(err)
		}
		if left, hidden := s.Messages("dead"); len(left) != 22-i || hidden != len(left) {
			t.Fatalf("after %d: %d are left, %d of them hidden", i+1, len(left), hidden)
		}
	}
	if sent, _ := s.Messages("jobs"); len(sent) != 23 {
		t.Errorf("%d were sent", len(sent))
	}
}

// TestWhatIsResentAndStaysSaysSo has somebody resend who may not delete.
func TestWhatIsResentAndStaysSaysSo(t *testing.T) {
	s := fakesqs.New(time.Now, "jobs", "dead")
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.Header.Get("X-Amz-Target") == "AmazonSQS.DeleteMessage" {
			http.Error(w, `{"__type":"AccessDenied"}`, http.StatusForbidden)
			return
		}
		s.ServeHTTP(w, r)
	}))
	defer server.Close()
	s.Put("dead", "m", nil)
	client := sqs.NewFromConfig(aws.Config{Region: "us-east-1", BaseEndpoint: &server.URL, Credentials: aws.AnonymousCredentials{}, RetryMaxAttempts: 1})
	q := deadletters.New(client, outgoing.Queues{Jobs: server.URL + "/1/jobs", Dead: server.URL + "/1/dead"}, time.Now)
	letters, _, err := q.Receive(t.Context(), 1)
	if err != nil || len(letters) != 1 {
		t.Fatalf("%d messages, %v", len(letters), err)
	}
	err = q.Resend(t.Context(), letters[0])
	if err == nil || !strings.Contains(err.Error(), letters[0].ID+" is resent, and could not be deleted: ") {
		t.Errorf("%v", err)
	}
	if sent, _ := s.Messages("jobs"); len(sent) != 1 {
		t.Errorf("%d were sent", len(sent))
	}
}

// TestTheLastReceiptCounts has SQS deliver messages twice, by a clock of its own that is wrong.
func TestTheLastReceiptCounts(t *testing.T) {
	q, s, c := with(t, 15)
	asked := 0
	s.Refuse = func(action, _ string) string {
		if action == "ReceiveMessage" {
			if asked++; asked == 2 {
				c.ahead.Store(int64(10 * time.Minute))
			}
		}
		return ""
	}
	letters, _, err := q.Receive(t.Context(), 100)
	if err != nil || len(letters) != 15 || asked < 3 {
		t.Fatalf("%d messages of %d requests, %v", len(letters), asked, err)
	}
	for _, l := range letters {
		if err := q.Delete(t.Context(), l); err != nil {
			t.Fatal(err)
		}
	}
	if left, _ := s.Messages("dead"); len(left) != 0 {
		t.Errorf("%q are left", left)
	}
}

// TestWhatOthersSeeAgainIsLeftAlone comes too late.
func TestWhatOthersSeeAgainIsLeftAlone(t *testing.T) {
	q, s, c := with(t, 12)
	letters, _, err := q.Receive(t.Context(), 100)
	if err != nil {
		t.Fatal(err)
	}
	c.pass(6 * time.Minute)
	if err := q.Resend(t.Context(), letters[0]); !errors.Is(err, deadletters.ErrShown) {
		t.Error(err)
	}
	if err := q.Delete(t.Context(), letters[1]); !errors.Is(err, deadletters.ErrShown) {
		t.Error(err)
	}
	if err := q.Release(t.Context(), letters); err != nil {
		t.Errorf("nothing is hidden, and: %v", err)
	}
	if sent, _ := s.Messages("jobs"); len(sent) != 0 {
		t.Errorf("%q were sent", sent)
	}
	if left, hidden := s.Messages("dead"); len(left) != 12 || hidden != 0 {
		t.Errorf("%d are left, %d hidden", len(left), hidden)
	}
}

// TestReleaseOfWhatIsLate is asked for after the messages are back, without another call before.
func TestReleaseOfWhatIsLate(t *testing.T) {
	q, _, c := with(t, 12)
	letters, _, err := q.Receive(t.Context(), 100)
	if err != nil {
		t.Fatal(err)
	}
	c.pass(6 * time.Minute)
	if err := q.Release(t.Context(), letters); err != nil {
		t.Errorf("nothing is hidden, and: %v", err)
	}
}
