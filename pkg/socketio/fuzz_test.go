package socketio_test

import (
	"strings"
	"testing"

	"github.com/dozeio/doze/pkg/protocol"
	"github.com/dozeio/doze/pkg/socketio/socketiotest"
)

// FuzzClient sends what no client would: whatever it is, nothing panics outside of the application, the server answers
// another client as before, and no row is left.
func FuzzClient(f *testing.F) {
	for _, body := range []string{
		`2["e",1]`, "1\x1e0\x1e2[\"e\"]", `0/other,{"a":1}`, `2["close"]` + "\x1e" + `2["e"]`, `2["kick"]` + "\x1e1",
		"51-[\"e\",{\"_placeholder\":true,\"num\":0}]\x1ebAQ==", `3/other,1[]`, `40`, `2[5,{}]`, "", "\x1e",
	} {
		f.Add(body, true)
		f.Add(body, false)
	}
	f.Fuzz(func(t *testing.T, body string, poll bool) {
		io, log, _ := strict()
		s := socketiotest.New(lenient{t}, io, ordered)
		transport := websocket
		if poll {
			transport = polling
		}
		client, witness := s.Connect("/", transport), s.Connect("/")
		var packets []protocol.EnginePacket
		for piece := range strings.SplitSeq(body, "\x1e") {
			if rest, ok := strings.CutPrefix(piece, "b"); ok {
				packets = append(packets, binary([]byte(rest)...))
			} else {
				packets = append(packets, text(piece))
			}
		}
		attempt(func() { client.Raw(packets...) })
		witness.Emit("e")
		s.Close()
		noRows(t, s)
		if text := log.text.String(); strings.Contains(text, "panic") {
			t.Error(text)
		}
	})
}
