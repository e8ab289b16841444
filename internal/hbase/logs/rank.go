package logs

import (
	"cmp"
	"context"
	"math"
	"regexp"
	"slices"
	"strings"
	"unicode"
)

// Ranker says how near texts are to a question in meaning: a number for each, higher is nearer.
type Ranker interface {
	Similarities(ctx context.Context, question string, texts []string) ([]float64, error)
}

// Rank puts the groups nearest to a question first and drops what has nothing in common with it.
func (p *Patterns) Rank(ctx context.Context, r Ranker, question string) error {
	texts := make([]string, len(p.Groups))
	for i := range p.Groups {
		g := &p.Groups[i]
		texts[i] = strings.Join(append([]string{placeholder.ReplaceAllString(g.Template, " ")}, g.Exceptions...), " ")
	}
	near, err := r.Similarities(ctx, question, texts)
	if err != nil {
		return err
	}
	for i := range p.Groups {
		p.Groups[i].Similarity = near[i]
	}
	p.Groups = slices.DeleteFunc(p.Groups, func(g Group) bool { return g.Similarity <= 0 })
	slices.SortStableFunc(p.Groups, func(a, b Group) int { return cmp.Compare(b.Similarity, a.Similarity) })
	return nil
}

// placeholder stands for a variable part of a template; it has no meaning of its own.
var placeholder = regexp.MustCompile(`<[A-Z*_]+>`)

// Lexical ranks by common words: BM25 (Robertson et al. 1994) over words and their stems, with the words that HBase uses for
// the same thing. It serves where no embedder is at hand.
type Lexical struct{}

// The parameters of BM25 as usually set.
const (
	bmK = 1.2
	bmB = 0.75
)

// Similarities returns a score from 0 to 1 for each text: its part of the best score that the question's words allow.
func (Lexical) Similarities(ctx context.Context, question string, texts []string) ([]float64, error) {
	docs := make([]map[string]int, len(texts))
	lengths := make([]int, len(texts))
	frequency := map[string]int{}
	total := 0
	for i, t := range texts {
		docs[i] = map[string]int{}
		for _, w := range words(t) {
			docs[i][w]++
			lengths[i]++
		}
		total += lengths[i]
		for w := range docs[i] {
			frequency[w]++
		}
	}
	asked := expand(words(question))
	mean := max(1, float64(total)/float64(max(1, len(texts))))
	out := make([]float64, len(texts))
	best := 0.0
	for w, weight := range asked {
		n := float64(frequency[w])
		idf := math.Log(1 + (float64(len(texts))-n+0.5)/(n+0.5))
		if weight == 1 || weight == commonWeight {
			best += weight * idf * (bmK + 1)
		}
		for i := range docs {
			if f := float64(docs[i][w]); f > 0 {
				out[i] += weight * idf * f * (bmK + 1) / (f + bmK*(1-bmB+bmB*float64(lengths[i])/mean))
			}
		}
	}
	for i := range out {
		if best > 0 {
			out[i] = min(1, out[i]/best)
		}
	}
	return out, ctx.Err()
}

// words parts a text at punctuation and inside camel case, in lower case, without the commonest endings.
func words(text string) []string {
	var out []string
	var cur []rune
	flush := func() {
		if len(cur) > 1 {
			out = append(out, stem(strings.ToLower(string(cur))))
		}
		cur = cur[:0]
	}
	for _, c := range text {
		switch {
		case !unicode.IsLetter(c):
			flush()
			continue
		case unicode.IsUpper(c) && len(cur) > 0 && unicode.IsLower(cur[len(cur)-1]):
			flush()
		}
		cur = append(cur, c)
	}
	flush()
	return out
}

func stem(w string) string {
	for _, end := range []string{"ing", "ed", "es", "s", "e"} {
		if s, ok := strings.CutSuffix(w, end); ok && len(s) > 3 {
			return s
		}
	}
	return w
}

// related lists words that stand for the same thing in HBase's logs, as a person may ask for it with other words.
func related() [][]string {
	return [][]string{
		{"memory", "heap", "gc", "garbage", "memstore", "oom", "outofmemory", "pause", "pressure"},
		{"crash", "abort", "dead", "died", "kill", "expire"},
		{"slow", "pause", "slept", "timeout", "delay", "stuck", "hang"},
		{"corrupt", "trailer", "checksum", "damage"},
		{"missing", "not", "found", "lost", "gone", "exist"},
		{"network", "connect", "connection", "refus", "unreachable", "timeout", "socket"},
		{"permission", "denied", "access", "forbidden", "auth"},
		{"throttle", "slow", "busy", "limit"},
		{"assign", "open", "transition", "move", "deploy"},
		{"zookeeper", "zk", "session", "quorum"},
		{"wal", "log", "hlog", "edit", "split"},
		{"disk", "space", "block", "replica", "datanode", "dfs", "hdfs"},
	}
}

const (
	// relatedWeight is what a related word counts beside the asked one.
	relatedWeight = 0.6
	// commonWeight is what a word counts that stands in every second line of HBase's logs.
	commonWeight = 0.1
)

// common reports whether a word says little in logs of HBase.
func common(w string) bool {
	switch w {
	case "region", "server", "hbas", "log", "master", "the", "of", "in", "on", "and", "or", "for", "to", "is", "are", "why", "what", "which", "problem", "error", "troubl":
		return true
	}
	return false
}

func expand(asked []string) map[string]float64 {
	out := map[string]float64{}
	for _, w := range asked {
		out[w] = 1
		if common(w) {
			out[w] = commonWeight
		}
	}
	for _, set := range related() {
		if !slices.ContainsFunc(set, func(w string) bool { return out[stem(w)] == 1 }) {
			continue
		}
		for _, w := range set {
			if w = stem(w); out[w] == 0 && !common(w) {
				out[w] = relatedWeight
			}
		}
	}
	return out
}

// Fused adds the numbers of several rankers: a text near by meaning and by words comes before one near by either.
type Fused []Ranker

// Similarities returns the sums.
func (f Fused) Similarities(ctx context.Context, question string, texts []string) ([]float64, error) {
	out := make([]float64, len(texts))
	for _, r := range f {
		near, err := r.Similarities(ctx, question, texts)
		if err != nil {
			return nil, err
		}
		for i, n := range near {
			out[i] += n
		}
	}
	return out, nil
}
