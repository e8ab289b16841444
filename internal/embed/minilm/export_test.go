package minilm

import "unicode"

// Split is what the normaliser and the splitter make of a text.
func Split(text string) []string {
	var out []string
	word := ""
	flush := func() {
		if word != "" {
			out, word = append(out, word), ""
		}
	}
	normalise(text, func(r rune) bool {
		switch {
		case unicode.IsSpace(r):
			flush()
		case isPunctuation(r):
			flush()
			out = append(out, string(r))
		default:
			word += string(r)
		}
		return true
	})
	flush()
	return out
}
