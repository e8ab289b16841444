package template

import "slices"

// Limits of joining groups of different lengths.
const (
	// minAnchor is how many words two templates must share to be one with a value of several words.
	minAnchor = 2
	// minTails says how many different ends of lines behind a colon make them values, rareTail on how many lines at most an
	// end of words occurs then, and tailsPerText how many such ends there must be for each end that is text.
	minTails     = 8
	rareTail     = 2
	tailsPerText = 3
	// maxRun is how many words a value may have that another template has as one <*>, and minRunAnchor how many words the two
	// templates must share.
	maxRun       = 5
	minRunAnchor = 3
)

// join merges groups of different lengths that differ in a value of several words.
func (gr *grouper) join() {
	gr.joinBy(gr.runKey, func(gs []*group) []*group { return gs })
	gr.joinBy(gr.tailKey, gr.openEnded)
	gr.absorbRuns()
}

// joinBy merges, of the groups that share a key, those that choose returns. Groups without a key stay.
func (gr *grouper) joinBy(key func(*group) (uint64, bool), choose func([]*group) []*group) {
	byKey := make(map[uint64][]*group)
	var order []uint64
	for _, g := range gr.groups {
		k, ok := key(g)
		if !ok {
			continue
		}
		if byKey[k] == nil {
			order = append(order, k)
		}
		byKey[k] = append(byKey[k], g)
	}
	for _, k := range order {
		if gs := byKey[k]; len(gs) > 1 {
			if same := choose(gs); len(same) > 1 {
				merge(same)
			}
		}
	}
	gr.dropMerged()
}

func (gr *grouper) dropMerged() {
	gr.groups = slices.DeleteFunc(gr.groups, func(g *group) bool { return g.members == nil })
}

// merge moves the members of all groups to the first. The template becomes what begins and ends alike, with <*> between.
func merge(gs []*group) {
	to := gs[0]
	for _, g := range gs[1:] {
		to.pieces = bridge(to.pieces, g.pieces)
		to.variants = append(to.variants, g.variants...)
		to.members = append(to.members, g.members...)
		g.members = nil
	}
}

// bridge returns the common beginning and end of two templates around one <*>. Values match values.
func bridge(a, b []piece) []piece {
	front, back := 0, 0
	for front < len(a) && front < len(b) && samePiece(&a[front], &b[front]) {
		front++
	}
	for back < len(a)-front && back < len(b)-front && samePiece(&a[len(a)-1-back], &b[len(b)-1-back]) {
		back++
	}
	out := slices.Clone(a[:front])
	widen(out, b[:front])
	if len(a) == len(b) && front == len(a) {
		return out
	}
	if n := len(out); n > 0 && isOpen(&out[n-1]) {
		out = out[:n-1] // one <*> for the run
	}
	out = append(out, piece{kind: Any, wild: true, space: len(out) > 0})
	tail := slices.Clone(a[len(a)-back:])
	widen(tail, b[len(b)-back:])
	if len(tail) > 0 && isOpen(&tail[0]) {
		tail = tail[1:]
	}
	return append(out, tail...)
}

func samePiece(x, y *piece) bool {
	return x.kind.IsMask() && y.kind.IsMask() || x.kind == y.kind && x.hash == y.hash
}

func isOpen(p *piece) bool { return p.wild && p.kind == Any }

// runKey is the hash of a template in which each run of values that has a <*> for words counts once; false for templates
// without such a run or with too few words.
func (gr *grouper) runKey(g *group) (uint64, bool) {
	h, words, open := uint64(hashSeed), 0, false
	for i := 0; i < len(g.pieces); i++ {
		p := &g.pieces[i]
		x := p.hash
		if p.kind.IsMask() {
			x = 1
			if end, wild := runEnd(g.pieces, i); wild {
				open = true
				i = end - 1
			}
		} else if p.kind == Word {
			words++
		}
		h = mix(h, x)
	}
	return h, open && words >= minAnchor
}

// runEnd returns the index behind the values at i that only blanks part, and whether one of them is open to words.
func runEnd(pieces []piece, i int) (end int, wild bool) {
	for end = i; end < len(pieces) && pieces[end].kind.IsMask() && (end == i || pieces[end].space); end++ {
		wild = wild || pieces[end].wild
	}
	return end, wild
}

