// Package labelled makes log lines whose templates are known, in the manner of twenty-five systems, and measures how well a
// miner finds the templates again.
//
// A format is a text file of templates, one a line: weight|text. In the text {kind} or {kind:arguments} is a value (values.go),
// [?text] is a part that half of the lines have and that makes another template, [~text] one that belongs to the values.
// A line "= 0 1 2" says that the templates with these numbers count as one. The wordings are those such systems use; the
// values are drawn at random, from a seed.
package labelled

import (
	"embed"
	"fmt"
	"math/rand/v2"
	"path"
	"slices"
	"strconv"
	"strings"
)

//go:embed formats/*.txt
var formats embed.FS

// Line is one log line and the number of the template it was made from.
type Line struct {
	Text  string
	Truth int
}

// Names returns the formats in alphabetical order.
func Names() []string {
	entries, err := formats.ReadDir("formats")
	if err != nil {
		return nil // the directory is embedded: it cannot be missing
	}
	var names []string
	for _, e := range entries {
		names = append(names, strings.TrimSuffix(e.Name(), ".txt"))
	}
	return names
}

// Generate returns n lines of a format; the same seed gives the same lines.
func Generate(name string, n int, seed uint64) ([]Line, error) {
	raw, err := formats.ReadFile(path.Join("formats", name+".txt"))
	if err != nil {
		return nil, fmt.Errorf("read format: %w", err)
	}
	f, err := parse(string(raw), valueKinds())
	if err != nil {
		return nil, fmt.Errorf("format %s: %w", name, err)
	}
	g := newSource(seed, name)
	lines := make([]Line, n)
	for i := range lines {
		lines[i] = f.line(g)
	}
	return lines, nil
}

// format is the templates of one system.
type format struct {
	texts   [][]node
	weights []int
	total   int
	same    []int // truth of each template before its optional parts
}

// node is literal text, a value, or an optional part.
type node struct {
	text     string
	kind     string // of a value
	args     string
	optional []node
	parted   bool // the optional part makes another template
}

func parse(raw string, kinds map[string]valueFunc) (*format, error) {
	f := &format{}
	var joins [][]int
	for no, l := range strings.Split(strings.TrimRight(raw, "\n"), "\n") {
		if l == "" || l[0] == '#' {
			continue
		}
		if rest, ok := strings.CutPrefix(l, "= "); ok {
			var ids []int
			for w := range strings.FieldsSeq(rest) {
				n, err := strconv.Atoi(w)
				if err != nil {
					return nil, fmt.Errorf("line %d: %w", no+1, err)
				}
				ids = append(ids, n)
			}
			joins = append(joins, ids)
			continue
		}
		weight, text, ok := strings.Cut(l, "|")
		n, err := strconv.Atoi(weight)
		if !ok || err != nil {
			return nil, fmt.Errorf("line %d: no weight", no+1)
		}
		f.texts = append(f.texts, nodes(text, kinds))
		f.weights = append(f.weights, n)
		f.same = append(f.same, len(f.same))
		f.total += n
	}
	for _, ids := range joins {
		for _, id := range ids {
			f.same[id] = ids[0]
		}
	}
	return f, nil
}

// nodes reads a template's text.
func nodes(s string, kinds map[string]valueFunc) []node {
	var out []node
	from := 0 // where the text not yet taken begins
	flush := func(to int) {
		if to > from {
			out = append(out, node{text: s[from:to]})
		}
	}
	for i := 0; i < len(s); {
		if strings.HasPrefix(s[i:], "[?") || strings.HasPrefix(s[i:], "[~") {
			end := i + matching(s[i:], '[', ']')
			flush(i)
			out = append(out, node{optional: nodes(s[i+2:end], kinds), parted: s[i+1] == '?'})
			i = end + 1
			from = i
			continue
		}
		if s[i] == '{' {
			end := i + matching(s[i:], '{', '}')
			kind, args, _ := strings.Cut(s[i+1:max(end, i+1)], ":")
			if _, known := kinds[kind]; known && end > i {
				flush(i)
				out = append(out, node{kind: kind, args: args})
				i = end + 1
				from = i
				continue
			}
		}
		i++
	}
	flush(len(s))
	return out
}

// matching returns the index of the bracket that closes s[0], -1 if none does.
func matching(s string, open, shut byte) int {
	depth := 0
	for i := range len(s) {
		switch s[i] {
		case open:
			depth++
		case shut:
			if depth--; depth == 0 {
				return i
			}
		}
	}
	return -1
}

// maxParts bounds the optional parts of one template that make others.
const maxParts = 8

func (f *format) line(g *source) Line {
	at := g.IntN(f.total)
	i := slices.IndexFunc(f.weights, func(w int) bool { at -= w; return at < 0 })
	var b strings.Builder
	parts := 0
	g.write(&b, f.texts[i], &parts)
	return Line{Text: b.String(), Truth: f.same[i]<<maxParts | parts}
}

// source draws values.
type source struct {
	*rand.Rand
	kinds map[string]valueFunc
}

func newSource(seed uint64, name string) *source {
	h := uint64(14695981039346656037)
	for i := range len(name) {
		h = (h ^ uint64(name[i])) * 1099511628211
	}
	return &source{Rand: rand.New(rand.NewPCG(seed, h)), kinds: valueKinds()}
}

func (g *source) write(b *strings.Builder, ns []node, parts *int) {
	seen := 0
	for _, n := range ns {
		switch {
		case n.optional != nil:
			on := g.IntN(2) == 0
			if n.parted {
				if on {
					*parts |= 1 << seen
				}
				seen++
			}
			if on {
				g.write(b, n.optional, new(int))
			}
		case n.kind != "":
			b.WriteString(g.kinds[n.kind](g, n.args))
		default:
			b.WriteString(n.text)
		}
	}
}

// GroupingAccuracy is the share of lines whose group has exactly the lines of their template (Zhu et al. 2019): one line too
// many or too few makes all lines of a group wrong. groups[i] is the predicted group of lines[i].
func GroupingAccuracy(lines []Line, groups []int) float64 {
	type set struct{ truth, lines int }
	byGroup := map[int]*set{}
	pure := map[int]bool{}
	truths := map[int]int{}
	for i, l := range lines {
		truths[l.Truth]++
		s := byGroup[groups[i]]
		if s == nil {
			s = &set{truth: l.Truth}
			byGroup[groups[i]] = s
			pure[groups[i]] = true
		}
		s.lines++
		if s.truth != l.Truth {
			pure[groups[i]] = false
		}
	}
	right := 0
	for g, s := range byGroup {
		if pure[g] && truths[s.truth] == s.lines {
			right += s.lines
		}
	}
	return float64(right) / float64(max(1, len(lines)))
}
