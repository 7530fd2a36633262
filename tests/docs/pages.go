// Package docs reads the pages that people read: what commands and programs they have, and where they link to.
//
// A fenced block whose language is sh is run by bash, in a copy of the repository, one after the other as they stand in
// the page, and must succeed. A block of text right after it is all that it prints. An HTML comment right before a
// block says what else is to be known of it:
//
//	<!-- not here: REASON -->     it cannot be run, or is run elsewhere
//	<!-- until: TEXT -->          it goes on until it is interrupted, which is when it has printed the text
//	<!-- from: FILE -->           of Go: it stands in this file, which is compiled
package docs

import (
	"fmt"
	"regexp"
	"strings"
)

// Block is a fenced block of a page.
type Block struct {
	Line     int    // of the page
	Language string // "" for none
	Text     string // each line with its end
	Note     string // what the comment before it says: "not here", "until", "from"; "" for none
	Value    string // of the note
	Output   string // what stands in a block of text right after it; "" for none
}

var note = regexp.MustCompile(`^<!-- (not here|until|from): (.+) -->$`)

// Blocks returns the fenced blocks of a page, in order.
func Blocks(page string) (blocks []Block, err error) {
	lines := strings.SplitAfter(page, "\n")
	var open *Block
	indent, before := "", ""
	follows := false // nothing but empty lines since the last block
	for i, line := range lines {
		trimmed := strings.TrimSpace(line)
		switch {
		case open == nil && strings.HasPrefix(trimmed, "```"):
			open = &Block{Line: i + 1, Language: strings.TrimPrefix(trimmed, "```")}
			indent = line[:strings.Index(line, "`")]
			if m := note.FindStringSubmatch(before); m != nil {
				open.Note, open.Value = m[1], m[2]
			} else if strings.HasPrefix(before, "<!--") {
				return nil, fmt.Errorf("line %d: %s is not understood", i, before)
			}
		case open != nil && trimmed == "```":
			if n := len(blocks); open.Language == "text" && follows && n > 0 && blocks[n-1].Language == "sh" {
				blocks[n-1].Output = open.Text
			} else {
				blocks = append(blocks, *open)
			}
			open, follows = nil, true
		case open != nil:
			open.Text += strings.TrimPrefix(line, indent)
		case trimmed != "":
			follows = false
		}
		before = trimmed
	}
	if open != nil {
		return nil, fmt.Errorf("line %d: the block has no end", open.Line)
	}
	return blocks, nil
}

var (
	link    = regexp.MustCompile(`\]\(([^()\s]+)\)`)
	heading = regexp.MustCompile(`(?m)^#+ (.+)$`)
	marks   = regexp.MustCompile(`[^\p{L}\p{N} _-]`)
	fence   = regexp.MustCompile("(?ms)^ *```.*?^ *```$")
)

// Links returns where a page links to, without those within blocks.
func Links(page string) (targets []string) {
	for _, m := range link.FindAllStringSubmatch(fence.ReplaceAllString(page, ""), -1) {
		targets = append(targets, m[1])
	}
	return targets
}

// Anchors returns the names that GitHub gives to the headings of a page.
func Anchors(page string) map[string]bool {
	anchors := map[string]bool{}
	for _, m := range heading.FindAllStringSubmatch(fence.ReplaceAllString(page, ""), -1) {
		anchors[strings.ReplaceAll(marks.ReplaceAllString(strings.ToLower(m[1]), ""), " ", "-")] = true
	}
	return anchors
}
