//go:build full

package dynalite_test

import (
	"context"
	"fmt"
	"net"
	"strings"
	"testing"

	"github.com/aws/aws-sdk-go-v2/service/dynamodb"

	"github.com/dozeio/doze/tests/kit/dynalite"
)

// A client that gives up on a request in its midst costs nobody else the server.
func TestAClientThatGivesUp(t *testing.T) {
	url, stop, err := dynalite.Start()
	if err != nil {
		t.Fatal(err)
	}
	defer stop()
	for range 3 {
		conn, err := net.Dial("tcp", strings.TrimPrefix(url, "http://"))
		if err != nil {
			t.Fatal(err)
		}
		fmt.Fprint(conn, "POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 100\r\n\r\n{")
		if err := conn.(*net.TCPConn).SetLinger(0); err != nil { // a reset
			t.Fatal(err)
		}
		conn.Close()
		if _, err := dynalite.Client(url).ListTables(context.Background(), &dynamodb.ListTablesInput{}); err != nil {
			t.Fatal(err)
		}
	}
}
