package duck

import "unsafe"

// at reads element i of a C array of T.
func at[T any](p unsafe.Pointer, i int) T {
	var zero T
	return *(*T)(unsafe.Add(p, uintptr(i)*unsafe.Sizeof(zero))) // p is a vector of T that DuckDB owns
}

// The layout of duckdb_string_t: 4 bytes of length, then either the bytes themselves or 4 bytes of them and a pointer to all.
const (
	stringSize    = 16
	stringInline  = 12
	stringPrefix  = 4
	stringPointer = 8
)

// stringAt returns the bytes of string i; they belong to the vector.
func stringAt(p unsafe.Pointer, i int) []byte {
	s := unsafe.Add(p, i*stringSize)
	n := *(*uint32)(s)
	if n <= stringInline {
		return unsafe.Slice((*byte)(unsafe.Add(s, stringPrefix)), n) //nolint:gosec // G103: as above
	}
	return unsafe.Slice(*(**byte)(unsafe.Add(s, stringPointer)), n) //nolint:gosec // G103: as above
}

// interner keeps the last boxed string for each of a few hashes: columns such as a service or a severity repeat, and a hit costs
// neither a copy nor a boxing. A column that never repeats stops trying.
type interner struct {
	slots  [internSlots]any
	tries  int
	hits   int
	closed bool
}

const (
	internSlots = 64   // enough for services, levels, nodes and routes; small enough to stay in cache
	internLong  = 64   // longer strings seldom repeat and cost more to compare
	internTrial = 4096 // tries before a column without repetition is given up
)

func (n *interner) value(b []byte) any {
	if n.closed || len(b) > internLong || len(b) == 0 {
		return string(b)
	}
	slot := &n.slots[(uint(len(b))*31^uint(b[0])*7^uint(b[len(b)-1])*13^uint(b[len(b)/2])*29)%internSlots]
	n.tries++
	if s, ok := (*slot).(string); ok && s == string(b) {
		n.hits++
		return *slot
	}
	if n.tries == internTrial {
		n.closed = n.hits*8 < n.tries
		n.tries, n.hits = 0, 0
	}
	*slot = string(b)
	return *slot
}
