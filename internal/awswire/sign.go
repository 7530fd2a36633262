package awswire

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/hex"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/smithy-go/encoding/httpbinding"
)

// signer gives requests what the SDK's signer gives them, for a third of the cost, as long as they have no query and the
// values of their headers no needless spaces: https://docs.aws.amazon.com/IAM/latest/UserGuide/create-signed-request.html.
// It is safe for concurrent use.
type signer struct {
	service, region string

	mu  sync.Mutex
	of  keyOf
	key []byte // derived, which is good for a day
}

type keyOf struct{ id, secret, day string }

// header is one that is signed.
type header struct{ name, value string }

// sign sets the headers of a signature.
func (s *signer) sign(h *http.Request, key aws.Credentials, body []byte, at time.Time) {
	second := at.UTC().Format("20060102T150405Z")
	day := second[:8]
	h.Header["X-Amz-Date"] = []string{second}
	if key.SessionToken != "" {
		h.Header["X-Amz-Security-Token"] = []string{key.SessionToken}
	}
	headers := append(make([]header, 0, 10), header{"host", h.Host})
	if len(body) > 0 {
		headers = append(headers, header{"content-length", strconv.Itoa(len(body))})
	}
	for name, values := range h.Header {
		if name != "User-Agent" { // which those on the way may change
			headers = append(headers, header{strings.ToLower(name), values[0]})
		}
	}
	slices.SortFunc(headers, func(a, b header) int { return strings.Compare(a.name, b.name) })

	b := make([]byte, 0, 512+len(key.SessionToken))
	b = append(append(b, h.Method...), '\n')
	b = append(append(b, httpbinding.EscapePath(h.URL.EscapedPath(), false)...), '\n', '\n')
	for _, h := range headers {
		b = append(append(append(append(b, h.name...), ':'), h.value...), '\n')
	}
	b = append(b, '\n')
	begin := len(b)
	for i, h := range headers {
		if i > 0 {
			b = append(b, ';')
		}
		b = append(b, h.name...)
	}
	names := string(b[begin:])
	sum := sha256.Sum256(body)
	b = hex.AppendEncode(append(b, '\n'), sum[:])
	sum = sha256.Sum256(b)

	scope := day + "/" + s.region + "/" + s.service + "/aws4_request"
	b = append(append(append(b[:0], algorithm+"\n"...), second...), '\n')
	b = hex.AppendEncode(append(append(b, scope...), '\n'), sum[:])
	signature := digest(s.derived(keyOf{key.AccessKeyID, key.SecretAccessKey, day}), b)
	h.Header["Authorization"] = []string{algorithm + " Credential=" + key.AccessKeyID + "/" + scope + ", SignedHeaders=" + names + ", Signature=" + hex.EncodeToString(signature)}
}

const algorithm = "AWS4-HMAC-SHA256"

// derived returns the key of a day, region and service.
func (s *signer) derived(of keyOf) []byte {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.key == nil || s.of != of {
		s.key = []byte("AWS4" + of.secret)
		for _, part := range []string{of.day, s.region, s.service, "aws4_request"} {
			s.key = digest(s.key, []byte(part))
		}
		s.of = of
	}
	return s.key
}

func digest(key, data []byte) []byte {
	h := hmac.New(sha256.New, key)
	h.Write(data)
	return h.Sum(make([]byte, 0, sha256.Size))
}
