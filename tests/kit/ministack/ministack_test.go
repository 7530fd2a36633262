//go:build full

package ministack_test

import (
	"net"
	"net/http"
	"strings"
	"testing"

	"github.com/dozeio/doze/tests/kit/ministack"
)

func TestStartsAndEnds(t *testing.T) {
	url, stop, err := ministack.Start()
	if err != nil {
		t.Fatal(err)
	}
	answer, err := http.Get(url + "/_ministack/health")
	if err != nil || answer.StatusCode != 200 {
		t.Errorf("%v, %v", answer, err)
	}
	stop()
	if conn, err := net.Dial("tcp", strings.TrimPrefix(url, "http://")); err == nil {
		conn.Close()
		t.Error("it is still there")
	}
}
