package engine

import "strings"

// ConnectionAddress returns the address of a connection, by the id that API Gateway gives it.
func ConnectionAddress(connection string) Address { return connectionAddress(connection) }

// Connection returns the id of the connection that an address is of. ok is false for a session that polls.
func (a Address) Connection() (id string, ok bool) { return a.connection() }

// Name returns what stands for an address in a log: the id of a connection, or a hash for a session that polls, whose
// sid is a secret.
func (a Address) Name() string { return a.LogValue().String() }

// Redacted returns a text, such as a job, as a log may have it: with the Name of each session that polls in the place of
// its address.
func Redacted(text string) string {
	var b strings.Builder
	for text != "" {
		end := strings.IndexFunc(text, func(c rune) bool { return !inSID(c) })
		if end < 0 {
			end = len(text)
		}
		if word := text[:end]; strings.HasPrefix(word, pollingPrefix) && isSID(word[len(pollingPrefix):]) {
			b.WriteString(Address(word).Name())
		} else {
			b.WriteString(word)
		}
		text = text[end:]
		if end = strings.IndexFunc(text, inSID); end < 0 {
			end = len(text)
		}
		b.WriteString(text[:end])
		text = text[end:]
	}
	return b.String()
}
