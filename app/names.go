package app

import (
	"strings"
	"unicode"
	"unicode/utf8"
)

// brailleBlank is a symbol that looks like a space.
const brailleBlank = '\u2800'

// visible reports whether every character of a name can be seen: so that nobody passes for another by characters that
// do not show, and no name changes how the text beside it is read. Control characters, joiners, marks of direction and
// spaces of other kinds are no printable characters; fillers and variation selectors are, although they do not show.
// Halves of surrogate pairs, which are no UTF-8, all look the same.
func visible(name string) bool {
	return utf8.ValidString(name) && !strings.ContainsFunc(name, func(c rune) bool {
		return !unicode.IsPrint(c) || c == brailleBlank || unicode.In(c, unicode.Other_Default_Ignorable_Code_Point, unicode.Variation_Selector)
	})
}
