package jsonscan

// Finder looks for the end of one value in bytes that arrive in pieces. It counts brackets outside strings and checks nothing
// else, so that it can run ahead of a Scanner at little cost. The zero value stands before a value.
type Finder struct {
	depth   int
	started bool
	scalar  bool
	inText  bool
	escape  bool
}

// Find goes on through data and returns how many bytes of it belong to the value (with white space before it), and whether the
// value ends there. A bare number or word ends before the byte that cannot belong to it.
func (f *Finder) Find(data []byte) (n int, done bool) {
	for i := 0; i < len(data); i++ {
		c := data[i]
		if f.inText {
			if i = f.text(data, i); f.inText {
				return len(data), false
			}
			if f.depth == 0 {
				return i + 1, true
			}
			continue
		}
		switch c {
		case '"':
			if f.scalar {
				return i, true
			}
			f.started, f.inText = true, true
		case '{', '[':
			if f.scalar {
				return i, true
			}
			f.started = true
			f.depth++
		case '}', ']':
			if f.depth == 0 {
				return i, true
			}
			if f.depth--; f.depth == 0 {
				return i + 1, true
			}
		case ' ', '\t', '\r', '\n', ',', ':':
			if f.depth == 0 && (f.scalar || c == ',' || c == ':') {
				return i, true
			}
		default:
			if f.depth == 0 {
				f.started, f.scalar = true, true
			}
		}
	}
	return len(data), false
}

// text passes the rest of a string and returns the index of its closing quote, or len(data).
func (f *Finder) text(data []byte, i int) int {
	for ; i < len(data); i++ {
		switch {
		case f.escape:
			f.escape = false
		case data[i] == '\\':
			f.escape = true
		case data[i] == '"':
			f.inText = false
			return i
		}
	}
	return i
}

// Started reports whether anything but white space was seen.
func (f *Finder) Started() bool { return f.started }
