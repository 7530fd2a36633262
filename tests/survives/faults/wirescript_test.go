//go:build full

package faults

import (
	"math/rand/v2"
	"slices"
	"strings"
	"testing"
)

// wireStep is one thing that a session does.
type wireStep struct {
	what   string
	method string
	text   string // a payload, a query or a frame's content
	header []string
	bytes  []byte
	code   int
}

// wireGrammar is what mutations begin with and what they put in between.
var (
	wireEvents = []string{ // in the namespaces that most sessions join
		`42["echo",1,"two",null,{"three":[4]}]`, `421["echo"]`, `42/rooms,12["join","b"]`, `42/rooms,["say","all",1]`, `420["join","c"]`,
		`423["set","name",{"a":[1,{"b":null}]}]`, `42/rooms,4["get"]`, `425["get"]`, `421["leave","c"]`, `42/rooms,1["set",7]`, `421["join"]`, `431["x"]`, "3", "6",
	}
	wirePackets = slices.Concat(wireEvents, []string{
		"40", "40/rooms,", `40/data,{"token":"good"}`, `40/guarded,{"token":"good"}`, `40/guarded,{"token":7}`, "41", "41/rooms,",
		`42["go",false]`, `42/rooms,["go",true]`, `42/data,["get"]`, `43["x"]`, `43/rooms,1[]`, `451-1["bytes",{"_placeholder":true,"num":0}]`, `452-["bytes",{"_placeholder":true,"num":1},{"_placeholder":true,"num":0}]`,
		`461-1[{"_placeholder":true,"num":0}]`, "bAQIDBA==", "b", "2", "5", "2probe", "3probe", "1",
	}, malformedPackets())
	wireTokens = []string{
		"\x1e", "\x00", "/", ",", "[", "]", "{", "}", `"`, `\`, "-", "0", "9", "4", "b", ":", "?", "#", "%00", "99999999999999999999", "1e400", "-1",
		"\xff", "\xed\xa0\x80", "\u2028", "\u202e", "😀", `"\ud800"`, `"__proto__"`, `{"_placeholder":true,"num":0}`, `{"_placeholder":true,"num":-1}`,
		"null", "true", `["echo"`, "/rooms,", "/" + strings.Repeat("n", 300) + ",", strings.Repeat("[", 600), strings.Repeat("x", 5000), "\x1e\x1e", "\x1e4",
	}
	wireMethods = []string{"GET", "POST", "PUT", "DELETE", "OPTIONS", "HEAD", "PATCH"}
	wireQueries = []string{
		"", "EIO=4", "EIO=3&transport=polling", "EIO=4&transport=polling", "EIO=4&transport=websocket", "EIO=4&transport=polling&sid=SID",
		"EIO=4&transport=websocket&sid=SID", "EIO=4&EIO=3&transport=polling&transport=websocket", "transport=polling&sid=SID&sid=SID", "EIO=4&transport=polling&sid=",
		"EIO=4&transport=polling&sid=SID&j=0", "EIO=4&transport=polling&b64=1&t=x", "EIO=4&transport=polling&sid=%00%ff", "EIO=%34&transport=p%6flling",
	}
	wireHeaders = [][]string{
		nil, nil, {"Content-Type", "application/octet-stream"}, {"Content-Type", "text/plain;charset=\xff"}, {"Origin", "null"}, {"Origin", "http://\x80"},
		{"Origin", "https://elsewhere.example"}, {"Cookie", strings.Repeat("c=1; ", 900)}, {"X-Forwarded-For", "%00, 1.2.3.4"}, {"Host", ""},
		{"Content-Encoding", "gzip"}, {"Upgrade", "websocket", "Connection", "upgrade"}, {"Sec-WebSocket-Protocol", "a, b"}, {"Access-Control-Request-Headers", "x\ty"},
	}
	// Frames that the WebSocket protocol forbids, or that nobody expects: reserved bits and opcodes, a length that is
	// not kept, control frames that are long, come in pieces or are not masked.
	wireFrames = []string{
		"\x89\x80\x00\x00\x00\x00", "\x8a\x80\x00\x00\x00\x00", "\x89\x00", "\x88\x80\x00\x00\x00\x00", "\x88\x81\x00\x00\x00\x00\x03", "\x88\x82\x00\x00\x00\x00\x03\xed",
		"\x88\x82\x00\x00\x00\x00\xff\xff", "\x88\x84\x00\x00\x00\x00\x03\xe8\xff\xfe", "\x89\xfe\x00\x7e\x00\x00\x00\x00", "\x09\x80\x00\x00\x00\x00", "\xc1\x81\x00\x00\x00\x004",
		"\x83\x80\x00\x00\x00\x00", "\x80\x81\x00\x00\x00\x004", "\x01\x81\x00\x00\x00\x004\x01\x81\x00\x00\x00\x000", "\x81\xff\xff\xff\xff\xff\xff\xff\xff\xff\x00\x00\x00\x00",
		"\x81\xff\x00\x00\x00\x00\x7f\xff\xff\xff\x00\x00\x00\x00", "\x81\x02" + "40", "\x81", "GET / HTTP/1.1\r\n\r\n",
	}
)

func malformedPackets() (all []string) {
	for _, p := range packets {
		if p.name != "event whose handler panics" && p.name != "arguments nested too deep" {
			all = append(all, p.packet)
		}
	}
	return append(all, `42["echo",`+brackets(300)+`]`)
}

func pick[T any](r *rand.Rand, all []T) T { return all[r.IntN(len(all))] }

// mutate changes a text in up to three places.
func mutate(r *rand.Rand, text string) string {
	b := []byte(text)
	for range r.IntN(4) {
		at := r.IntN(len(b) + 1)
		end := min(len(b), at+1+r.IntN(8))
		switch r.IntN(7) {
		case 0:
			b = slices.Delete(b, at, end)
		case 1:
			b = slices.Insert(b, at, slices.Clone(b[at:end])...)
		case 2, 3:
			b = slices.Insert(b, at, []byte(pick(r, wireTokens))...)
		case 4:
			if at < len(b) {
				b[at] ^= 1 << r.IntN(8)
			}
		case 5:
			b = append(b[:at], pick(r, wirePackets)...)
		case 6:
			b = b[:at]
		}
	}
	return string(b)
}

// payload is some packets, most as they should be and separated so: a session that ends at once finds nothing.
func payload(r *rand.Rand) string {
	var b strings.Builder
	for i := range 1 + r.IntN(6) {
		if i > 0 {
			b.WriteString("\x1e")
		}
		switch n := r.IntN(24); {
		case n < 18:
			b.WriteString(pick(r, wireEvents))
		case n < 21: // more often than not it stays one packet
			b.WriteString(mutate(r, pick(r, wireEvents)))
		default:
			b.WriteString(mutate(r, pick(r, wirePackets)))
		}
	}
	if r.IntN(20) == 0 {
		return mutate(r, b.String())
	}
	return b.String()
}

// wireScript is what the session of a seed does.
func wireScript(seed uint64) (steps []wireStep) {
	r := rand.New(rand.NewPCG(seed, 0))
	polls := r.IntN(2) == 0
	switch r.IntN(8) {
	case 0:
		steps = append(steps, wireStep{what: "request", method: pick(r, wireMethods), text: mutate(r, pick(r, wireQueries)), header: pick(r, wireHeaders)})
	case 1:
		steps = append(steps, wireStep{what: "dial", text: mutate(r, pick(r, wireQueries)), header: pick(r, wireHeaders)})
	}
	if polls {
		steps = append(steps, wireStep{what: "open"})
	} else {
		steps = append(steps, wireStep{what: "dial", text: "EIO=4&transport=websocket"})
	}
	if r.IntN(4) > 0 {
		steps = append(steps, wireStep{what: "send", text: "40"}, wireStep{what: "send", text: "40/rooms,"})
	}
	for range 1 + r.IntN(10) {
		switch n := r.IntN(24); {
		case n < 12:
			steps = append(steps, wireStep{what: "send", text: payload(r), header: wireHeaders[max(0, r.IntN(60)-46)]})
		case n < 14:
			steps = append(steps, wireStep{what: "poll"})
		case n < 16:
			steps = append(steps, wireStep{what: "request", method: pick(r, wireMethods), text: mutate(r, pick(r, wireQueries)), header: pick(r, wireHeaders)})
		case n < 18:
			steps = append(steps, wireStep{what: "at once", text: payload(r)})
		case n < 20:
			steps = append(steps, wireStep{what: "upgrade", text: mutate(r, "2probe")}, wireStep{what: "send", text: mutate(r, "5")})
		case n < 21:
			steps = append(steps, wireStep{what: "binary", bytes: []byte(payload(r))})
		case n < 22:
			steps = append(steps, wireStep{what: "fragments", text: payload(r)})
		case n < 23:
			steps = append(steps, wireStep{what: "raw", bytes: []byte(mutate(r, pick(r, wireFrames)))})
		}
	}
	return append(steps, wireStep{what: pick(r, []string{"reset", "close", "ask", "ask", "ask"}), code: pick(r, []int{1000, 1001, 3000, 4999})})
}

func TestASeedTellsTheScript(t *testing.T) {
	same := func(a, b []wireStep) bool {
		return slices.EqualFunc(a, b, func(a, b wireStep) bool {
			return a.what == b.what && a.method == b.method && a.text == b.text && slices.Equal(a.header, b.header) && string(a.bytes) == string(b.bytes)
		})
	}
	if !same(wireScript(7), wireScript(7)) || same(wireScript(7), wireScript(8)) {
		t.Error("a seed has to tell one script, and another seed another")
	}
}
