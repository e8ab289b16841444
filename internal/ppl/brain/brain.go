// Package brain finds the patterns of log messages with the Brain algorithm (Yu et al., "Brain: Log Parsing with
// Bidirectional Parallel Tree", 2023) in the form that OpenSearch's patterns command uses.
//
// Words: a message is split into tokens at blanks after obvious variables (addresses, times, long numbers) are masked; the
// frequency of a token is how many messages have it at its position; the longest set of tokens of one message that share a
// frequency is its root, and messages of equal length and root form a group. Tokens rarer than the root are variable when
// the group has many of them at that position, tokens more frequent when the group does not agree on them.
package brain

import (
	"cmp"
	"slices"
	"strings"
)

// Wildcard stands for a variable in a pattern.
const Wildcard = "<*>"

// Options steer Patterns.
type Options struct {
	// VariableCount is from how many different tokens at a position on a rare token is a variable.
	VariableCount int
	// Frequency is the share of a message's highest frequency that a root's frequency must exceed.
	Frequency float64
}

type place struct {
	pos   int
	token string
}

type group struct {
	length, freq, size int
}

type slot struct {
	group
	pos int
}

// Patterns returns the pattern of each message. weights[i] is how often messages[i] occurs; nil means once each.
// The result does not depend on the order of the messages.
func Patterns(messages []string, weights []int, opt Options) []string {
	tokens := make([][]string, len(messages))
	freq := map[place]int{}
	for i, m := range messages {
		tokens[i] = split(mask(m))
		for p, t := range tokens[i] {
			freq[place{p, t}] += weight(weights, i)
		}
	}
	groups := make([]group, len(messages))
	sets := map[slot]map[string]struct{}{}
	for i, ts := range tokens {
		groups[i] = root(ts, freq, opt.Frequency)
		for p, t := range ts {
			s := slot{groups[i], p}
			if sets[s] == nil {
				sets[s] = map[string]struct{}{}
			}
			if len(sets[s]) < max(opt.VariableCount, 2) { // more are not told apart
				sets[s][t] = struct{}{}
			}
		}
	}
	out := make([]string, len(messages))
	for i, ts := range tokens {
		out[i] = pattern(ts, groups[i], freq, sets, opt.VariableCount)
	}
	return out
}

func weight(weights []int, i int) int {
	if i < len(weights) {
		return weights[i]
	}
	return 1
}

// split cuts a message into tokens; a comma and a plus are blanks too. There is always one token, the empty one at least.
func split(s string) []string {
	ts := strings.FieldsFunc(s, func(r rune) bool { return r == ',' || r == '+' || r == ' ' || r >= '\t' && r <= '\r' })
	if len(ts) == 0 {
		return []string{""}
	}
	return ts
}

// root returns the group of a message: the frequency that most of its tokens share among those frequent enough.
func root(ts []string, freq map[place]int, share float64) group {
	counts := map[int]int{}
	top := 0
	for p, t := range ts {
		f := freq[place{p, t}]
		counts[f]++
		top = max(top, f)
	}
	type combination struct{ freq, size int }
	all := make([]combination, 0, len(counts))
	for f, n := range counts {
		all = append(all, combination{f, n})
	}
	slices.SortFunc(all, func(a, b combination) int {
		return cmp.Or(cmp.Compare(b.size, a.size), cmp.Compare(b.freq, a.freq))
	})
	best := all[0]
	for _, c := range all {
		if float64(c.freq) > float64(top)*share {
			best = c
			break
		}
	}
	return group{len(ts), best.freq, best.size}
}

func pattern(ts []string, g group, freq map[place]int, sets map[slot]map[string]struct{}, variable int) string {
	var b strings.Builder
	for p, t := range ts {
		if p > 0 {
			b.WriteByte(' ')
		}
		f, n := freq[place{p, t}], len(sets[slot{g, p}])
		if f > g.freq && n != 1 || f < g.freq && n >= variable {
			t = Wildcard
		}
		for strings.Contains(t, Wildcard+Wildcard) {
			t = strings.ReplaceAll(t, Wildcard+Wildcard, Wildcard)
		}
		b.WriteString(t)
	}
	return b.String()
}
