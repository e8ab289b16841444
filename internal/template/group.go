package template

import (
	"slices"
)

// signature is the shapes that differ in nothing but the types of their masks: a row of the table that is partitioned.
type signature struct {
	syms    []int32 // per position: 0 for a value, else the number of the word or mark
	lines   int64
	members []int32
}

// grouper partitions signatures into templates.
type grouper struct {
	m      *Miner
	syms   map[uint64]int32
	words  []lexeme // by symbol
	groups []*group
	// scratch of columns, by symbol
	stamp []int32
	slot  []int32
	epoch int32
}

// generalise groups the live shapes into templates; the answer is kept until a shape is added.
func (m *Miner) generalise() *generation {
	if m.gen != nil {
		return m.gen
	}
	gr := &grouper{m: m, syms: make(map[uint64]int32), words: make([]lexeme, 1)}
	for _, fam := range gr.families() {
		gr.partition(fam, 0)
	}
	gr.join()
	g := &generation{groups: gr.groups, groupOf: make([]int32, len(m.shapes))}
	for i := range g.groupOf {
		g.groupOf[i] = -1
	}
	for i, grp := range g.groups {
		slices.Sort(grp.members)
		for _, id := range grp.members {
			g.groupOf[id] = int32(i)
		}
	}
	m.gen = g
	return g
}

// families returns the signatures by token count and punctuation, in the order of learning.
func (gr *grouper) families() [][]*signature {
	byKey := make(map[uint64]*signature)
	famOf := make(map[uint64]int)
	var fams [][]*signature
	for id, s := range gr.m.shapes {
		if s == nil {
			continue
		}
		syms := make([]int32, len(s.pieces))
		h := skeletonOf(s.pieces)
		key := h
		for i := range s.pieces {
			if p := &s.pieces[i]; !p.kind.IsMask() {
				syms[i] = gr.symbol(p)
			}
			key = (key ^ uint64(syms[i])) * hashPrime
			key ^= key >> 31
		}
		sig := byKey[key]
		if sig == nil {
			sig = &signature{syms: syms}
			byKey[key] = sig
			at, ok := famOf[h]
			if !ok {
				at = len(fams)
				famOf[h] = at
				fams = append(fams, nil)
			}
			fams[at] = append(fams[at], sig)
		}
		sig.lines += max(1, s.count)
		sig.members = append(sig.members, int32(id))
	}
	gr.stamp, gr.slot = make([]int32, len(gr.words)), make([]int32, len(gr.words))
	return fams
}

func (gr *grouper) symbol(p *piece) int32 {
	if n, ok := gr.syms[p.hash]; ok {
		return n
	}
	n := int32(len(gr.words))
	gr.syms[p.hash] = n
	gr.words = append(gr.words, lexemeOf(p))
	return n
}

// column is what stands at one position of a set of signatures.
type column struct {
	at     int
	values []value // words, in order of appearance
	lines  int64   // of words
	wild   int64   // lines with a value (mask) there
	typed  bool    // some of those values are no plain numbers
	sigs   int
}

type value struct {
	sym   int32
	lines int64
	sigs  int32
}

// distinct counts the different things at the position: words, and values as one.
func (c *column) distinct() int {
	n := len(c.values)
	if c.wild > 0 {
		n++
	}
	return n
}

func (gr *grouper) column(sigs []*signature, at int) column {
	c := column{at: at, sigs: len(sigs)}
	gr.epoch++
	for _, s := range sigs {
		sym := s.syms[at]
		if sym == 0 {
			c.wild += s.lines
			c.typed = c.typed || gr.typedValue(s, at)
			continue
		}
		c.lines += s.lines
		if gr.stamp[sym] != gr.epoch {
			gr.stamp[sym] = gr.epoch
			gr.slot[sym] = int32(len(c.values))
			c.values = append(c.values, value{sym: sym})
		}
		v := &c.values[gr.slot[sym]]
		v.lines += s.lines
		v.sigs++
	}
	return c
}

// typedValue reports whether the value of s at a position is more than a number.
func (gr *grouper) typedValue(s *signature, at int) bool {
	for _, id := range s.members {
		if gr.m.shapes[id].pieces[at].kind != Num {
			return true
		}
	}
	return false
}

// maxDepth bounds the recursion: each level splits at one position.
const maxDepth = 64

// partition splits signatures of one family until each part differs in values only, and emits the parts as groups.
func (gr *grouper) partition(sigs []*signature, depth int) {
	var open []column
	constants, values := 0, 0
	for at := range sigs[0].syms {
		c := gr.column(sigs, at)
		switch {
		case c.distinct() > 1:
			open = append(open, c)
		case c.wild > 0:
			values++
		case gr.words[c.values[0].sym].mark:
		default:
			constants++
		}
	}
	if len(open) == 0 || depth >= maxDepth {
		gr.emit(sigs)
		return
	}
	fixed := gr.textLike(sigs, open)
	if len(fixed) == 0 {
		if len(open) == 1 || cohesive(constants, len(open)) {
			gr.emit(sigs)
			return
		}
		fixed = open
	}
	gr.split(sigs, pick(fixed), depth)
}

// textLike returns the columns whose words look like text rather than values.
func (gr *grouper) textLike(sigs []*signature, open []column) []column {
	var doubtful []column
	var scores []float64
	for i := range open {
		if s := gr.score(sigs, &open[i]); s <= surelyValue {
			doubtful = append(doubtful, open[i])
			scores = append(scores, s)
		}
	}
	free := gr.freely(sigs, doubtful)
	text := doubtful[:0]
	for i := range doubtful {
		if free[i] {
			scores[i] += weightFree
		}
		if scores[i] <= 0 {
			text = append(text, doubtful[i])
		}
	}
	return text
}

// cohesive reports whether lines that share so many words and differ in so many positions are one template.
func cohesive(constants, open int) bool { return constants >= open }

// pick chooses the position to split at: the fewest different words, then the leftmost.
func pick(cols []column) *column {
	best := &cols[0]
	for i := range cols {
		if cols[i].distinct() < best.distinct() {
			best = &cols[i]
		}
	}
	return best
}

func (gr *grouper) split(sigs []*signature, c *column, depth int) {
	parts := make(map[int32][]*signature)
	var order []int32
	for _, s := range sigs {
		k := s.syms[c.at]
		if parts[k] == nil {
			order = append(order, k)
		}
		parts[k] = append(parts[k], s)
	}
	for _, k := range order {
		gr.partition(parts[k], depth+1)
	}
}

// emit makes one group of signatures.
func (gr *grouper) emit(sigs []*signature) {
	grp := &group{}
	for _, s := range sigs {
		grp.members = append(grp.members, s.members...)
	}
	grp.pieces = gr.piecesOf(grp.members)
	grp.variants = [][]piece{grp.pieces}
	gr.groups = append(gr.groups, grp)
}

// piecesOf widens the pieces of shapes of equal length to what they share.
func (gr *grouper) piecesOf(ids []int32) []piece {
	first := slices.Min(ids)
	p := slices.Clone(gr.m.shapes[first].pieces)
	for _, id := range ids {
		widen(p, gr.m.shapes[id].pieces)
	}
	return p
}
