package remote

import (
	"strings"
	"unicode"
)

// pattern is a like pattern as the index reads it: runs of literal text with marks between them.
type pattern struct {
	wildcard string   // * and ? are marks, a backslash hides them
	runs     []string // the literal runs
	ascii    bool
}

// likePattern reads PPL's % and _, which a backslash hides.
func likePattern(s string) pattern {
	p := pattern{ascii: true}
	var b, run strings.Builder
	end := func() {
		if run.Len() > 0 {
			p.runs = append(p.runs, run.String())
			run.Reset()
		}
	}
	hidden := false
	for _, r := range s {
		p.ascii = p.ascii && r < unicode.MaxASCII
		switch {
		case !hidden && r == '\\':
			hidden = true
			continue
		case !hidden && r == '%':
			b.WriteByte('*')
			end()
		case !hidden && r == '_':
			b.WriteByte('?')
			end()
		default:
			if r == '*' || r == '?' || r == '\\' {
				b.WriteByte('\\')
			}
			b.WriteRune(r)
			run.WriteRune(r)
		}
		hidden = false
	}
	end()
	p.wildcard = b.String()
	return p
}

// containing is the pattern of texts that contain s.
func containing(s string) pattern {
	p := likePattern(strings.NewReplacer(`\`, `\\`, "%", `\%`, "_", `\_`).Replace(s))
	p.wildcard = "*" + p.wildcard + "*"
	return p
}

// maxWildcard bounds the pattern that is sent; longer ones are checked here.
const maxWildcard = 200

// like returns the documents whose text matches the pattern, or does not.
func like(l *leaf, f *field, p pattern, sensitive, negate bool) (clause, bool) {
	if l.inner || l.prop.conflict || f.words != nil || l.prop.Type != "keyword" && !isText(l.prop.Type) || len(p.wildcard) > maxWildcard {
		return clause{}, false
	}
	if l.exact == "" {
		if negate || !ownWords(l) {
			return clause{}, false
		}
		return likeWords(l, p)
	}
	if !p.ascii && !sensitive { // what counts as a capital of other letters differs
		return clause{}, false
	}
	w := dsl{"value": p.wildcard}
	if !sensitive {
		w["case_insensitive"] = true
	}
	q := dsl{"wildcard": dsl{l.exact: w}}
	if p.wildcard == "" { // which finds nothing
		q = term(l.exact, "")
	}
	switch {
	case !negate:
		return unlessLong(l, q)
	case l.above > 0 && l.exact != l.path:
		has, ok := present(l)
		if !ok {
			return clause{}, false
		}
		return clause{all([]dsl{has, not(q)}), false}, true
	}
	return equality(l, "!=", q)
}

// likeWords narrows an analysed text to the documents with words that hold the literal runs of the pattern.
func likeWords(l *leaf, p pattern) (clause, bool) {
	var qs []dsl
	for _, run := range p.runs {
		for _, word := range strings.FieldsFunc(run, func(r rune) bool {
			return r >= unicode.MaxASCII || !unicode.IsLetter(r) && !unicode.IsDigit(r)
		}) {
			const shortest = 3 // shorter parts occur in most words and cost more than they spare
			if len(word) >= shortest {
				qs = append(qs, dsl{"wildcard": dsl{l.path: dsl{"value": "*" + strings.ToLower(word) + "*"}}})
			}
		}
	}
	if len(qs) == 0 {
		has, ok := present(l)
		return clause{has, false}, ok
	}
	return clause{all(qs), false}, true
}
