package dynamo

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"hash/crc32"
	"io"
	"net/http"
	"net/http/httptest"
	"regexp"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	awshttp "github.com/aws/aws-sdk-go-v2/aws/transport/http"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb/types"

	"github.com/dozeio/doze/internal/awsfault"
)

// ended is what became of a call: all that the Store makes of it.
type ended struct {
	out                string
	fault              awsfault.Fault
	failed, unknown    bool
	refused, interrupt bool
	old                string // the row for which a condition failed
	tries              int
	asked              int
}

// operations are calls of one request each, by the SDK and by a wire, that tell their row.
var operations = map[string]func(ctx context.Context, w *wire, own bool) (row item, tries int, err error){
	"GetItem": func(ctx context.Context, w *wire, own bool) (item, int, error) {
		do := w.Client.GetItem
		if own {
			do = w.GetItem
		}
		out, err := do(ctx, &dynamodb.GetItemInput{TableName: aws.String("t"), Key: key{"a", "b"}.item()})
		if err != nil {
			return nil, 0, err
		}
		return out.Item, 0, nil
	},
	"PutItem": func(ctx context.Context, w *wire, own bool) (item, int, error) {
		do := w.Client.PutItem
		if own {
			do = w.PutItem
		}
		out, err := do(ctx, &dynamodb.PutItemInput{TableName: aws.String("t"), Item: key{"a", "b"}.item(), ReturnValuesOnConditionCheckFailure: types.ReturnValuesOnConditionCheckFailureAllOld})
		if err != nil {
			return nil, 0, err
		}
		return out.Attributes, triesOf(out.ResultMetadata), nil
	},
	"UpdateItem": func(ctx context.Context, w *wire, own bool) (item, int, error) {
		do := w.Client.UpdateItem
		if own {
			do = w.UpdateItem
		}
		out, err := do(ctx, &dynamodb.UpdateItemInput{TableName: aws.String("t"), Key: key{"a", "b"}.item()})
		if err != nil {
			return nil, 0, err
		}
		return out.Attributes, triesOf(out.ResultMetadata), nil
	},
	"DeleteItem": func(ctx context.Context, w *wire, own bool) (item, int, error) {
		do := w.Client.DeleteItem
		if own {
			do = w.DeleteItem
		}
		out, err := do(ctx, &dynamodb.DeleteItemInput{TableName: aws.String("t"), Key: key{"a", "b"}.item()})
		if err != nil {
			return nil, 0, err
		}
		return out.Attributes, 0, nil
	},
}

// endingOf has one operation end, against answers of a server that listens, by the SDK's kind of HTTP client.
func endingOf(t *testing.T, operation string, own bool, answers []said, interrupt int) (e ended) {
	t.Helper()
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	var asked atomic.Int64
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		_, _ = io.Copy(io.Discard, r.Body)
		n := int(asked.Add(1))
		s := answers[min(n, len(answers))-1]
		hangUp := func() {
			if c, _, err := w.(http.Hijacker).Hijack(); err == nil {
				c.Close()
			}
		}
		if s.status == 0 {
			hangUp()
			return
		}
		for name, values := range s.header {
			w.Header()[name] = values
		}
		if s.err != nil {
			w.Header().Set("Content-Length", fmt.Sprint(len(s.body)+9))
		}
		w.WriteHeader(s.status)
		_, _ = io.WriteString(w, s.body)
		if s.err != nil {
			w.(http.Flusher).Flush()
			hangUp()
		}
	}))
	defer server.Close()
	o := at(server.URL)
	client := awshttp.NewBuildableClient()
	o.HTTPClient = client
	if interrupt > 0 { // ctx ends when an answer has come
		n := 0
		o.HTTPClient = doer(func(r *http.Request) (*http.Response, error) {
			answer, err := client.Do(r)
			if n++; err == nil && n == interrupt {
				b, err := io.ReadAll(answer.Body)
				answer.Body.Close()
				answer.Body = io.NopCloser(bytes.NewReader(b))
				if err != nil {
					answer.Body = io.NopCloser(io.MultiReader(bytes.NewReader(b), broken{err}))
				}
				cancel()
			}
			return answer, err
		})
	}
	w := newWire(dynamodb.New(o))
	if w.client == nil {
		t.Fatal("all is left to the SDK")
	}
	row, tries, err := operations[operation](ctx, w, own)
	b, _ := json.Marshal(row)
	e = ended{out: string(b), failed: err != nil, unknown: unknown(err), tries: tries, asked: int(asked.Load()), interrupt: ctx.Err() != nil}
	if err != nil {
		e.fault = awsfault.Of(err)
		e.fault.Message = addresses.ReplaceAllString(e.fault.Message, "") // of each server and connection
		// What the SDK adds where it would try again and finds that ctx has ended: a wire does not try again then.
		e.fault.Message, _, _ = strings.Cut(e.fault.Message, " failed to get rate limit token")
	}
	if f := refused(err); f != nil {
		b, _ := json.Marshal(f.Item)
		e.refused, e.old = true, string(b)
	}
	return e
}

