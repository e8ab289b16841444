package knowledge

import (
	"cmp"
	"regexp"
	"strings"
)

// Chunk is a run of lines of a document that answers as one.
type Chunk struct {
	Start, End int    // lines, from 1, both included
	Heading    string // the headings above it, outermost first, joined by " > "
	Text       string
}

// Sizes of chunks in tokens. The embedder reads 254 and no more: a few are left over so that a count of more is seen.
const (
	maxTokens        = 250
	maxHeadingTokens = 32
	mergeTokens      = 120 // a section shorter than this takes the next one in
	overlapTokens    = 40  // repeated when a section is cut
)

// chunkerVersion changes when the same document would be cut otherwise: bases are then indexed anew.
const chunkerVersion = "2"

// block is what is not cut if it fits: a paragraph, a list, a code block, a function.
type block struct {
	start, end int // lines from 0, end excluded
	section    int
	heading    string
	tokens     int
}

// Chunks cuts a document. count says how many tokens a text has; above 254 it may say any larger number.
func (d Document) Chunks(count func(string) int) []Chunk {
	blocks := d.blocks()
	var fitting []block
	for _, b := range blocks {
		fitting = append(fitting, d.fit(b, count)...)
	}
	var out []Chunk
	for from := 0; from < len(fitting); {
		to, tokens := from+1, fitting[from].tokens
		limit := room(fitting[from].heading, count)
		for to < len(fitting) && tokens+fitting[to].tokens <= limit && (fitting[to].section == fitting[from].section || tokens < mergeTokens) {
			tokens += fitting[to].tokens
			to++
		}
		out = append(out, d.chunk(fitting[from:to]))
		next := to
		// The end of a cut section is the beginning of its next chunk too.
		if to < len(fitting) && fitting[to].section == fitting[to-1].section && to-1 > from && fitting[to-1].tokens <= overlapTokens && fitting[to-1].tokens+fitting[to].tokens <= limit {
			next = to - 1
		}
		from = next
	}
	return out
}

// room is what the heading leaves.
func room(heading string, count func(string) int) int {
	return maxTokens - min(count(heading), maxHeadingTokens)
}

func (d Document) chunk(blocks []block) Chunk {
	first, last := blocks[0], blocks[len(blocks)-1]
	heading := first.heading
	for _, b := range blocks { // what stands above the first heading goes with it
		heading = cmp.Or(heading, b.heading)
	}
	return Chunk{Start: first.start + 1, End: last.end, Heading: heading, Text: d.span(first.start, last.end)}
}

func (d Document) span(start, end int) string { return strings.Join(d.Lines[start:end], "\n") }

// fit cuts a block that is too long, at lines; a line that is too long stays whole (the embedder reads its beginning, the word
// index all of it) unless it is longer than maxLine.
func (d Document) fit(b block, count func(string) int) []block {
	limit := room(b.heading, count)
	if b.tokens = count(d.span(b.start, b.end)); b.tokens <= limit || b.end-b.start == 1 {
		return []block{b}
	}
	var out []block
	part := block{start: b.start, end: b.start, section: b.section, heading: b.heading}
	for i := b.start; i < b.end; i++ {
		n := count(d.Lines[i]) + 1
		if part.end > part.start && part.tokens+n > limit {
			out = append(out, part)
			part = block{start: i, end: i, section: b.section, heading: b.heading}
		}
		part.end, part.tokens = i+1, part.tokens+n
	}
	return append(out, part)
}

// blocks parts a document by its structure.
func (d Document) blocks() []block {
	c := &cutter{lines: d.Lines, start: -1}
	switch d.Kind {
	case Code:
		c.code()
	case Markdown, HTML, PDF:
		c.prose(true)
	case Text:
		c.prose(false)
	}
	return c.out
}

// cutter walks over lines.
type cutter struct {
	lines   []string
	out     []block
	start   int // of the open block, -1 if none
	section int
	stack   []string // headings, by depth
}

func (c *cutter) heading() string {
	var parts []string
	for _, h := range c.stack {
		if h != "" {
			parts = append(parts, h)
		}
	}
	return strings.Join(parts, " > ")
}

// end closes the open block before line i.
func (c *cutter) end(i int) {
	if c.start >= 0 && i > c.start {
		c.out = append(c.out, block{start: c.start, end: i, section: c.section, heading: c.heading()})
	}
	c.start = -1
}

func (c *cutter) enter(depth int, text string) {
	for len(c.stack) < depth {
		c.stack = append(c.stack, "")
	}
	c.stack = append(c.stack[:depth-1], text)
	c.section++
}

