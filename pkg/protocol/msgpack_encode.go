package protocol

import (
	"bytes"
	"errors"
	"fmt"
	"strconv"
	"strings"

	"github.com/tinylib/msgp/msgp"
)

// EncodeMsgPack returns the one Engine.IO message that carries the packet to a client with socket.io-msgpack-parser,
// with its buffers in place of their placeholders. It refuses what [Packet.Encode] does.
//
// Numbers are written as the reference does: integers that 64 bits hold as such, the others as doubles. Half of a
// surrogate pair, for which msgpack has no form, becomes U+FFFD.
func (p Packet) EncodeMsgPack() (EnginePacket, error) {
	if err := p.checkEncodable(); err != nil {
		return EnginePacket{}, fmt.Errorf("cannot encode packet: %w", err)
	}
	kind := p.Type
	if kind == BinaryEvent || kind == BinaryAck {
		kind -= BinaryEvent - Event
	}
	namespace := p.Namespace
	if namespace == "" {
		namespace = "/"
	}
	members := uint32(2)
	if len(p.Data) > 0 {
		members++
	}
	if p.ID != NoID {
		members++
	}
	size := 48 + len(namespace) + len(p.Data)
	for _, b := range p.Buffers {
		size += len(b)
	}
	out := msgp.AppendMapHeader(make([]byte, 0, size), members)
	out = msgp.AppendUint64(msgp.AppendString(out, "type"), uint64(kind))
	out = msgp.AppendString(msgp.AppendString(out, "nsp"), namespace)
	if len(p.Data) > 0 {
		var err error
		if out, err = appendMsgPack(msgp.AppendString(out, "data"), p.Data, p.Buffers); err != nil {
			return EnginePacket{}, fmt.Errorf("cannot encode packet: %w", err)
		}
	}
	if p.ID != NoID {
		out = msgp.AppendUint64(msgp.AppendString(out, "id"), uint64(p.ID))
	}
	return EnginePacket{Type: EngineMessage, Binary: true, Data: out}, nil
}

// jsonNode is an array or object of a JSON text, in the order in which they begin.
type jsonNode struct {
	count      uint32 // of its elements or members
	attachment int    // the one that the object stands for, -1 for none
	end        int    // where its text ends, if it stands for one
	behind     int    // the index of the first node that is not in it, if it stands for one
}

var errDataNotJSON = errors.New("data is not JSON")

// appendMsgPack writes a JSON text as msgpack, which has the number of its elements in front of an array: so a pass
// that counts comes first. It uses no stack of Go's.
func appendMsgPack(dst, text []byte, buffers [][]byte) ([]byte, error) {
	var few [16]jsonNode
	nodes, err := jsonNodes(few[:0], text, len(buffers))
	if err != nil {
		return nil, err
	}
	s := scanner{text: text}
	node := 0
	for i := s.space(0); i < len(text); i = s.space(i) {
		start := i
		switch c := text[i]; c {
		case ',', ':', ']', '}':
			i++
		case '[':
			dst = msgp.AppendArrayHeader(dst, nodes[node].count)
			node, i = node+1, i+1
		case '{':
			n := nodes[node]
			if n.attachment >= 0 {
				dst = msgp.AppendBytes(dst, buffers[n.attachment])
				node, i = n.behind, n.end
				break
			}
			dst = msgp.AppendMapHeader(dst, n.count)
			node, i = node+1, i+1
		default:
			if i = s.value(i, 0); i < 0 {
				return nil, errDataNotJSON
			}
			dst = appendScalar(dst, text[start:i])
		}
	}
	return dst, nil
}

// appendScalar writes a valid JSON value that is no array and no object.
func appendScalar(dst, value []byte) []byte {
	switch value[0] {
	case '"':
		if inner := value[1 : len(value)-1]; bytes.IndexByte(inner, '\\') < 0 {
			return msgp.AppendStringFromBytes(dst, inner)
		}
		return msgp.AppendString(dst, strings.ToValidUTF8(unquote(value), "\uFFFD"))
	case 't', 'f':
		return msgp.AppendBool(dst, value[0] == 't')
	case 'n':
		return msgp.AppendNil(dst)
	}
	negative, magnitude, err := integer(value)
	switch {
	case err == nil && !negative:
		return msgp.AppendUint64(dst, magnitude)
	case err == nil && magnitude <= 1<<63:
		return msgp.AppendInt64(dst, int64(-magnitude))
	}
	f, _ := strconv.ParseFloat(string(value), 64) // an infinity where it is out of range, as JSON.parse has it
	return msgp.AppendFloat64(dst, f)
}

// jsonNodes counts what is in each array and object of a valid JSON text, and finds the placeholders of attachments. It
// appends to nodes, which are none.
func jsonNodes(nodes []jsonNode, text []byte, attachments int) ([]jsonNode, error) {
	type level struct {
		node, key, keyEnd, value int
		mark                     placeholder
	}
	var few [8]level
	s, open := scanner{text: text}, few[:0]
	for i := s.space(0); i < len(text); i = s.space(i) {
		c := text[i]
		switch c {
		case '[', '{':
			nodes = append(nodes, jsonNode{attachment: -1})
			if i = s.space(i + 1); s.byte(i) != ']' && s.byte(i) != '}' {
				nodes[len(nodes)-1].count = 1
			}
			open = append(open, level{node: len(nodes) - 1, key: i})
			continue
		case '"':
			if i = s.string(i); i < 0 {
				return nil, errDataNotJSON
			}
			continue
		case ',', ':', ']', '}':
		default:
			i++
			continue
		}
		if len(open) == 0 {
			return nil, errDataNotJSON
		}
		top := &open[len(open)-1]
		node := &nodes[top.node]
		if c == ':' {
			top.keyEnd, top.value = i, s.space(i+1)
		} else if attachments > 0 && top.value > 0 {
			top.mark.member(bytes.TrimRight(text[top.key:top.keyEnd], jsonSpace), bytes.TrimRight(text[top.value:i], jsonSpace))
		}
		i++
		switch c {
		case ',':
			node.count++
			top.key, top.value = s.space(i), 0
		case ']', '}':
			if top.mark.marked {
				if node.attachment = top.mark.num(attachments); node.attachment < 0 {
					return nil, errors.New(illegalAttachments)
				}
				node.end, node.behind = i, len(nodes)
			}
			open = open[:len(open)-1]
		}
	}
	if len(open) > 0 {
		return nil, errDataNotJSON
	}
	return nodes, nil
}

const jsonSpace = " \t\r\n"
