package minilm

import (
	"strings"
	"unicode"
	"unicode/utf8"

	"golang.org/x/text/unicode/norm"
)

// Numbers of the special tokens in the vocabulary.
const (
	padToken     = 0
	unknownToken = 100
	classToken   = 101
	endToken     = 102
	maskToken    = 103
)

// MaxTokens is the longest text the model reads, [CLS] and [SEP] included (max_seq_length of the release); the rest is cut.
const MaxTokens = 256

// maxWordRunes is WordPiece's max_input_chars_per_word: longer words become [UNK].
const maxWordRunes = 100

// specials are the texts of the special tokens: written in a text they are taken as these, as the reference does.
var specials = []struct {
	text string
	id   int32
}{{"[PAD]", padToken}, {"[UNK]", unknownToken}, {"[CLS]", classToken}, {"[SEP]", endToken}, {"[MASK]", maskToken}}

// Tokenizer splits text into the numbers of the vocabulary: BERT's uncased WordPiece, equal to Hugging Face's tokenizers.
type Tokenizer struct {
	first map[string]int32 // pieces that begin a word
	next  map[string]int32 // pieces that go on, without their ##
	widen int              // longest piece in bytes
}

// newTokenizer reads vocab.txt: a piece a line, its number the line's.
func newTokenizer(vocab string) *Tokenizer {
	t := &Tokenizer{first: make(map[string]int32, 25_000), next: make(map[string]int32, 6_000)}
	id := int32(0)
	for line := range strings.Lines(vocab) {
		piece := strings.TrimRight(line, "\r\n")
		t.widen = max(t.widen, len(piece))
		if rest, ok := strings.CutPrefix(piece, "##"); ok && rest != "" {
			t.next[rest] = id
		} else {
			t.first[piece] = id
		}
		id++
	}
	return t
}

// Encode returns the tokens of a text between [CLS] and [SEP], at most MaxTokens.
func (t *Tokenizer) Encode(text string) []int32 {
	ids := append(make([]int32, 0, min(len(text)/3+8, MaxTokens)), classToken)
	for text != "" && len(ids) < MaxTokens-1 {
		plain, id, rest := nextSpecial(text)
		ids = t.words(plain, ids)
		if id >= 0 {
			ids = append(ids, id)
		}
		text = rest
	}
	return append(ids[:min(len(ids), MaxTokens-1)], endToken)
}

// nextSpecial parts a text before and after its first special token; id is -1 if it has none.
func nextSpecial(text string) (before string, id int32, after string) {
	at, width := -1, 0
	id = -1
	for _, s := range specials {
		if i := strings.Index(text, s.text); i >= 0 && (at < 0 || i < at) {
			at, width, id = i, len(s.text), s.id
		}
	}
	if at < 0 {
		return text, -1, ""
	}
	return text[:at], id, text[at+width:]
}

// words normalises a text, splits it at white space and punctuation and appends the pieces of each word. It stops when ids
// are full: a text may be megabytes long.
func (t *Tokenizer) words(text string, ids []int32) []int32 {
	var word []byte
	flush := func() {
		if len(word) > 0 {
			ids = t.pieces(string(word), ids)
			word = word[:0]
		}
	}
	normalise(text, func(r rune) bool {
		switch {
		case unicode.IsSpace(r):
			flush()
		case isPunctuation(r):
			flush()
			ids = t.pieces(string(r), ids)
		default:
			word = utf8.AppendRune(word, r)
		}
		return len(ids) < MaxTokens
	})
	flush()
	return ids
}

// pieces appends the longest pieces of a word, first to last, or [UNK] if it cannot be covered.
func (t *Tokenizer) pieces(word string, ids []int32) []int32 {
	if utf8.RuneCountInString(word) > maxWordRunes {
		return append(ids, unknownToken)
	}
	start, table := len(ids), t.first
	for word != "" {
		n := min(len(word), t.widen)
		id, ok := table[word[:n]]
		for ; !ok && n > 1; id, ok = table[word[:n]] {
			n--
		}
		if !ok {
			return append(ids[:start], unknownToken)
		}
		ids, word, table = append(ids, id), word[n:], t.next
	}
	return ids
}