func mix(h, x uint64) uint64 {
	h = (h ^ x) * 0x9ddfea08eb382d69
	return h ^ h>>31
}

// tailKey is the hash of a template up to its last colon or lone hyphen; false if no word stands before it.
func (gr *grouper) tailKey(g *group) (uint64, bool) {
	at, words := tailAt(g.pieces), 0
	h := uint64(hashSeed)
	for i := 0; i <= at; i++ {
		x := g.pieces[i].hash
		if g.pieces[i].kind.IsMask() {
			x = 1
		} else if g.pieces[i].kind == Word && g.pieces[i].text != "-" {
			words++
		}
		h = mix(h, x)
	}
	return h, at > 0 && words > 0
}

// tailAt returns the index of the last colon or lone hyphen with a blank and something else behind it, -1 if there is none.
func tailAt(pieces []piece) int {
	at := -1
	for i := range pieces {
		p := &pieces[i]
		if (p.kind == Punct && p.text == ":" || p.kind == Word && p.text == "-") && i > 0 && i+1 < len(pieces) && pieces[i+1].space {
			at = i
		}
	}
	return at
}

// openEnded returns the groups whose ends are values: ends that are open already, and ends of words that hardly ever repeat,
// if there are many different ones and few ends that are text.
func (gr *grouper) openEnded(gs []*group) []*group {
	var values []*group
	tails, texts := 0, 0
	for _, g := range gs {
		lines := int64(0)
		for _, id := range g.members {
			lines += max(1, gr.m.shapes[id].count)
		}
		if lines <= rareTail || openTail(g.pieces) {
			values = append(values, g)
			tails += len(g.members)
		} else {
			texts++
		}
	}
	if tails < minTails || tails < tailsPerText*texts {
		return nil
	}
	return values
}

// openTail reports whether no word stands behind the last colon, and some value is open there.
func openTail(pieces []piece) bool {
	open := false
	for i := tailAt(pieces) + 1; i < len(pieces); i++ {
		if pieces[i].kind == Word {
			return false
		}
		open = open || pieces[i].wild
	}
	return open
}

// absorbRuns merges a template without open words into one that has a <*> where the first has several names, such as
// "client <*>" and "client Disk Image Manager".
func (gr *grouper) absorbRuns() {
	byEnds := make(map[[2]uint64][]*group)
	for _, g := range gr.groups {
		if len(g.variants) == 1 && openWords(g.pieces) == 1 {
			byEnds[endsOf(g)] = append(byEnds[endsOf(g)], g)
		}
	}
	for _, g := range gr.groups {
		if len(g.pieces) == 0 || openWords(g.pieces) > 0 {
			continue
		}
		for _, to := range byEnds[endsOf(g)] {
			if len(to.variants) <= maxRun && gr.fitsRun(to.variants[0], g.pieces) {
				merge([]*group{to, g})
				break
			}
		}
	}
	gr.dropMerged()
}

// endsOf is what the first and last piece of a template must have in common with another's.
func endsOf(g *group) [2]uint64 {
	key := func(p *piece) uint64 {
		if p.kind.IsMask() {
			return 1
		}
		return p.hash
	}
	return [2]uint64{key(&g.pieces[0]), key(&g.pieces[len(g.pieces)-1])}
}

func openWords(pieces []piece) int {
	n := 0
	for i := range pieces {
		if pieces[i].wild {
			n++
		}
	}
	return n
}

// fitsRun reports whether long is the template open with several names in place of its <*>.
func (gr *grouper) fitsRun(open, long []piece) bool {
	extra := len(long) - len(open)
	if extra < 1 || extra >= maxRun {
		return false
	}
	at := slices.IndexFunc(open, func(p piece) bool { return p.wild })
	words := 0
	for i := range open {
		if i == at {
			continue
		}
		j := i
		if i > at {
			j += extra
		}
		if !samePiece(&open[i], &long[j]) {
			return false
		}
		if open[i].kind == Word {
			words++
		}
	}
	for i := at; i <= at+extra; i++ {
		if p := &long[i]; p.kind == Punct || p.kind == Word && !gr.nameLike(p) {
			return false
		}
	}
	return words >= minRunAnchor
}

// nameLike reports whether a word can be part of a name: no verb, no glue.
func (gr *grouper) nameLike(p *piece) bool {
	l := &gr.words[gr.syms[p.hash]]
	return !l.verb && !l.glue
}
