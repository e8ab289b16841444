package template

// Limits of scanning one line.
const (
	maxTokens = 160 // tokens looked at; the tail of a longer line is one <*>: beyond this, lines are dumps
	maxQuoted = 512 // bytes within which a closing quote or bracket must come, or the opening one is punctuation
)

const (
	hashSeed  = 0x9e3779b97f4a7c15
	hashPrime = 0x100000001b3
)

// markHash is the hash of a punctuation mark; a run of one mark counts as the mark.
func markHash(c byte) uint64 { return (uint64(c) + 1) * hashSeed }

// scanner turns lines into tokens. It keeps its buffer, so that scanning allocates nothing once it has grown.
type scanner struct {
	line string
	toks []token
	// inText is the end of a quoted message that is scanned as text, 0 if none.
	inText int
}

// scan splits and masks the first line of s; the answer is valid until the next call.
func (sc *scanner) scan(s string) []token {
	sc.line, sc.toks, sc.inText = s, sc.toks[:0], 0
	space := false
	for i := 0; i < len(s); {
		c := s[i]
		if c == ' ' || c == '\t' {
			space = true
			i++
			continue
		}
		if c == '\n' || c == '\r' { // a trace or dump follows: the first line names the event
			if len(sc.toks) > 0 {
				break
			}
			i++
			continue
		}
		if len(sc.toks) >= maxTokens {
			sc.emit(i, len(s), Any, space)
			break
		}
		if classes[c] != 0 {
			i = sc.chunk(i, space)
		} else {
			i = sc.mark(i, space)
		}
		space = false
	}
	sc.fold()
	return sc.toks
}

func (sc *scanner) emit(start, end int, kind Kind, space bool) {
	sc.toks = append(sc.toks, token{start: uint32(start), end: uint32(end), kind: kind, space: space})
}

func (sc *scanner) emitText(start, end int, kind Kind, hash uint64, space bool) {
	sc.toks = append(sc.toks, token{start: uint32(start), end: uint32(end), kind: kind, hash: hash, space: space})
}

// punct emits a run of one punctuation mark as one token and returns the index behind it.
func (sc *scanner) punct(i int, space bool) int {
	j := i + 1
	for j < len(sc.line) && sc.line[j] == sc.line[i] && sc.line[i] != '(' && sc.line[i] != ')' {
		j++
	}
	sc.emitText(i, j, Punct, markHash(sc.line[i]), space)
	return j
}

// mark reads what begins with a punctuation mark: quoted text, a value after =, arguments, or the mark itself.
func (sc *scanner) mark(i int, space bool) int {
	switch c := sc.line[i]; c {
	case '"', '\'', '`':
		return sc.quote(i, space)
	case '=':
		return sc.value(i, space)
	case '(', '[', '{':
		if p := sc.prev(); c == '{' && p != nil && p.kind == Path && int(p.end) == i {
			return sc.route(i, p)
		}
		if !space && sc.afterName(i) || c == '(' && i+1 < len(sc.line) && sc.line[i+1] == ')' {
			return sc.arguments(i, space)
		}
	case '<', '>':
		if i+1 < len(sc.line) && classes[sc.line[i+1]] == cDigit && (space || len(sc.toks) == 0) { // <1 sec
			j := sc.chunk(i+1, space)
			sc.toks[len(sc.toks)-1].start--
			return j
		}
	}
	return sc.punct(i, space)
}

func (sc *scanner) prev() *token {
	if len(sc.toks) == 0 {
		return nil
	}
	return &sc.toks[len(sc.toks)-1]
}

func (sc *scanner) text(t *token) string { return sc.line[t.start:t.end] }

// afterName reports whether the token that ends at i is a name, so that the bracket at i holds its arguments.
func (sc *scanner) afterName(i int) bool {
	p := sc.prev()
	return p != nil && int(p.end) == i && p.kind != Punct
}

