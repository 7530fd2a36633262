package protocol

import "encoding/base64"

// decodeBase64 returns the bytes that a client means by a text, as Buffer.from(text, "base64") does in the reference
// server: padding may be missing, - and _ stand for + and /, the text ends at its first =, and what is no digit of
// base64 is left out. A last digit that is too little for a byte is left out, too. So there is no error: what is no
// base64 at all is no bytes.
//
// Clients need it: one in Swift sends no padding. https://nodejs.org/api/buffer.html#buffers-and-character-encodings
func decodeBase64(text []byte) []byte {
	out := make([]byte, base64.StdEncoding.DecodedLen(len(text)+3))
	if n, err := base64.StdEncoding.Decode(out, text); err == nil { // what most clients send
		return out[:n]
	}
	out = out[:0]
	var bits uint32 // of which the last have, those that are no byte yet
	have := 0
	for _, c := range text {
		if c == '=' {
			break
		}
		v := digits64[c]
		if v < 0 {
			continue
		}
		bits, have = bits<<6|uint32(v), have+6
		if have >= 8 {
			have -= 8
			out = append(out, byte(bits>>have))
		}
	}
	return out
}

// digits64 has the value of each digit of base64 in both alphabets, below zero for what is none.
var digits64 = func() (values [256]int8) {
	for i := range values {
		values[i] = -1
	}
	for _, alphabet := range []string{
		"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/",
		"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_",
	} {
		for v, c := range []byte(alphabet) {
			values[c] = int8(v)
		}
	}
	return values
}()
