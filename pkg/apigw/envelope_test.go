package apigw

import (
	"encoding/json"
	"reflect"
	"testing"
)

// messageEvent is one as API Gateway sends it.
const messageEvent = `{"requestContext":{"routeKey":"$default","messageId":"VmjXzfSgjoEAAew=","eventType":"MESSAGE","extendedRequestId":"VmjXzEoPjoEFm5g=","requestTime":"29/Nov/2026:14:24:09 +0000","messageDirection":"IN","stage":"live","connectedAt":1796000000000,"requestTimeEpoch":1796000000000,"identity":{"userAgent":"Mozilla/5.0 (X11; Linux x86_64)","sourceIp":"203.0.113.7"},"requestId":"VmjXzEoPjoEFm5g=","domainName":"abc123.execute-api.eu-west-1.amazonaws.com","connectionId":"R1kmxc2VNjMCFIA=","apiId":"abc123"},"body":"421[\"echo\",\"hello\",1,{\"a\":true}]","isBase64Encoded":false}`

// odd are events as nobody has sent them.
var odd = []string{
	`{}`, `null`, ` {} `, ``, `{`, `[]`, `1`, `{}{}`, `{"body":1}`, `{"body":null}`, `{"requestContext":null,"body":"x"}`,
	`{"requestContext":{"http":{"method":"GET"}},"rawPath":"/socket.io/","body":"a","body":"b"}`,
	`{"requestContext":{"connectionId":"a"},"requestContext":{"eventType":"MESSAGE"}}`,
	`{"body":"\ud83d\ude00 \ud83d \ude00\ud83d \u0000 \u2028 ü"}`, "{\"body\":\"a\xffb\xc3\"}", "{\"body\":\"a\nb\"}", `{"body":"\x"}`,
	`{"isBase64Encoded":true,"body":"AA=="}`, `{"isBase64Encoded":"true"}`, `{"requestContext":{"disconnectStatusCode":1001}}`,
	`{"requestContext":{"disconnectStatusCode":1001.5}}`, `{"requestContext":{"disconnectStatusCode":99999999999999999999}}`,
}

// sameEnvelope compares an event as it is read with what encoding/json reads, which would take names in any case.
func sameEnvelope(t *testing.T, event []byte) {
	t.Helper()
	got, err := envelopeOf(event)
	var want envelope
	mistake := json.Unmarshal(event, &want)
	if (err == nil) != (mistake == nil) {
		t.Fatalf("%q: %v, encoding/json: %v", event, err, mistake)
	}
	if err == nil && !reflect.DeepEqual(got, want) {
		t.Fatalf("%q is %+v, by encoding/json %+v", event, got, want)
	}
}

func TestEventsAreReadAsByEncodingJSON(t *testing.T) {
	for _, event := range append(odd, messageEvent) {
		sameEnvelope(t, []byte(event))
	}
	if e, err := envelopeOf([]byte(messageEvent)); err != nil || e.RequestContext.ConnectionID != "R1kmxc2VNjMCFIA=" || e.Body != `421["echo","hello",1,{"a":true}]` {
		t.Errorf("got %+v, %v", e, err)
	}
}

// BenchmarkEnvelope compares both: go test ./pkg/apigw -run '^$' -bench Envelope.
func BenchmarkEnvelope(b *testing.B) {
	for name, read := range map[string]func([]byte) error{
		"doze":          func(event []byte) error { _, err := envelopeOf(event); return err },
		"encoding/json": func(event []byte) error { var e envelope; return json.Unmarshal(event, &e) },
	} {
		b.Run(name, func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				if err := read([]byte(messageEvent)); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}
