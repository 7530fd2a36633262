package protocol

// skip validates an array or object that nests too deep, with a stack of its own
// of a byte for each level.
func (s *scanner) skip(i int) int {
	s.deep = true
	var open []byte // what closes each level
	for {
		switch c := s.byte(i); c {
		case '[', '{':
			end := byte(']')
			if c == '{' {
				end = '}'
			}
			if i = s.space(i + 1); s.byte(i) == end {
				i++
				break
			}
			if open = append(open, end); end == '}' {
				_, i = s.key(i)
			}
			if i < 0 {
				return i
			}
			continue
		default:
			if i = s.value(i, 0); i < 0 {
				return i
			}
		}
		if i, open = s.behind(i, open); i < 0 || len(open) == 0 {
			return i
		}
	}
}

// behind takes the index behind a value and returns that of the next one, or that behind the end of the outermost
// level.
func (s *scanner) behind(i int, open []byte) (int, []byte) {
	for len(open) > 0 {
		end := open[len(open)-1]
		i = s.space(i)
		switch c := s.byte(i); {
		case c == end:
			i, open = i+1, open[:len(open)-1]
		case c == ',' && end == '}':
			_, i = s.key(s.space(i + 1))
			return i, open
		case c == ',':
			return s.space(i + 1), open
		case end == '}':
			return s.fail(i, "no comma or brace"), open
		default:
			return s.fail(i, "no comma or bracket"), open
		}
	}
	return i, open
}
