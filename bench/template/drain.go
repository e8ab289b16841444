package main

import "strings"

// drain is the plain Drain of He et al. 2017 to measure against: a tree of token count and first tokens, and in its leaves
// the groups whose template shares most tokens with the line. No masks, one set of parameters.
type drain struct {
	depth      int     // first tokens in the tree
	similarity float64 // share of equal tokens a group must reach
	children   int     // branches of a node; further tokens go to <*>
	root       map[int]*drainNode
	groups     int
}

type drainNode struct {
	next   map[string]*drainNode
	groups []*drainGroup
}

type drainGroup struct {
	id     int
	tokens []string
}

const wildcard = "<*>"

// newDrain uses the parameters of the project's first measurement: depth 2, similarity .4, 100 children.
func newDrain() *drain {
	return &drain{depth: 2, similarity: .4, children: 100, root: make(map[int]*drainNode)}
}

// add learns a line and returns the number of its group.
func (d *drain) add(line string) int {
	tokens := strings.Fields(line)
	leaf := d.leaf(tokens)
	var best *drainGroup
	most := -1.0
	for _, g := range leaf.groups {
		if s := g.share(tokens); s > most {
			best, most = g, s
		}
	}
	if best == nil || most < d.similarity {
		best = &drainGroup{id: d.groups, tokens: tokens}
		d.groups++
		leaf.groups = append(leaf.groups, best)
		return best.id
	}
	for i, t := range tokens {
		if best.tokens[i] != t {
			best.tokens[i] = wildcard
		}
	}
	return best.id
}

func (d *drain) leaf(tokens []string) *drainNode {
	n := d.root[len(tokens)]
	if n == nil {
		n = &drainNode{next: make(map[string]*drainNode)}
		d.root[len(tokens)] = n
	}
	for _, t := range tokens[:min(d.depth, len(tokens))] {
		if strings.ContainsAny(t, "0123456789") {
			t = wildcard
		}
		if n.next[t] == nil {
			if len(n.next) >= d.children {
				t = wildcard
			}
			if n.next[t] == nil {
				n.next[t] = &drainNode{next: make(map[string]*drainNode)}
			}
		}
		n = n.next[t]
	}
	return n
}

func (g *drainGroup) share(tokens []string) float64 {
	if len(tokens) == 0 {
		return 1
	}
	same := 0
	for i, t := range tokens {
		if g.tokens[i] == t {
			same++
		}
	}
	return float64(same) / float64(len(tokens))
}
