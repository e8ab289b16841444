package remote

import (
	"errors"
	"slices"
	"strconv"

	"github.com/plumbline-mcp/plumbline/internal/record/jsonscan"
)

// useValues makes a fetch read the index's columns instead of the documents where these say the same: a sixth of the time. Texts
// have none, dates have the millisecond alone, and keywords may leave out long values.
func (f *fetch) useValues(whole func(*leaf) bool) {
	f.values = nil
	if f.meta || f.every || len(f.paths) == 0 || f.t.convert {
		return
	}
	for _, p := range f.paths {
		l := f.t.mapping.leaves[p]
		if l == nil || l.path != p || l.exact != p || l.inner || l.prop.conflict || f.t.isTainted(p) {
			return
		}
		switch t := l.prop.Type; {
		case wholeNumber(t), t == "double", t == "boolean", t == "date_nanos":
		case t == "keyword":
			if l.above > 0 && !whole(l) {
				return
			}
		default:
			return
		}
	}
	f.values = f.paths
}

// errLists says that a field holds several values: the index keeps them in another order than the document.
var errLists = errors.New("a field holds several values")

// document writes the columns of a hit as a document.
func (h *hit) document(s *jsonscan.Scanner, b []byte) ([]byte, error) {
	b = append(b, '{')
	if len(h.Fields) == 0 {
		return append(b, '}'), nil
	}
	s.Reset(h.Fields, maxDepth)
	first := true
	err := s.Fields(func(key []byte) error {
		if !first {
			b = append(b, ',')
		}
		first = false
		b = strconv.AppendQuote(b, string(key))
		b = append(b, ':')
		n := 0
		return s.Each(func() error {
			if n++; n > 1 {
				return errLists
			}
			s.Next()
			start := s.Pos()
			if err := s.Skip(); err != nil {
				return err
			}
			b = append(b, s.Data()[start:s.Pos()]...)
			return nil
		})
	})
	return append(b, '}'), err
}

// single checks that no field of a page holds several values.
func single(hits []hit) error {
	var s jsonscan.Scanner
	var b []byte
	for i := range hits {
		var err error
		if b, err = hits[i].document(&s, b[:0]); err != nil {
			return err
		}
		hits[i].Source = slices.Clone(b)
	}
	return nil
}
