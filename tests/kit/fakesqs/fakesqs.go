// Package fakesqs answers like SQS what doze redrive asks: a server in the test's own process, whose queues are looked
// into.
package fakesqs

import (
	"crypto/md5"
	"encoding/binary"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"net/http"
	"path"
	"slices"
	"strings"
	"sync"
	"time"
)

// Message is one of a queue. Attributes are strings.
type Message struct {
	ID, Body   string
	Attributes map[string]string
	Sent       time.Time

	hidden  time.Time
	receipt int
}

// Server is an http.Handler. Queues are by their names, the last part of their URLs.
type Server struct {
	mu     sync.Mutex
	queues map[string][]*Message
	n      int
	now    func() time.Time

	// Refuse, if not nil, may have an action of a queue answered with an error's code.
	Refuse func(action, queue string) (code string)
}

// New returns a server with queues that are empty, whose time is now's.
func New(now func() time.Time, queues ...string) *Server {
	s := &Server{queues: map[string][]*Message{}, now: now}
	for _, name := range queues {
		s.queues[name] = nil
	}
	return s
}

// Put puts a message into a queue, and returns its id.
func (s *Server) Put(queue, body string, attributes map[string]string) string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.put(queue, body, attributes)
}

func (s *Server) put(queue, body string, attributes map[string]string) string {
	s.n++
	m := &Message{ID: fmt.Sprintf("00000000-0000-0000-0000-%012d", s.n), Body: body, Attributes: attributes, Sent: s.now()}
	s.queues[queue] = append(s.queues[queue], m)
	return m.ID
}

// Messages returns the bodies of a queue in order, and of how many a receiver would see none.
func (s *Server) Messages(queue string) (bodies []string, hidden int) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, m := range s.queues[queue] {
		bodies = append(bodies, m.Body)
		if s.now().Before(m.hidden) {
			hidden++
		}
	}
	return bodies, hidden
}

type attribute struct{ DataType, StringValue string }

type request struct {
	QueueUrl, MessageBody, ReceiptHandle   string
	MaxNumberOfMessages, VisibilityTimeout int
	MessageAttributes                      map[string]attribute
	Entries                                []struct {
		Id, ReceiptHandle string
		VisibilityTimeout int
	}
}

// ServeHTTP implements http.Handler.
func (s *Server) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	var in request
	action := strings.TrimPrefix(r.Header.Get("X-Amz-Target"), "AmazonSQS.")
	w.Header().Set("Content-Type", "application/x-amz-json-1.0")
	fail := func(code string) {
		w.Header().Set("X-Amzn-Query-Error", code+";Sender")
		w.WriteHeader(http.StatusBadRequest)
		_ = json.NewEncoder(w).Encode(map[string]string{"__type": "com.amazonaws.sqs#" + code, "message": "told to"})
	}
	if err := json.NewDecoder(r.Body).Decode(&in); err != nil {
		fail("InvalidRequest")
		return
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	queue := path.Base(in.QueueUrl)
	if _, ok := s.queues[queue]; !ok {
		fail("AWS.SimpleQueueService.NonExistentQueue")
		return
	}
	if s.Refuse != nil {
		if code := s.Refuse(action, queue); code != "" {
			fail(code)
			return
		}
	}
	out, code := s.do(action, queue, in)
	if code != "" {
		fail(code)
		return
	}
	_ = json.NewEncoder(w).Encode(out)
}

func (s *Server) do(action, queue string, in request) (out map[string]any, code string) {
	switch action {
	case "SendMessage":
		attributes := map[string]string{}
		for name, a := range in.MessageAttributes {
			attributes[name] = a.StringValue
		}
		return map[string]any{"MessageId": s.put(queue, in.MessageBody, attributes), "MD5OfMessageBody": sum(in.MessageBody)}, ""
	case "ReceiveMessage":
		return map[string]any{"Messages": s.receive(queue, in)}, ""
	case "DeleteMessage":
		s.queues[queue] = slices.DeleteFunc(s.queues[queue], func(m *Message) bool { return m.handle() == in.ReceiptHandle })
		return map[string]any{}, ""
	case "ChangeMessageVisibilityBatch":
		done, failed := []map[string]any{}, []map[string]any{}
		for _, e := range in.Entries {
			i := slices.IndexFunc(s.queues[queue], func(m *Message) bool { return m.handle() == e.ReceiptHandle })
			switch {
			case i < 0:
				failed = append(failed, map[string]any{"Id": e.Id, "Code": "ReceiptHandleIsInvalid", "SenderFault": true})
			case !s.now().Before(s.queues[queue][i].hidden):
				failed = append(failed, map[string]any{"Id": e.Id, "Code": "MessageNotInflight", "SenderFault": true})
			default:
				s.queues[queue][i].hidden = s.now().Add(time.Duration(e.VisibilityTimeout) * time.Second)
				done = append(done, map[string]any{"Id": e.Id})
			}
		}
		return map[string]any{"Successful": done, "Failed": failed}, ""
	}
	return nil, "UnsupportedOperation"
}

func (m *Message) handle() string { return fmt.Sprintf("%s#%d", m.ID, m.receipt) }

func (s *Server) receive(queue string, in request) (messages []map[string]any) {
	for _, m := range s.queues[queue] {
		if len(messages) == max(1, in.MaxNumberOfMessages) {
			break
		}
		if s.now().Before(m.hidden) {
			continue
		}
		m.receipt++
		m.hidden = s.now().Add(time.Duration(in.VisibilityTimeout) * time.Second)
		attributes := map[string]attribute{}
		for name, value := range m.Attributes {
			attributes[name] = attribute{"String", value}
		}
		one := map[string]any{
			"MessageId": m.ID, "ReceiptHandle": m.handle(), "Body": m.Body, "MD5OfBody": sum(m.Body),
			"Attributes": map[string]string{"SentTimestamp": fmt.Sprint(m.Sent.UnixMilli())},
		}
		if len(attributes) > 0 {
			one["MessageAttributes"], one["MD5OfMessageAttributes"] = attributes, sumOf(m.Attributes)
		}
		messages = append(messages, one)
	}
	return messages
}

func sum(text string) string {
	b := md5.Sum([]byte(text))
	return hex.EncodeToString(b[:])
}

// sumOf is as AWS describes it in "Calculating the MD5 message digest for message attributes".
func sumOf(attributes map[string]string) string {
	var b []byte
	put := func(text string) { b = append(binary.BigEndian.AppendUint32(b, uint32(len(text))), text...) }
	names := make([]string, 0, len(attributes))
	for name := range attributes {
		names = append(names, name)
	}
	slices.Sort(names)
	for _, name := range names {
		put(name)
		put("String")
		b = append(b, 1)
		put(attributes[name])
	}
	return sum(string(b))
}
