package template

import (
	"math"
	"strings"
)

// lexeme is what the letters of a word say about its part in a text.
type lexeme struct {
	mark  bool // punctuation
	open  bool // an opening bracket
	shut  bool // a closing one
	verb  bool // ends like a participle: it tells what happened
	glue  bool // articles, prepositions, auxiliaries, negations
	slot  int8 // 2: a noun that introduces a name (user, host); 1: a preposition that may
	ident bool // written like a name: dots, underscores, inner capitals, two hyphens
	caps  bool // all capitals: a state, a code, an acronym
	none  bool // - stands for a value that is missing
}

func lexemeOf(p *piece) lexeme {
	if p.kind == Punct {
		return lexeme{mark: true, open: strings.ContainsAny(p.text, "([{"), shut: strings.ContainsAny(p.text, ")]}")}
	}
	w := strings.ToLower(p.text)
	l := lexeme{glue: glueWord(w), slot: slotWord(w)}
	l.none = w == "-"
	if l.caps = len(w) > 1 && alphabetic(w) && p.text == strings.ToUpper(w); l.caps {
		l.glue = false // DONE is a state
	}
	l.ident = strings.Count(p.text, "-") >= 2
	if n := len(w); n > 4 && alphabetic(w) && !l.caps {
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
		"of", "in", "at", "to", "for", "from", "by", "with", "without", "as", "into", "onto", "out", "over", "under", "after", "before", "while", "when",
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
// generated lines of twenty-two formats and checked on seeds and on three formats not used for setting them (bench/template).
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
	weightCaps      = .6  // share of words in capitals
	weightNone      = 2.5 // one of the words is -, which stands for a missing value
	weightBracket   = 1.1 // it stands first or last in brackets
	weightFree      = 1.6 // words that look like text at another position combine freely with these
	weightGlued     = 1.2 // it is glued by a colon to a value: the first part of a compound name
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
	case n <= 4 && repeats >= 10 && !c.typed:
		s += weightRepeats
	}
	if c.at == 0 {
		s += weightFirst
	} else if gr.bracketed(sigs[0], c.at) {
		s += weightBracket
	}
	if gr.glued(sigs[0], c.at) {
		s += weightGlued
	}
	return s
}

// bracketed reports whether a position follows an opening bracket or directly precedes a closing one.
func (gr *grouper) bracketed(s *signature, at int) bool {
	return at > 0 && gr.words[s.syms[at-1]].open || at+1 < len(s.syms) && gr.words[s.syms[at+1]].shut
}

// glued reports whether a value follows a position with only a colon between.
func (gr *grouper) glued(s *signature, at int) bool {
	p := gr.m.shapes[s.members[0]].pieces
	return at+2 < len(p) && p[at+1].text == ":" && p[at+2].kind.IsMask() && !p[at+1].space && !p[at+2].space
}

// freely reports for each column whether its words combine freely with those of the other columns: of the contexts that the
// others make, most have most of the words. Text that belongs together does not do so; values do.
func (gr *grouper) freely(sigs []*signature, cols []column) []bool {
	free := make([]bool, len(cols))
	if len(cols) < 2 {
		return free
	}
	for i := range cols {
		contexts := make(map[uint64]map[int32]bool)
		pairs := 0
		for _, s := range sigs {
			key := contextKey(s, cols, i)
			if contexts[key] == nil {
				contexts[key] = make(map[int32]bool)
			}
			if sym := s.syms[cols[i].at]; !contexts[key][sym] {
				contexts[key][sym] = true
				pairs++
			}
		}
		n := cols[i].distinct()
		free[i] = len(contexts) >= 2 && float64(pairs) >= freeShare*float64(len(contexts)*n)
	}
	return free
}

// contextKey hashes what stands in all columns but one.
func contextKey(s *signature, cols []column, but int) uint64 {
	key := uint64(hashSeed)
	for j := range cols {
		if j != but {
			key = (key ^ uint64(s.syms[cols[j].at])) * hashPrime
			key ^= key >> 29
		}
	}
	return key
}

// freeShare is the share of all combinations that must occur for columns to count as combining freely.
const freeShare = .6

// surelyValue is the score above which a column is no witness for others: any text combines freely with values.
const surelyValue = 1.5

// lexicon weighs what kinds of words the column holds, each different word once.
func (gr *grouper) lexicon(c *column) float64 {
	s, none := 0.0, 0.0
	for _, v := range c.values {
		switch l := &gr.words[v.sym]; {
		case l.glue:
			s += weightGlue
		case l.verb:
			s += weightVerb
		case l.ident:
			s += weightIdent
		case l.caps:
			s += weightCaps
		case l.none:
			none = weightNone
		}
	}
	return s/float64(len(c.values)) + none
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
