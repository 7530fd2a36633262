package protocol

import (
	"bytes"
	"unicode/utf8"
)

// Decode reads the text of a Socket.IO packet: what an Engine.IO message carries,
// without the message's own type. If the packet is not [Packet.Complete], its
// attachments follow as binary messages, to be given to [Packet.Add].
//
// Data is a part of text, not a copy. The error wraps [ErrMalformed].
//
// Decode accepts whatever a stock client sends and is stricter than
// socket.io-parser where that one is lenient by accident:
//
//   - Numbers are digits only. The reference converts with Number(), so "51e0-"
//     announces one attachment to it, and "2 [...]" has the ack id 0.
//     White space may stand inside and behind the JSON, not before it.
//   - An ack id is below 10^18; the reference loses digits beyond 2^53-1.
//   - An event or ack must have its array, an ack its id, and a connect error its
//     reason. The reference takes "2" for an event without a name, "3[]" for the
//     answer to nothing, and a client crashes on "4".
//   - A namespace is everything from the slash to the next comma or the end, a
//     query included: stock clients never send one. The reference does the same,
//     but this package refuses 0x1e in it, which no polling body could carry back.
//   - A binary packet that announces no attachment is reported as Event or Ack.
//     Clients send it for an object without binary whose toJSON has some. The
//     reference refuses it, or in some versions the text that follows.
//   - A placeholder that refers to no attachment is refused at once, not when the
//     last attachment has come. In a packet without attachments, an object that
//     looks like a placeholder is an object like any other.
//
// An argument may nest 1,000 deep. What is deeper is checked and no error here,
// but [Packet.Args] refuses it, so that the one event is lost and not the session.
func Decode(text []byte) (Packet, error) {
	if len(text) == 0 || text[0] < '0' || text[0] > '0'+byte(BinaryAck) {
		return Packet{}, malformed("unknown packet type")
	}
	p := Packet{Type: Type(text[0] - '0'), Namespace: "/", ID: NoID}
	rest := text[1:]
	var err error
	if p.Type == BinaryEvent || p.Type == BinaryAck {
		if p.Attachments, rest, err = cutAttachments(rest); err != nil {
			return Packet{}, err
		}
		if p.Attachments == 0 {
			p.Type -= BinaryEvent - Event
		}
	}
	if p.Namespace, rest, err = cutNamespace(rest); err != nil {
		return Packet{}, err
	}
	if p.ID, rest, err = cutID(rest); err != nil {
		return Packet{}, err
	}
	if p.Data, err = p.checkPayload(rest); err != nil {
		return Packet{}, err
	}
	return p, nil
}

// cutAttachments reads "<n>-".
func cutAttachments(text []byte) (n int, rest []byte, err error) {
	i := 0
	for ; i < len(text) && isDigit(text[i]); i++ {
		if n = n*10 + int(text[i]-'0'); n > maxAttachments {
			return 0, nil, malformed("more than %d attachments", maxAttachments)
		}
	}
	if i == 0 || i == len(text) || text[i] != '-' {
		return 0, nil, malformed("binary packet without the number of its attachments")
	}
	return n, text[i+1:], nil
}

// cutNamespace reads "/<name>,", of which the comma may be missing at the end.
func cutNamespace(text []byte) (namespace string, rest []byte, err error) {
	if len(text) == 0 || text[0] != '/' {
		return "/", text, nil
	}
	name, rest, _ := bytes.Cut(text, []byte{','})
	if len(name) == 1 {
		return "/", rest, nil
	}
	if bytes.IndexByte(name, separator) >= 0 {
		return "", nil, malformed("namespace contains 0x1e")
	}
	if !utf8.Valid(name) {
		return "", nil, malformed("namespace is not utf-8")
	}
	return string(name), rest, nil
}

func cutID(text []byte) (id int64, rest []byte, err error) {
	i := 0
	for ; i < len(text) && isDigit(text[i]); i++ {
		if id > maxID/10 {
			return 0, nil, malformed("ack id of more than 18 digits")
		}
		id = id*10 + int64(text[i]-'0')
	}
	if i == 0 {
		return NoID, text, nil
	}
	return id, text[i:], nil
}