// arguments replaces what stands in brackets glued to a name, f(a, b), id[0x01], Token{...}, by one mask.
// Plurals, error(s), and empty brackets stay text.
func (sc *scanner) arguments(i int, space bool) int {
	end := sc.closing(i)
	if end < 0 {
		return sc.punct(i, space)
	}
	inner := sc.line[i+1 : end]
	if inner == "" && !space || inner == "s" || inner == "es" || inner == "ies" {
		h := uint64(hashSeed)
		for k := i; k <= end; k++ {
			h = (h ^ uint64(sc.line[k])) * hashPrime
		}
		sc.emitText(i, end+1, Punct, h, false)
		return end + 1
	}
	sc.emitText(i, i+1, Punct, markHash(sc.line[i]), space)
	sc.emit(i+1, end, Any, false)
	sc.emitText(end, end+1, Punct, markHash(sc.line[end]), false)
	return end + 1
}

// route lengthens a path by its parameter, /product/{id}/stock.
func (sc *scanner) route(i int, path *token) int {
	end := sc.closing(i)
	if end < 0 {
		return sc.punct(i, false)
	}
	for end++; end < len(sc.line) && classes[sc.line[end]] != 0; end++ {
	}
	path.end = uint32(end)
	return end
}

// closing returns the index of the bracket that closes the one at i, skipping nested ones; -1 if there is none near.
func (sc *scanner) closing(i int) int {
	depth := 0
	limit := min(len(sc.line), i+maxQuoted)
	if sc.inText > i {
		limit = min(limit, sc.inText)
	}
	for j := i; j < limit; j++ {
		switch sc.line[j] {
		case '(', '[', '{':
			depth++
		case ')', ']', '}':
			if depth--; depth == 0 {
				return j
			}
		case '\n':
			return -1
		}
	}
	return -1
}

// quote reads quoted text: a key of JSON stays a word, a message is scanned as text, all else is a value.
func (sc *scanner) quote(i int, space bool) int {
	q := sc.line[i]
	if i > 0 && classes[sc.line[i-1]]&(cLetter|cDigit) != 0 || i < sc.inText && q == '"' {
		return sc.punct(i, space) // an apostrophe, or the end of a message
	}
	end := -1
	for j := i + 1; j < len(sc.line) && j < i+maxQuoted; j++ {
		if c := sc.line[j]; c == '\\' {
			j++
		} else if c == '\n' {
			break
		} else if c == q && (q != '\'' || j+1 == len(sc.line) || classes[sc.line[j+1]]&(cLetter|cDigit) == 0) {
			end = j
			break
		}
	}
	if end < 0 {
		return sc.punct(i, space)
	}
	if end+1 < len(sc.line) && sc.line[end+1] == ':' && q == '"' {
		return sc.jsonKey(i, end, space)
	}
	if p := sc.prev(); p != nil && p.kind == Punct && sc.line[p.start] == ':' && len(sc.toks) > 1 && messageKey(sc.text(&sc.toks[len(sc.toks)-2])) {
		sc.inText = end + 1
		return sc.punct(i, space)
	}
	sc.emit(i, end+1, Str, space)
	return end + 1
}

// jsonKey emits "key": as a word and the value behind it as a mask, unless it is a message or an object.
func (sc *scanner) jsonKey(i, end int, space bool) int {
	sc.word(i+1, end, space)
	key := sc.line[i+1 : end]
	j := end + 1
	sc.emitText(j, j+1, Punct, markHash(':'), false)
	for j++; j < len(sc.line) && sc.line[j] == ' '; j++ {
	}
	if j == len(sc.line) || messageKey(key) {
		return j
	}
	switch c := sc.line[j]; c {
	case '[':
		if e := sc.closing(j); e > 0 {
			sc.emit(j, e+1, Any, true)
			return e + 1
		}
	case '"', '{':
	default:
		e := j
		for e < len(sc.line) && classes[sc.line[e]] != 0 {
			e++
		}
		if e > j {
			sc.emit(j, e, Any, true)
			return e
		}
	}
	return j
}

// word emits line[i:end] as a word whatever it holds.
func (sc *scanner) word(i, end int, space bool) {
	h := uint64(hashSeed)
	for k := i; k < end; k++ {
		h = (h ^ uint64(sc.line[k])) * hashPrime
	}
	sc.emitText(i, end, Word, h, space)
}

