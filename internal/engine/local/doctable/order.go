package doctable

import (
	"slices"
	"strings"
	"unicode/utf16"
)

// arrange puts the fields into the order in which a cluster shows them: the PPL plugin keeps an index's top-level fields in
// a hash map, so they come by the hash of their names (Java's String.hashCode in a table of the size for so many); the
// members of an object come by name, as in a mapping.
func (b *Builder) arrange() {
	top := b.root.order
	slices.SortFunc(top, func(x, y *node) int { return strings.Compare(x.path, y.path) })
	size := tableSize(len(top))
	slices.SortStableFunc(top, func(x, y *node) int { return int(bucket(x.path, size)) - int(bucket(y.path, size)) })
	for _, n := range top {
		n.sortMembers()
	}
}

func (n *node) sortMembers() {
	slices.SortFunc(n.order, func(x, y *node) int { return strings.Compare(x.path, y.path) })
	for _, c := range n.order {
		c.sortMembers()
	}
}

// tableSize is the size of a hash map made for n entries: the least power of two of which they fill three quarters at most.
func tableSize(n int) uint32 {
	size := uint32(1)
	for n > int(size)*3/4 {
		size *= 2
	}
	return size
}

// bucket is where a name lies in a table of the given size.
func bucket(name string, size uint32) uint32 {
	var h uint32
	for _, u := range utf16.Encode([]rune(name)) {
		h = 31*h + uint32(u)
	}
	return (h ^ h>>16) & (size - 1)
}
