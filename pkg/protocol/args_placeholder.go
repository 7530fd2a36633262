package protocol

import (
	"bytes"
	"strconv"
)

// illegalAttachments is the reference's word for a placeholder whose number
// belongs to no attachment.
const illegalAttachments = "illegal attachments"

// placeholder recognises the object that stands for an attachment,
//
//	{"_placeholder":true,"num":0}
//
// from its members. As in the reference, other members do not matter, the last
// of two members of one name counts, and only the value true marks one.
type placeholder struct {
	marked bool
	number []byte
}

func (p *placeholder) member(key, value []byte) {
	switch memberName(key) {
	case markMember:
		p.marked = string(value) == "true"
	case numMember:
		p.number = value
	}
}

const (
	otherMember = iota
	markMember
	numMember
)

func memberName(key []byte) int {
	if bytes.IndexByte(key, '\\') >= 0 { // JSON.parse sees through escapes
		key = appendString(nil, unquote(key))
	}
	switch string(key) {
	case `"_placeholder"`:
		return markMember
	case `"num"`:
		return numMember
	}
	return otherMember
}

// num returns the number of the attachment, or -1 if it is none of n.
func (p *placeholder) num(n int) int {
	if len(p.number) == 0 || len(p.number) > 2 {
		return -1 // no packet has more than 10 attachments
	}
	num, err := strconv.ParseUint(string(p.number), 10, 8)
	if err != nil || int(num) >= n {
		return -1
	}
	return int(num)
}

func appendPlaceholder(dst []byte, num int) []byte {
	dst = append(dst, `{"_placeholder":true,"num":`...)
	return append(strconv.AppendInt(dst, int64(num), 10), '}')
}