var underline = regexp.MustCompile(`^(={3,}|-{3,}|~{3,})\s*$`)

// prose cuts at headings and blank lines, never within a code block. Without marks a heading is a line with a line of = - ~
// below it (reStructuredText) or = before it (AsciiDoc).
func (c *cutter) prose(marks bool) {
	fence := ""
	for i := 0; i < len(c.lines); i++ {
		line := c.lines[i]
		if f := fenceOf(line); marks && f != "" && (fence == "" || strings.HasPrefix(f, fence)) {
			if fence == "" {
				c.end(i)
				c.start, fence = i, f
			} else {
				fence = ""
				c.end(i + 1)
			}
			continue
		}
		if fence != "" {
			continue
		}
		depth, text := c.headingAt(i, marks)
		switch {
		case depth > 0:
			c.end(i)
			c.enter(depth, text)
			c.start = i
			if text == strings.TrimSpace(line) { // underlined
				i++
			}
		case strings.TrimSpace(line) == "":
			if c.start >= 0 && c.onlyHeading(i) {
				continue // a heading stays with what follows
			}
			c.end(i)
		case c.start < 0:
			c.start = i
		}
	}
	c.end(len(c.lines))
}

func (c *cutter) headingAt(i int, marks bool) (int, string) {
	line := c.lines[i]
	if depth, text := heading(line); marks && depth > 0 {
		return depth, text
	}
	if !marks {
		if n := len(line) - len(strings.TrimLeft(line, "=")); n > 0 && n < 6 && len(line) > n && line[n] == ' ' {
			return n, strings.TrimSpace(line[n:])
		}
	}
	if text := strings.TrimSpace(line); i+1 < len(c.lines) && text != "" && len(text) < 120 && underline.MatchString(c.lines[i+1]) &&
		(c.lines[i+1][0] == '=' || !marks) && !strings.HasPrefix(text, "|") {
		return 1 + strings.IndexByte("=-~", c.lines[i+1][0]), text
	}
	return 0, ""
}

// onlyHeading reports whether the open block is nothing but headings so far.
func (c *cutter) onlyHeading(end int) bool {
	for i := c.start; i < end; i++ {
		if h, _ := heading(c.lines[i]); h == 0 && strings.TrimSpace(c.lines[i]) != "" && !underline.MatchString(c.lines[i]) {
			return false
		}
	}
	return true
}

// declaration begins a function, a type or the like in the languages that are read. It matches at most one level of
// indentation, so that statements do not count.
var declaration = regexp.MustCompile(`^(?:\t| {0,4})(?:` +
	`(?:export\s+|default\s+|async\s+|public\s+|private\s+|protected\s+|internal\s+|static\s+|final\s+|abstract\s+|override\s+|pub(?:\([a-z]+\))?\s+|unsafe\s+|open\s+|sealed\s+|data\s+)*` +
	`(?:func|fn|def|class|interface|struct|enum|trait|impl|type|object|module|namespace|function|message|service|rpc|resource|variable|data|CREATE\s+\w+)\s+\S.*` +
	`|(?:public|private|protected|static)\s+[\w<>\[\], .?]+\s+\w+\s*\(.*` +
	`|[A-Za-z_][\w:*&<> ]*\s[*&]?[\w:]+\([^;]*\)\s*(?:const\s*)?\{?\s*` +
	`|\w+\s*\(\)\s*\{.*)$`)

// attached are lines that belong to the declaration below them.
var attached = regexp.MustCompile(`^\s*(?://|/\*|\*|#|--|@|"""|'''|\[)`)

// code cuts before declarations, with the comments and annotations above them.
func (c *cutter) code() {
	for i, line := range c.lines {
		if !declaration.MatchString(line) || controls.MatchString(line) {
			if strings.TrimSpace(line) == "" {
				c.end(i)
			} else if c.start < 0 {
				c.start = i
			}
			continue
		}
		top := i
		for top > 0 && top > c.last() && attached.MatchString(c.lines[top-1]) {
			top--
		}
		c.end(top)
		c.enter(1, strings.TrimRight(strings.TrimSpace(line), " {:"))
		c.start = top
	}
	c.end(len(c.lines))
}

var controls = regexp.MustCompile(`^\s*(?:if|for|while|switch|return|else|elif|try|catch|with|case|do)\b`)

// last is the end of the last closed block, or the start of the open one.
func (c *cutter) last() int {
	if c.start >= 0 {
		return c.start
	}
	if n := len(c.out); n > 0 {
		return c.out[n-1].end
	}
	return 0
}
