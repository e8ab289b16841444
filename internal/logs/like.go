package logs

import (
	"regexp"
	"strings"
)

// Like turns a template into a pattern of PPL's like that the example matches: masks become %, what is special there is
// escaped. White space is kept as the template has it unless the example was written with other white space; of a template
// that is no part of its lines (JSON is written in one way) the words are kept.
func Like(text, example string) string {
	p := like(text, " ")
	if strings.Contains(example, "\n") {
		p += "%"
	}
	for _, wider := range []func() string{
		func() string { return like(text, "%") + "%" },
		func() string { return "%" + like(text, "%") + "%" },
		func() string { return "%" + notWord.ReplaceAllString(like(text, "%"), "%") + "%" },
	} {
		if matches(p, example) {
			break
		}
		p = wider()
	}
	if len(p) > maxLike {
		p = strings.TrimRight(strings.ToValidUTF8(p[:maxLike], ""), `\`) + "%"
	}
	return anyRun.ReplaceAllString(p, "%")
}

// notWord is what stands between words.
var notWord = regexp.MustCompile(`[^\pL\pN]+`)

func like(text, space string) string {
	var b strings.Builder
	for i := 0; i < len(text); i++ {
		if text[i] == '<' {
			if end := strings.IndexByte(text[i:], '>'); end > 0 && mask(text[i+1:i+end]) {
				b.WriteByte('%')
				i += end
				continue
			}
		}
		switch c := text[i]; c {
		case '%', '_', '\\':
			b.WriteByte('\\')
			b.WriteByte(c)
		case ' ', '\t':
			b.WriteString(space)
		default:
			b.WriteByte(c)
		}
	}
	return b.String()
}

// anyRun is a run of wildcards: one of them says the same.
var anyRun = regexp.MustCompile(`%{2,}`)

// matches reports whether a text is like the pattern.
func matches(pattern, text string) bool {
	var b strings.Builder
	b.WriteString("(?is)^")
	for i := 0; i < len(pattern); i++ {
		switch {
		case pattern[i] == '%':
			b.WriteString(".*")
		case pattern[i] == '\\' && i+1 < len(pattern):
			i++
			b.WriteString(regexp.QuoteMeta(pattern[i : i+1]))
		default:
			b.WriteString(regexp.QuoteMeta(pattern[i : i+1]))
		}
	}
	re, err := regexp.Compile(b.String() + "$")
	return err == nil && re.MatchString(text)
}

func mask(name string) bool {
	if name == "*" {
		return true
	}
	for _, r := range name {
		if r < 'A' || r > 'Z' {
			return false
		}
	}
	return name != ""
}
