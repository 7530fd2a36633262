package dynamo

import (
	"bytes"
	"context"
	"io"
	"net/http"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb"
)

// session is the row of a session as it is answered: one namespace, over WebSocket.
const session = `{"Item":{"p":{"S":"w#R1kmxc2VNjMCFIA="},"s":{"S":"s"},"x":{"N":"1796000000000"},"ttl":{"N":"1796000000"},"c":{"N":"1796000000000"},"i":{"B":"AAAAAAAAAAAAAAAAAAAAAA=="},"y":{"S":"o"},"e":{"M":{"L":{"M":{"i":{"B":"AAAAAAAAAAAAAAAAAAAAAA=="},"d":{"B":"e30="},"v":{"N":"1"},"o":{"BOOL":true}}}}},"g":{"M":{"L":{"L":[]}}},"es":{"N":"62"},"n":{"S":"R1kmxc2VNjMCFIA="},"h":{"N":"1796000000000"},"o":{"L":[]},"hk":{"B":"AAAAAAAAAAAAAAAAAAAAAA=="},"gr":{"BOOL":true},"a":{"B":"AAAAAAAAAAAAAAAAAAAAAA=="}}}`

// BenchmarkGetItem compares a read of a session's row by the SDK with one by the Store, without a network:
// go test ./pkg/store/dynamo -run '^$' -bench GetItem.
func BenchmarkGetItem(b *testing.B) {
	o := at("https://dynamodb.us-east-1.amazonaws.com")
	o.HTTPClient = doer(func(r *http.Request) (*http.Response, error) {
		_, _ = io.Copy(io.Discard, r.Body)
		return &http.Response{StatusCode: 200, Header: http.Header{"Content-Type": {"application/x-amz-json-1.0"}, "X-Amzn-Requestid": {"4KBNVRGD25RG1KEO9UT4V3FQDJVV4KQNSO5AEMVJF66Q9ASUAAJG"}},
			Body: io.NopCloser(bytes.NewReader([]byte(session))), ContentLength: int64(len(session)), Request: r}, nil
	})
	client := dynamodb.New(o)
	in := &dynamodb.GetItemInput{TableName: aws.String("doze"), ConsistentRead: aws.Bool(true), Key: key{"w#R1kmxc2VNjMCFIA=", "s"}.item()}
	for _, c := range []struct {
		name string
		get  func(context.Context, *dynamodb.GetItemInput, ...func(*dynamodb.Options)) (*dynamodb.GetItemOutput, error)
	}{{"sdk", client.GetItem}, {"store", newWire(client).GetItem}} {
		b.Run(c.name, func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				ctx, cancel := context.WithTimeout(b.Context(), time.Second)
				out, err := c.get(ctx, in)
				cancel()
				if err != nil || len(out.Item) != 16 {
					b.Fatal(out, err)
				}
			}
		})
	}
}
