package protocol

import (
	"encoding/json"
	"errors"
)

// maxDepth bounds how deep arrays and objects nest: the outermost array of an
// event, and 1,000 levels of an argument. Real applications stay far below; the
// bound keeps whoever walks an argument from exhausting its stack. The payload of
// a CONNECT has no bound but its size.
const maxDepth = 1 + 1000

// errTooDeep says that a text is valid but for its depth.
var errTooDeep = errors.New("nested more than 1,000 deep")

// scanner validates one JSON text (RFC 8259) in a single pass, as strictly as
// JSON.parse does: escapes of lone surrogates are allowed, invalid UTF-8 is not.
// It allocates nothing, except for the elements if asked to collect them.
//
// Its methods take the index where a value starts and return the index behind
// its end, or -1 after they have set fault.
type scanner struct {
	text  []byte
	fault string // what is wrong
	at    int    // and where

	known    bool // the text is one JSON value, but for invalid UTF-8 in its strings
	verbatim bool // the last string stands for what is between its quotes

	deep     bool              // whether something nests too deep
	collect  bool              // whether to fill elements
	elements []json.RawMessage // of the outermost array
	found    spans             // of these, in any case; the text has less than 4 GiB where they are used

	attachments  int // check that placeholders refer to so many; 0: ignore them
	placeholders int // how many were seen
}

// scan validates the whole text, one value that starts at its first byte and
// may be followed by white space, and returns the value's end. The end is there
// with errTooDeep, too.
func (s *scanner) scan() (end int, err error) {
	end = s.value(0, 0)
	if end >= 0 && s.space(end) != len(s.text) {
		s.fail(end, "text after the value")
		end = -1
	}
	if end < 0 {
		return 0, malformed("%s at byte %d of the json", s.fault, s.at)
	}
	if s.deep {
		return end, errTooDeep
	}
	return end, nil
}

func (s *scanner) fail(at int, fault string) int {
	s.at, s.fault = at, fault
	return -1
}

// byte returns 0, which is never part of JSON, behind the end.
func (s *scanner) byte(i int) byte {
	if uint(i) < uint(len(s.text)) {
		return s.text[i]
	}
	return 0
}

func (s *scanner) space(i int) int {
	for c := s.byte(i); c == ' ' || c == '\t' || c == '\n' || c == '\r'; c = s.byte(i) {
		i++
	}
	return i
}

func (s *scanner) value(i, depth int) int {
	switch c := s.byte(i); c {
	case '"':
		return s.string(i)
	case '[':
		return s.array(i, depth+1)
	case '{':
		return s.object(i, depth+1)
	case 't':
		return s.literal(i, "true")
	case 'f':
		return s.literal(i, "false")
	case 'n':
		return s.literal(i, "null")
	default:
		if isNumberStart(c) {
			return s.number(i)
		}
		return s.fail(i, "no value")
	}
}

func (s *scanner) array(i, depth int) int {
	if depth > maxDepth {
		return s.skip(i)
	}
	i = s.space(i + 1)
	if s.byte(i) == ']' {
		return i + 1
	}
	for n := 0; ; n++ {
		start := i
		if i = s.value(i, depth); i < 0 {
			return i
		}
		if depth == 1 {
			s.element(n, start, i)
		}
		i = s.space(i)
		switch s.byte(i) {
		case ',':
			i = s.space(i + 1)
		case ']':
			return i + 1
		default:
			return s.fail(i, "no comma or bracket")
		}
	}
}

// element notes the nth element of the outermost array.
func (s *scanner) element(n, from, to int) {
	if s.found.count = n + 1; n < len(s.found.of) {
		s.found.of[n].from, s.found.of[n].to = uint32(from), uint32(to)
	}
	if s.collect {
		if s.elements == nil {
			s.elements = make([]json.RawMessage, 0, 4)
		}
		s.elements = append(s.elements, s.text[from:to:to])
	}
}

func (s *scanner) object(i, depth int) int {
	if depth > maxDepth {
		return s.skip(i)
	}
	begin := i
	i = s.space(i + 1)
	if s.byte(i) == '}' {
		return i + 1
	}
	var mark placeholder
	for {
		key, start := s.key(i)
		if start < 0 {
			return start
		}
		if i = s.value(start, depth); i < 0 {
			return i
		}
		if s.attachments > 0 {
			mark.member(key, s.text[start:i])
		}
		i = s.space(i)
		switch s.byte(i) {
		case ',':
			i = s.space(i + 1)
		case '}':
			if mark.marked {
				if s.placeholders++; mark.num(s.attachments) < 0 {
					return s.fail(begin, illegalAttachments)
				}
			}
			return i + 1
		default:
			return s.fail(i, "no comma or brace")
		}
	}
}

// key takes the index of a member of an object. It returns the member's key, in quotes, and the index of its value.
func (s *scanner) key(i int) (quoted []byte, value int) {
	if s.byte(i) != '"' {
		return nil, s.fail(i, "no key")
	}
	end := s.string(i)
	if end < 0 {
		return nil, end
	}
	quoted = s.text[i:end]
	if i = s.space(end); s.byte(i) != ':' {
		return nil, s.fail(i, "no colon")
	}
	return quoted, s.space(i + 1)
}

func (s *scanner) literal(i int, word string) int {
	end := i + len(word)
	if end > len(s.text) || string(s.text[i:end]) != word {
		return s.fail(i, "no value")
	}
	return end
}