// normalise yields the runes of a text as BERT's uncased normaliser leaves them, until yield says no: control characters are
// gone, CJK ideographs stand alone, accents are off, letters are small.
func normalise(text string, yield func(rune) bool) {
	for i := 0; i < len(text); {
		if c := text[i]; c < utf8.RuneSelf && (i+1 == len(text) || text[i+1] < utf8.RuneSelf) { // plain ASCII
			i++
			if !plain(c, yield) {
				return
			}
			continue
		}
		n := segment(text[i:])
		if !composed(text[i:i+n], yield) {
			return
		}
		i += n
	}
}

func plain(c byte, yield func(rune) bool) bool {
	switch {
	case c == '\t' || c == '\n' || c == '\r':
		c = ' '
	case c < ' ' || c == 0x7f:
		return true
	case 'A' <= c && c <= 'Z':
		c += 'a' - 'A'
	}
	return yield(rune(c))
}

// segment returns the bytes up to the next ASCII character that is followed by another: decomposition reorders marks, so what
// is not plain is normalised together.
func segment(text string) int {
	for i := 1; i < len(text); i++ {
		if text[i] < utf8.RuneSelf && (i+1 == len(text) || text[i+1] < utf8.RuneSelf) {
			return i
		}
	}
	return len(text)
}

func composed(text string, yield func(rune) bool) bool {
	var clean strings.Builder
	for _, r := range text {
		switch {
		case isControl(r):
		case unicode.IsSpace(r):
			clean.WriteByte(' ')
		case isIdeograph(r):
			clean.WriteByte(' ')
			clean.WriteRune(r)
			clean.WriteByte(' ')
		default:
			clean.WriteRune(r)
		}
	}
	for _, r := range norm.NFD.String(clean.String()) {
		if isMark(r) {
			continue
		}
		if !yield(lower(r)) {
			return false
		}
	}
	return true
}

func isControl(r rune) bool {
	switch r {
	case '\t', '\n', '\r':
		return false
	case 0, utf8.RuneError:
		return true
	}
	return unicode.In(r, unicode.Cc, unicode.Cf, unicode.Co) && !unicode.Is(newerMarks, r)
}

// isIdeograph reports the blocks that BERT splits into single characters.
func isIdeograph(r rune) bool {
	return 0x4E00 <= r && r <= 0x9FFF || 0x3400 <= r && r <= 0x4DBF || 0x20000 <= r && r <= 0x2A6DF || 0x2A700 <= r && r <= 0x2B73F ||
		0x2B740 <= r && r <= 0x2B81F || 0x2B920 <= r && r <= 0x2CEAF || 0xF900 <= r && r <= 0xFAFF || 0x2F800 <= r && r <= 0x2FA1F
}

func isPunctuation(r rune) bool {
	if r < utf8.RuneSelf {
		return '!' <= r && r <= '/' || ':' <= r && r <= '@' || '[' <= r && r <= '`' || '{' <= r && r <= '~'
	}
	return r == olderPunctuation || r == olderDanda || unicode.Is(unicode.P, r) && !unicode.Is(newerPunctuation, r)
}

// isMark reports the accents that are taken off.
func isMark(r rune) bool {
	return r >= utf8.RuneSelf && r != olderDanda && (r == olderMark || unicode.Is(unicode.Mn, r) && !unicode.Is(newerMarks, r))
}

func lower(r rune) rune {
	if l := unicode.ToLower(r); l != r || r < newerLower[0][0] {
		return l
	}
	for _, m := range newerLower {
		if m[0] <= r && r <= m[1] {
			return r + m[2]
		}
	}
	return r
}