var addresses = regexp.MustCompile(`127\.0\.0\.1:\d+`)

// TestFaultsAreTheSDKs has servers answer with faults, and compares how the Store's call ends, and after how many
// requests, with a call of the SDK.
func TestFaultsAreTheSDKs(t *testing.T) {
	fine := said{status: 200, body: `{"Item":{"p":{"S":"a"}}}`}
	code := func(status int, code string) said {
		return said{status: status, body: `{"__type":"com.amazonaws.dynamodb.v20120810#` + code + `","message":"no","Item":{"p":{"S":"old"}}}`}
	}
	crc := http.Header{"X-Amz-Crc32": {fmt.Sprint(crc32.ChecksumIEEE([]byte(fine.body)))}}
	wrong := http.Header{"X-Amz-Crc32": {"1"}}
	for _, c := range []struct {
		name    string
		answers []said
		asked   int
	}{
		{"fine", []said{fine}, 1},
		{"no row", []said{{status: 200, body: `{}`}}, 1},
		{"a set", []said{{status: 200, body: `{"Item":{"p":{"SS":["a"]}}}`}}, 1},
		{"a checksum", []said{{status: 200, header: crc, body: fine.body}}, 1},
		{"a wrong checksum", []said{{status: 200, header: wrong, body: fine.body}}, 1},
		{"throttled, then fine", []said{code(400, "ProvisionedThroughputExceededException"), fine}, 2},
		{"throttled twice, then fine", []said{code(400, "ThrottlingException"), code(400, "ThrottlingException"), fine}, 3},
		{"throttled for good", []said{code(400, "ThrottlingException")}, 3},
		{"a condition", []said{code(400, "ConditionalCheckFailedException")}, 1},
		{"no table", []said{code(400, "ResourceNotFoundException")}, 1},
		{"no such request", []said{code(400, "ValidationException")}, 1},
		{"no right", []said{code(400, "AccessDeniedException")}, 1},
		{"trouble, then fine", []said{code(500, "InternalServerError"), fine}, 2},
		{"trouble without words, then fine", []said{{status: 503, body: "<html>"}, fine}, 2},
		{"somebody else", []said{{status: 200, body: "<html>"}}, 1},
		{"a redirection", []said{{status: 302, header: http.Header{"Location": {"http://127.0.0.1:1"}}}}, 1},
		{"another success", []said{{status: 204}}, 1},
		{"no connection, then fine", []said{{err: errors.New("connection refused")}, fine}, 2},
		{"no connection", []said{{err: errors.New("connection refused")}}, 3},
		{"broken off", []said{{status: 200, body: `{"Item":{"p"`, err: io.ErrUnexpectedEOF}}, 1},
		{"a clock that is off, then fine", []said{
			{status: 400, header: http.Header{"Date": {time.Now().Add(time.Hour).UTC().Format(http.TimeFormat)}}, body: code(400, "InvalidSignatureException").body}, fine}, 2},
	} {
		for operation := range operations {
			for interrupt := range 3 {
				want := endingOf(t, operation, false, c.answers, interrupt)
				got := endingOf(t, operation, true, c.answers, interrupt)
				if interrupt > 0 && want.asked < interrupt {
					continue
				}
				if got != want {
					t.Errorf("%s of %s, interrupted at %d: ended with %+v, the SDK: %+v", operation, c.name, interrupt, got, want)
				}
				if interrupt == 0 && want.asked != c.asked {
					t.Errorf("%s of %s: %d requests, want %d", operation, c.name, want.asked, c.asked)
				}
			}
		}
	}
}

// TestAnAnswerThatHasComeCounts, although the caller has just gone: what became of a write is known.
func TestAnAnswerThatHasComeCounts(t *testing.T) {
	failed := said{status: 400, body: `{"__type":"com.amazonaws.dynamodb.v20120810#ConditionalCheckFailedException","message":"no","Item":{"p":{"S":"old"}}}`}
	e := endingOf(t, "PutItem", true, []said{failed}, 1)
	if !e.refused || e.unknown || e.asked != 1 || !strings.Contains(e.old, "old") || !e.interrupt {
		t.Errorf("a condition: %+v", e)
	}
	set := said{status: 200, body: `{"Attributes":{"p":{"SS":["a"]}}}`} // which only the SDK reads
	if e := endingOf(t, "PutItem", true, []said{set}, 1); e.failed || !e.interrupt {
		t.Errorf("a success: %+v", e)
	}
}

// TestARowGoesToOneServer: neither a row nor a signature is sent to where a server points.
func TestARowGoesToOneServer(t *testing.T) {
	var others atomic.Int64
	other := httptest.NewServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) { others.Add(1) }))
	defer other.Close()
	for _, status := range []int{301, 302, 303, 307, 308} {
		redirection := []said{{status: status, header: http.Header{"Location": {other.URL + "/"}}}}
		for operation := range operations {
			if got := endingOf(t, operation, true, redirection, 0); !got.failed || got.asked != 1 || others.Load() > 0 {
				t.Errorf("%d to %s: %+v, %d requests elsewhere", status, operation, got, others.Load())
			}
		}
	}
}
