//go:build full

package dynamo_test

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"net/url"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/service/dynamodb"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb/types"
	"github.com/aws/smithy-go/middleware"

	"github.com/dozeio/doze/pkg/engine"
)

// meter sums what requests consume, as AWS bills it: a query that finds nothing is one read, or half of one, and a
// condition that fails is a write.
type meter struct {
	mu            sync.Mutex
	reads, writes float64
}

func (m *meter) options(o *dynamodb.Options) {
	o.APIOptions = append(o.APIOptions, func(stack *middleware.Stack) error {
		return stack.Initialize.Add(middleware.InitializeMiddlewareFunc("meter", m.handle), middleware.Before)
	})
}

func (m *meter) handle(ctx context.Context, in middleware.InitializeInput, next middleware.InitializeHandler) (middleware.InitializeOutput, middleware.Metadata, error) {
	least, write := 0.0, true
	switch p := in.Parameters.(type) {
	case *dynamodb.GetItemInput:
		p.ReturnConsumedCapacity, write = types.ReturnConsumedCapacityTotal, false
	case *dynamodb.QueryInput:
		p.ReturnConsumedCapacity, write = types.ReturnConsumedCapacityTotal, false
		if least = 0.5; *p.ConsistentRead {
			least = 1
		}
	case *dynamodb.PutItemInput:
		p.ReturnConsumedCapacity = types.ReturnConsumedCapacityTotal
	case *dynamodb.UpdateItemInput:
		p.ReturnConsumedCapacity = types.ReturnConsumedCapacityTotal
	case *dynamodb.DeleteItemInput:
		p.ReturnConsumedCapacity = types.ReturnConsumedCapacityTotal
	}
	out, metadata, err := next.HandleInitialize(ctx, in)
	var c *types.ConsumedCapacity
	switch r := out.Result.(type) {
	case *dynamodb.GetItemOutput:
		c = r.ConsumedCapacity
	case *dynamodb.QueryOutput:
		c = r.ConsumedCapacity
	case *dynamodb.PutItemOutput:
		c = r.ConsumedCapacity
	case *dynamodb.UpdateItemOutput:
		c = r.ConsumedCapacity
	case *dynamodb.DeleteItemOutput:
		c = r.ConsumedCapacity
	}
	units := least
	if err != nil {
		units = 1
	}
	if c != nil && c.CapacityUnits != nil {
		units = max(units, *c.CapacityUnits)
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	if write {
		m.writes += units
	} else {
		m.reads += units
	}
	return out, metadata, err
}

// handshakeOf a browser: 2 KiB of headers and a little more, as engine encodes them.
func handshakeOf(t *testing.T) (encoded []byte, size float64) {
	t.Helper()
	header := http.Header{}
	for _, line := range strings.Split(`Host: chat.example.com
Accept: */*
Accept-Encoding: gzip, deflate, br, zstd
Accept-Language: de-CH,de;q=0.9,en-GB;q=0.8,en;q=0.7,fr;q=0.6
Cache-Control: no-cache
Origin: https://chat.example.com
Pragma: no-cache
Priority: u=1, i
Referer: https://chat.example.com/rooms/0b0d4a4e-2f0e-4a53-9a3e-8d1f5f1d6a77
Sec-Ch-Ua: "Chromium";v="146", "Not_A Brand";v="99", "Google Chrome";v="146"
Sec-Ch-Ua-Mobile: ?0
Sec-Ch-Ua-Platform: "macOS"
Sec-Fetch-Dest: empty
Sec-Fetch-Mode: cors
Sec-Fetch-Site: same-origin
User-Agent: Mozilla/5.0 (Macintosh; Intel Mac OS X 10_15_7) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/146.0.0.0 Safari/537.36
X-Amzn-Trace-Id: Root=1-67a9c4d2-0c4f1f4a3d2b1e0f5a6b7c8d
X-Forwarded-For: 203.0.113.195, 70.132.20.166
X-Forwarded-Port: 443
X-Forwarded-Proto: https
Cookie: session=eyJhbGciOiJIUzI1NiIsInR5cCI6IkpXVCJ9.eyJzdWIiOiIxMjM0NTY3ODkwIiwibmFtZSI6IkpvaG4gRG9lIiwiaWF0IjoxNTE2MjM5MDIyfQ.SflKxwRJSMeKKF2QT4fwpMeJf36POk6yJV_adQssw5c; _ga=GA1.1.1204921203.1719234123; _ga_X7H3K2L9QD=GS1.1.1719234123.12.1.1719236621.0.0.0; theme=dark; consent=eyJhbmFseXRpY3MiOnRydWUsIm1hcmtldGluZyI6ZmFsc2V9; csrf=Zm9vYmFyYmF6cXV4cXV1eGNvcmdlZ3JhdWx0Z2FycGx5`, "\n") {
		name, value, _ := strings.Cut(line, ": ")
		header.Set(name, value)
	}
	h := engine.Handshake{Header: header, Query: url.Values{"EIO": {"4"}, "transport": {"polling"}, "t": {"PKq3vXa"}},
		Address: "203.0.113.195", Time: time.Now().UTC(), Secure: true, XDomain: true, URL: "/socket.io/?EIO=4&transport=polling&t=PKq3vXa"}
	for {
		encoded, err := json.Marshal(h)
		if err != nil {
			t.Fatal(err)
		}
		if len(encoded) >= 2048 {
			return encoded, float64(len(encoded)) / 1024
		}
		header.Set("Cookie", header.Get("Cookie")+fmt.Sprintf("; k%d=%x", len(encoded), len(encoded)*2654435761))
	}
}
