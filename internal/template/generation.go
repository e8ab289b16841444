package template

import (
	"cmp"
	"encoding/hex"
	"hash/fnv"
	"slices"
	"strings"
)

// generation is what generalising makes of the shapes at one moment.
type generation struct {
	groups    []*group
	groupOf   []int32 // by id of a live shape, -1 else
	templates []Template
	order     []int32 // index of a group -> index of its template
	stale     bool    // counts have moved since templates was made
}

// group is the shapes of one template.
type group struct {
	members []int32
	pieces  []piece
	// variants are the templates by length that pieces bridges; one when all members have one length.
	variants [][]piece
}

// Templates returns what was learnt so far, most frequent first, ties by text. It generalises anew when shapes were added.
func (m *Miner) Templates() []Template {
	g := m.generalise()
	if g.templates == nil || g.stale {
		m.describe(g)
	}
	return slices.Clone(g.templates)
}

// Resolve returns the index in Templates() of the template that an id returned by Add or Merge belongs to now, -1 for an id
// never handed out.
func (m *Miner) Resolve(id int) int {
	if id < 0 || id >= len(m.alias) {
		return -1
	}
	g := m.generalise()
	if g.templates == nil || g.stale {
		m.describe(g)
	}
	return int(g.order[g.groupOf[m.root(int32(id))]])
}

// Match returns the index in Templates() of the template a line has, without learning; false if it fits none.
func (m *Miner) Match(line string) (int, bool) {
	toks := m.sc.scan(line)
	if id, ok := m.index[hashOf(toks)]; ok {
		return m.Resolve(int(id)), true
	}
	g := m.generalise()
	if g.templates == nil || g.stale {
		m.describe(g)
	}
	for i, grp := range g.groups {
		for _, v := range grp.variants {
			if fits(v, toks) {
				return int(g.order[i]), true
			}
		}
	}
	return 0, false
}

// describe makes the templates of a generation.
func (m *Miner) describe(g *generation) {
	ts := make([]Template, len(g.groups))
	index := make([]int32, len(g.groups))
	for i, grp := range g.groups {
		index[i] = int32(i)
		first := slices.Min(grp.members)
		ts[i] = Template{Text: render(grp.pieces), Example: m.shapes[first].example}
		for _, id := range grp.members {
			ts[i].Count += m.shapes[id].count
		}
		ts[i].ID = textID(ts[i].Text)
	}
	slices.SortFunc(index, func(a, b int32) int {
		return cmp.Or(cmp.Compare(ts[b].Count, ts[a].Count), cmp.Compare(ts[a].Text, ts[b].Text), cmp.Compare(a, b))
	})
	g.templates = make([]Template, len(ts))
	g.order = make([]int32, len(ts))
	for rank, i := range index {
		g.templates[rank] = ts[i]
		g.order[i] = int32(rank)
	}
	g.stale = false
}

// textID is the stable id of a template's text.
func textID(text string) string {
	h := fnv.New64a()
	_, _ = h.Write([]byte(text)) // a hash never fails
	return hex.EncodeToString(h.Sum(nil))[:12]
}

// render writes a template: words as they are, masks for values, neighbouring <*> once.
func render(pieces []piece) string {
	var b strings.Builder
	for i := range pieces {
		p := &pieces[i]
		if p.space && b.Len() > 0 {
			b.WriteByte(' ')
		}
		if p.kind.IsMask() {
			b.WriteString(p.kind.String())
		} else {
			b.WriteString(p.text)
		}
	}
	return b.String()
}