// value reads the value of key=value at the '=': one mask, also for a missing value, so that every line has as many tokens.
func (sc *scanner) value(i int, space bool) int {
	p := sc.prev()
	if p == nil || p.kind == Punct || i+1 < len(sc.line) && (sc.line[i+1] == '=' || sc.line[i+1] == '>') || i > 0 && sc.line[i-1] == '=' {
		return sc.punct(i, space)
	}
	glued := !space
	key := sc.text(p)
	if p.kind != Word { // also a key with digits is text: it names the field
		sc.toks = sc.toks[:len(sc.toks)-1]
		sc.word(int(p.start), int(p.end), p.space)
		p = sc.prev()
		p.hash = hashLetters(key)
	}
	p.key = true
	sc.emitText(i, i+1, Punct, markHash('='), space)
	j := i + 1
	for j < len(sc.line) && sc.line[j] == ' ' {
		j++
	}
	if j == len(sc.line) || j > i+1 && glued && sc.nextIsKey(j) {
		sc.emit(i+1, i+1, Any, false)
		return i + 1
	}
	end := sc.valueEnd(j)
	if (sc.line[j] == '"' || sc.line[j] == '\'') && messageKey(key) && end > j+1 {
		sc.inText = end
		sc.emitText(j, j+1, Punct, markHash('"'), false)
		return j + 1
	}
	if end == j {
		sc.emit(j, j, Any, j > i+1)
		return j
	}
	if messageKey(key) && classes[sc.line[j]] != 0 {
		return j // msg=started: the word is the text
	}
	n := len(sc.toks)
	if classes[sc.line[j]] != 0 && sc.chunk(j, j > i+1) == end && len(sc.toks) == n+1 && sc.toks[n].kind.IsMask() {
		return end // a value of a known type keeps it
	}
	sc.toks = sc.toks[:n]
	sc.emit(j, end, Any, j > i+1)
	return end
}

// hashLetters hashes a key without its digits: r0=, r1=, ... are one key with a number.
func hashLetters(key string) uint64 {
	h := uint64(hashSeed)
	for i := range len(key) {
		if classes[key[i]] != cDigit {
			h = (h ^ uint64(key[i])) * hashPrime
		}
	}
	return h
}

// nextIsKey reports whether a key= begins at j.
func (sc *scanner) nextIsKey(j int) bool {
	for ; j < len(sc.line); j++ {
		if sc.line[j] == '=' {
			return true
		}
		if classes[sc.line[j]] == 0 {
			return false
		}
	}
	return false
}

// valueEnd returns the index behind the value that begins at j: quoted, bracketed (with a name before it or not), or up to
// white space or a separator.
func (sc *scanner) valueEnd(j int) int {
	if q := sc.line[j]; q == '"' || q == '\'' {
		for k := j + 1; k < len(sc.line) && k < j+maxQuoted; k++ {
			switch sc.line[k] {
			case '\\':
				k++
			case q:
				return k + 1
			}
		}
	}
	k := j
	for k < len(sc.line) {
		switch c := sc.line[k]; c {
		case '(', '[', '{':
			e := sc.closing(k)
			if e < 0 {
				return k
			}
			k = e + 1
		case ' ', '\t', '\n', '\r', ',', ';', ')', ']', '}', '"', '|':
			if k > j && (sc.line[k-1] == '.' || sc.line[k-1] == ':') {
				k-- // the stop of a sentence
			}
			return k
		default:
			k++
		}
	}
	if k > j+1 && sc.line[k-1] == '.' {
		k--
	}
	return k
}

// messageKey reports whether the values of a key are the message itself rather than a value in it.
func messageKey(key string) bool {
	switch key {
	case "msg", "message", "event", "text", "description", "Message", "MESSAGE", "@message", "log", "body", "eventName", "event_name":
		return true
	}
	return false
}

// hashOf is the hash of a shape: the words, marks and masks in their order; space does not count.
func hashOf(toks []token) uint64 {
	h := uint64(hashSeed) ^ uint64(len(toks))
	for i := range toks {
		t := &toks[i]
		x := t.hash
		if t.kind.IsMask() {
			x = uint64(t.kind) * 0xff51afd7ed558ccd
		}
		h ^= x
		h *= 0x9ddfea08eb382d69
		h ^= h >> 29
	}
	return h
}
