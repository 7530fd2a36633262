package protocol

import (
	"strings"
	"unicode/utf8"
)

// Excerpt returns so much of a client's text as belongs into a line of a log or an error: its first 200 bytes, with
// dots where that is not all, and U+FFFD for what is not UTF-8. Control characters are left to the log's own quoting.
func Excerpt(s string) string {
	const most = 200
	if len(s) <= most {
		return strings.ToValidUTF8(s, "\uFFFD")
	}
	n := most
	for n > most-utf8.UTFMax && !utf8.RuneStart(s[n]) {
		n--
	}
	return strings.ToValidUTF8(s[:n], "\uFFFD") + "..."
}
