package template

import (
	"math"
	"strings"
)

// lexeme is what the letters of a word say about its part in a text.
type lexeme struct {
	mark  bool // punctuation
	verb  bool // ends like a participle: it tells what happened
	glue  bool // articles, prepositions, auxiliaries, negations
	slot  int8 // 2: a noun that introduces a name (user, host); 1: a preposition that may
	ident bool // written like a name: dots, underscores, inner capitals
}

func lexemeOf(p *piece) lexeme {
	if p.kind == Punct {
		return lexeme{mark: true}
	}
	w := strings.ToLower(p.text)
	l := lexeme{glue: glueWord(w), slot: slotWord(w)}
	if n := len(w); n > 4 && alphabetic(w) {
		l.verb = strings.HasSuffix(w, "ing") || strings.HasSuffix(w, "ed")
	}
	for i := 1; i < len(p.text); i++ {
		c, before := p.text[i], p.text[i-1]
		if c == '.' || c == '_' || c == '/' || c == '$' || c == '@' || c == '\\' || c >= 'A' && c <= 'Z' && before >= 'a' && before <= 'z' {
			l.ident = true
		}
	}
	return l
}

func alphabetic(w string) bool {
	for i := range len(w) {
		if classes[w[i]]&cLetter == 0 {
			return false
		}
	}
	return true
}

func glueWord(w string) bool {
	switch w {
	case "a", "an", "the", "is", "are", "was", "were", "be", "been", "has", "have", "had", "not", "no", "and", "or", "but", "if", "then", "than", "that", "this", "it", "its",
		"of", "in", "on", "at", "to", "for", "from", "by", "with", "without", "as", "into", "onto", "out", "up", "down", "off", "over", "under", "after", "before", "while", "when",
		"will", "would", "can", "cannot", "could", "should", "may", "must", "did", "do", "does", "all", "any", "some", "only", "already", "again", "now", "too", "very", "more", "most",
		"failed", "success", "successful", "successfully", "error", "errors", "warning", "started", "stopped", "ok", "done", "failure":
		return true
	}
	return false
}

// slotWord says how strongly a word announces a name behind it.
func slotWord(w string) int8 {
	switch w {
	case "user", "username", "account", "host", "hostname", "server", "node", "client", "service", "container", "pod", "table", "database", "schema", "index", "topic", "queue", "group",
		"partition", "job", "task", "thread", "process", "module", "device", "interface", "package", "class", "bean", "file", "filename", "directory", "dir", "path", "key", "name", "named",
		"id", "role", "region", "replica", "volume", "bucket", "column", "relation", "plugin", "component", "type", "code", "address", "domain", "image", "tool", "model", "instance", "called", "regionserver":
		return 2
	case "for", "from", "to", "of", "by", "in", "on", "at", "with", "via", "as", "into", "against":
		return 1
	}
	return 0
}

// Weights of the evidence that the words at a position are values, in log-odds; positive speaks for values. They were set on
// generated lines of twenty formats and checked on seeds not used for setting them (bench/template).
const (
	weightKinds     = 1.2 // per doubling of the number of different words ...
	neutralKinds    = 5.5 // ... around this number, which says nothing
	weightTyped     = 2.6 // some lines have an id, address, path, ... there
	weightNumber    = 1.3 // some lines have a number there
	weightSlotNoun  = 1.6 // a noun such as user or host stands before it
	weightSlotPrep  = .6  // a preposition stands before it
	weightIdent     = 1.2 // share of words written like names
	weightVerb      = -3  // share of participles
	weightGlue      = -3  // share of articles, prepositions, auxiliaries
	weightOpenEnded = .8  // nearly every line has another word
	weightRepeats   = -.8 // few words, each of them often
	weightFirst     = -.5 // the first position: messages begin with text more often than with a value
)

// score weighs the evidence that the words in a column are values (> 0) rather than text (<= 0).
func (gr *grouper) score(sigs []*signature, c *column) float64 {
	n := len(c.values)
	if n == 0 {
		return math.Inf(1)
	}
	total := float64(c.lines + c.wild)
	s := weightKinds * (math.Log2(float64(n)) - math.Log2(neutralKinds))
	if c.wild > 0 {
		if c.typed {
			s += weightTyped
		} else {
			s += weightNumber
		}
	}
	s += gr.lexicon(c)
	switch gr.before(sigs, c.at) {
	case 2:
		s += weightSlotNoun
	case 1:
		s += weightSlotPrep
	}
	switch repeats := total / float64(n); {
	case n >= 3 && repeats < 1.7:
		s += weightOpenEnded
	case n <= 4 && repeats >= 10:
		s += weightRepeats
	}
	if c.at == 0 {
		s += weightFirst
	}
	return s
}

// lexicon weighs what kinds of words the column holds, each different word once.
func (gr *grouper) lexicon(c *column) float64 {
	s := 0.0
	for _, v := range c.values {
		switch l := &gr.words[v.sym]; {
		case l.glue:
			s += weightGlue
		case l.verb:
			s += weightVerb
		case l.ident:
			s += weightIdent
		}
	}
	return s / float64(len(c.values))
}

// before returns the slot strength of the word before a position, if it is the same in all signatures.
func (gr *grouper) before(sigs []*signature, at int) int8 {
	if at == 0 {
		return 0
	}
	prev := sigs[0].syms[at-1]
	if gr.words[prev].mark && at > 1 && sigs[0].syms[at-2] != 0 { // user: x, user [x
		prev = sigs[0].syms[at-2]
	}
	return gr.words[prev].slot
}
