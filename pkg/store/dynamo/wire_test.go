package dynamo

import (
	"context"
	"encoding/json"
	"errors"
	"io"
	"net/http"
	"reflect"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/aws/retry"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb/types"
	"github.com/aws/smithy-go/middleware"
)

// doer is an HTTP client without a network.
type doer func(*http.Request) (*http.Response, error)

func (d doer) Do(r *http.Request) (*http.Response, error) { return d(r) }

func at(url string) dynamodb.Options {
	return dynamodb.Options{
		Region: "us-east-1", BaseEndpoint: &url,
		Credentials: aws.CredentialsProviderFunc(func(context.Context) (aws.Credentials, error) {
			return aws.Credentials{AccessKeyID: "a", SecretAccessKey: "b", SessionToken: strings.Repeat("token", 150)}, nil
		}),
		Retryer: retry.NewStandard(func(o *retry.StandardOptions) {
			o.Backoff = retry.BackoffDelayerFunc(func(int, error) (time.Duration, error) { return 0, nil })
		}),
	}
}

// said is what a server answers.
type said struct {
	status int
	header http.Header
	body   string
	err    error
}

// scripted answers one request after the other, and has read each. The last answer is for all that follow.
func scripted(answers ...said) (o dynamodb.Options, requests *[]*http.Request, bodies *[]string) {
	requests, bodies = &[]*http.Request{}, &[]string{}
	o = at("http://127.0.0.1:8000")
	o.HTTPClient = doer(func(r *http.Request) (*http.Response, error) {
		b, _ := io.ReadAll(r.Body)
		*requests, *bodies = append(*requests, r), append(*bodies, string(b))
		s := answers[min(len(*requests), len(answers))-1]
		if s.status == 0 {
			return nil, s.err
		}
		header := s.header.Clone()
		if header == nil {
			header = http.Header{}
		}
		body := io.Reader(strings.NewReader(s.body))
		length := int64(len(s.body))
		if s.err != nil {
			body, length = io.MultiReader(body, broken{s.err}), -1
		}
		return &http.Response{StatusCode: s.status, Header: header, Body: io.NopCloser(body), ContentLength: length, Request: r}, nil
	})
	return o, requests, bodies
}

// strange are texts and values whose JSON is not plain.
var strange = item{
	"": stringValue(""), "plain": stringValue("hello"), `qu"ote\`: stringValue("\"\\/\b\f\n\r\t\x00\x1f\x7f"), "<&>": stringValue("<&>\u2028\u2029"),
	"ü€😀": stringValue("ü€😀"), "not UTF-8": stringValue("a\xffb\xc3"), "n": numberValue(-12345678901234), "b": bytesValue([]byte{0, 1, 254, 255}),
	"no bytes": bytesValue(nil), "yes": boolValue(true), "no": boolValue(false), "nothing in it": listValue(), "list": listValue(stringValue("x"), listValue(numberValue(1)), mapValue(item{"y": boolValue(true)})),
	"empty": mapValue(item{}), "map": mapValue(item{"z": mapValue(item{"deep": listValue(bytesValue([]byte("deep")))})}),
}

// parsed reads JSON of any order.
func parsed(t *testing.T, b string) any {
	t.Helper()
	var v any
	if err := json.Unmarshal([]byte(b), &v); err != nil {
		t.Fatalf("%v: %s", err, b)
	}
	return v
}

// fill sets one field of a request, as its type allows.
func fill(t *testing.T, f reflect.Value) {
	t.Helper()
	switch v := f.Addr().Interface().(type) {
	case *map[string]types.AttributeValue:
		*v = strange
	case *map[string]string:
		*v = map[string]string{"#a": "b", "#\"": "ü\\"}
	case *map[string]types.ExpectedAttributeValue:
		*v = map[string]types.ExpectedAttributeValue{"a": {Value: stringValue("b")}}
	case *map[string]types.AttributeValueUpdate:
		*v = map[string]types.AttributeValueUpdate{"a": {Value: stringValue("b")}}
	case *map[string]types.Condition:
		*v = map[string]types.Condition{"a": {ComparisonOperator: "EQ", AttributeValueList: []value{stringValue("b")}}}
	case *[]string:
		*v = []string{"a"}
	case **string:
		*v = aws.String("a \"text\" <ü>")
	case **bool:
		*v = aws.Bool(true)
	case **int32:
		*v = aws.Int32(-7)
	default:
		if f.Kind() != reflect.String {
			t.Fatalf("no value for a %s: write one here", f.Type())
		}
		f.SetString("WORD")
	}
}

// sameRequests sends a request with each field set that there is, alone and with all others, as the SDK and as the
// Store do, and compares.
func sameRequests[In, Out any](t *testing.T, do func(*dynamodb.Client) func(context.Context, *In, ...func(*dynamodb.Options)) (*Out, error),
	mine func(*wire) func(context.Context, *In, ...func(*dynamodb.Options)) (*Out, error), required ...string) {
	t.Helper()
	var all In
	fields := reflect.TypeOf(all)
	for n := -1; n < fields.NumField(); n++ {
		in := reflect.New(fields).Elem()
		for i := range fields.NumField() {
			f := fields.Field(i)
			if f.Name == "noSmithyDocumentSerde" {
				continue
			}
			for _, name := range required {
				if name == f.Name {
					fill(t, in.Field(i))
				}
			}
			if i == n || n < 0 {
				fill(t, in.Field(i))
			}
		}
		name := "all fields"
		if n >= 0 {
			name = fields.Field(n).Name
		}
		o, requests, bodies := scripted(said{status: 200, body: "{}"})
		client := dynamodb.New(o)
		if _, err := do(client)(t.Context(), in.Addr().Interface().(*In)); err != nil {
			t.Fatal(err)
		}
		if _, err := mine(newWire(client))(t.Context(), in.Addr().Interface().(*In)); err != nil {
			t.Fatal(err)
		}
		if len(*bodies) != 2 {
			t.Fatalf("%T with %s: %d requests", all, name, len(*bodies))
		}
		if sdk, got := parsed(t, (*bodies)[0]), parsed(t, (*bodies)[1]); !reflect.DeepEqual(sdk, got) {
			t.Errorf("%T with %s: %s, the SDK: %s", all, name, (*bodies)[1], (*bodies)[0])
		}
		a, b := (*requests)[0], (*requests)[1]
		for _, h := range []string{"Content-Type", "X-Amz-Target", "Accept-Encoding", "X-Amz-Security-Token"} {
			if a.Header.Get(h) != b.Header.Get(h) {
				t.Errorf("%T: %s is %q, the SDK: %q", all, h, b.Header.Get(h), a.Header.Get(h))
			}
		}
		if a.URL.String() != b.URL.String() || a.Method != b.Method || b.Header.Get("Authorization") == "" {
			t.Errorf("%T: %s %s %v, the SDK: %s %s", all, b.Method, b.URL, b.Header, a.Method, a.URL)
		}
	}
}

func TestRequestsAreTheSDKs(t *testing.T) {
	sameRequests(t, func(c *dynamodb.Client) func(context.Context, *dynamodb.GetItemInput, ...func(*dynamodb.Options)) (*dynamodb.GetItemOutput, error) {
		return c.GetItem
	}, func(w *wire) func(context.Context, *dynamodb.GetItemInput, ...func(*dynamodb.Options)) (*dynamodb.GetItemOutput, error) {
		return w.GetItem
	}, "TableName", "Key")
	sameRequests(t, func(c *dynamodb.Client) func(context.Context, *dynamodb.PutItemInput, ...func(*dynamodb.Options)) (*dynamodb.PutItemOutput, error) {
		return c.PutItem
	}, func(w *wire) func(context.Context, *dynamodb.PutItemInput, ...func(*dynamodb.Options)) (*dynamodb.PutItemOutput, error) {
		return w.PutItem
	}, "TableName", "Item")
	sameRequests(t, func(c *dynamodb.Client) func(context.Context, *dynamodb.UpdateItemInput, ...func(*dynamodb.Options)) (*dynamodb.UpdateItemOutput, error) {
		return c.UpdateItem
	}, func(w *wire) func(context.Context, *dynamodb.UpdateItemInput, ...func(*dynamodb.Options)) (*dynamodb.UpdateItemOutput, error) {
		return w.UpdateItem
	}, "TableName", "Key")
	sameRequests(t, func(c *dynamodb.Client) func(context.Context, *dynamodb.DeleteItemInput, ...func(*dynamodb.Options)) (*dynamodb.DeleteItemOutput, error) {
		return c.DeleteItem
	}, func(w *wire) func(context.Context, *dynamodb.DeleteItemInput, ...func(*dynamodb.Options)) (*dynamodb.DeleteItemOutput, error) {
		return w.DeleteItem
	}, "TableName", "Key")
	sameRequests(t, func(c *dynamodb.Client) func(context.Context, *dynamodb.QueryInput, ...func(*dynamodb.Options)) (*dynamodb.QueryOutput, error) {
		return c.Query
	}, func(w *wire) func(context.Context, *dynamodb.QueryInput, ...func(*dynamodb.Options)) (*dynamodb.QueryOutput, error) {
		return w.Query
	}, "TableName")
}

// answers are bodies of a Query, some of which only the SDK reads, or nobody.
var answers = []string{
	`{}`, ` { } `, `{"Count":0,"Items":[],"ScannedCount":0}`, `{"Count":2,"Items":[{"p":{"S":"a"}},{"p":{"N":"-1.5E3"}}],"ScannedCount":20,"LastEvaluatedKey":{"p":{"S":"z"}}}`,
	`{"Items":[{"":{"S":""},"\u00fc\"\\":{"S":"\ud83d\ude00 ü \/ \b"},"b":{"B":"AAEC/w=="},"l":{"L":[{"BOOL":true},{"BOOL":false},{"L":[]}]},"m":{"M":{"x":{"M":{}}}}}]}`,
	"{\n \"Items\" : [ { \"p\" : { \"S\" : \"a\" } } ,\r\n\t{ } ] }",
	`{"Items":[{"s":{"SS":["a","b"]},"n":{"NS":["1"]},"bs":{"BS":["AA=="]},"z":{"NULL":true}}]}`,
	`{"Count":1,"ConsumedCapacity":{"CapacityUnits":0.5,"TableName":"doze"}}`, `{"Items":null}`, `{"Count":null}`, `{"Items":[{"p":null}]}`, `{"Items":[null]}`,
	`{"Something":{"New":[1,2,{"a":null}]},"Count":3}`, `{"Count":1.0}`, `{"Count":-1}`, `{"Count":99999999999}`, `{"Count":01}`, `{"Count":"1"}`, `{"Count":1,"Count":2}`,
	`{"Items":[{"p":{"S":"a","N":"1"}}]}`, `{"Items":[{"p":{}}]}`, `{"Items":[{"p":{"S":1}}]}`, `{"Items":[{"p":{"B":"?"}}]}`, `{"Items":[{"p":{"B":"AA\u003d\u003d"}}]}`, `{"Items":[{"p":{"BOOL":"true"}}]}`,
	``, `{`, `}`, `[]`, `null`, `{"Items":[{"p":{"S":"a"}}]`, `{"Items":[{"p":{"S":"a}}]}`, `{"Items":[{"p":{"S":"a"}},]}`, `{"Items":[{"p":{"S":"a"},}]}`, `{"Count":1}x`, `{"Count":1}{"Count":2}`, "{\"Items\":[{\"p\":{\"S\":\"a\nb\"}}]}", "{\"Items\":[{\"p\":{\"S\":\"a\xffb\"}}]}",
	`{"Items":[{"p":{"S":"\ud83d"}}]}`, `{"Items":[{"p":{"S":"\x"}}]}`, `<html>`, `{"Items":[{"p":` + strings.Repeat(`{"L":[`, 100) + strings.Repeat(`]}`, 100) + `}]}`,
}

// sameAnswer compares what the Store reads in an answer with what the SDK does.
func sameAnswer(t *testing.T, body []byte) {
	t.Helper()
	got, ok := decodeQuery(body)
	if !ok {
		return // the SDK reads it
	}
	o, _, _ := scripted(said{status: 200, body: string(body)})
	o.Retryer = aws.NopRetryer{}
	want, err := dynamodb.New(o).Query(t.Context(), &dynamodb.QueryInput{TableName: aws.String("t")})
	if err != nil {
		t.Fatalf("the SDK cannot read %q: %v", body, err)
	}
	want.ResultMetadata = middleware.Metadata{}
	if !reflect.DeepEqual(got, want) {
		a, _ := json.Marshal(got)
		b, _ := json.Marshal(want)
		t.Fatalf("%q is %s, the SDK: %s", body, a, b)
	}
}

func TestAnswersAreReadAsTheSDKDoes(t *testing.T) {
	plain := 0
	for _, body := range answers {
		sameAnswer(t, []byte(body))
		if _, ok := decodeQuery([]byte(body)); ok {
			plain++
		}
	}
	if plain < 6 {
		t.Errorf("%d of %d answers were read", plain, len(answers))
	}
	if _, ok := decodeGet([]byte(session)); !ok {
		t.Error("a session's row was left to the SDK")
	}
}

func FuzzAnswers(f *testing.F) {
	for _, body := range append(answers, strings.Replace(strings.Replace(session, `"Item":`, `"Items":[`, 1), "}}}", "}}]}", 1)) {
		f.Add([]byte(body))
	}
	f.Fuzz(sameAnswer)
}

// TestTriesAreCounted: a write that has succeeded at the second try may have been done by the first.
func TestTriesAreCounted(t *testing.T) {
	fine, none := said{status: 200, body: `{}`}, said{err: errors.New("connection refused")}
	for tries, answers := range map[int][]said{1: {fine}, 2: {none, fine}, 3: {none, {status: 500, body: `{}`}, fine}} {
		o, _, _ := scripted(answers...)
		put, err := newWire(dynamodb.New(o)).PutItem(t.Context(), &dynamodb.PutItemInput{TableName: aws.String("t"), Item: item{}})
		if err != nil || triesOf(put.ResultMetadata) != tries {
			t.Errorf("a put: %d tries, %v, want %d", triesOf(put.ResultMetadata), err, tries)
		}
		o, _, _ = scripted(answers...)
		update, err := newWire(dynamodb.New(o)).UpdateItem(t.Context(), &dynamodb.UpdateItemInput{TableName: aws.String("t"), Key: item{}})
		if err != nil || triesOf(update.ResultMetadata) != tries {
			t.Errorf("an update: %d tries, %v, want %d", triesOf(update.ResultMetadata), err, tries)
		}
	}
}

// TestOptionsOfACallHold: those that say what may be tried again.
func TestOptionsOfACallHold(t *testing.T) {
	o, requests, _ := scripted(said{err: errors.New("connection refused")})
	w := newWire(dynamodb.New(o))
	_, err := w.PutItem(t.Context(), &dynamodb.PutItemInput{TableName: aws.String("t"), Item: item{}}, whileKnown)
	if err == nil || len(*requests) != 1 {
		t.Errorf("%v after %d requests", err, len(*requests))
	}
}
