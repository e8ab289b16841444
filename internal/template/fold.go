package template

import "strings"

// fold joins neighbouring tokens that are one value: a number and its unit, the words and numbers of a date, lists of values
// of any length, the values of "Label: value, Label: value" texts.
func (sc *scanner) fold() {
	t := sc.toks
	out := 0
	for i := 0; i < len(t); i++ {
		t[out] = t[i]
		switch {
		case t[i].kind == Word:
			if out > 0 && t[out-1].kind == Num {
				sc.unit(t, &out)
			}
			if out > 1 && t[out].end-t[out].start <= 3 && t[out-1].kind == Punct && sc.line[t[out-1].start] == ':' && answer(sc.text(&t[out])) {
				t[out].kind = Bool
			}
			if t[out].kind == Word && t[out].end-t[out].start >= 3 && calendar(sc.text(&t[out])) {
				i = sc.date(t, i, out)
			}
		case t[i].kind.IsMask() && out > 0:
			sc.list(t, &out)
		case t[i].kind == Punct && out > 2:
			sc.restated(t, &out)
		}
		out++
	}
	sc.toks = t[:out]
	if out < 3 {
		return
	}
	sc.brackets()
	sc.repeats()
	sc.words()
	sc.labels()
	sc.statement()
}

// unit joins a number with the unit behind it, and takes the plural off a counted noun: 1 task, 3 tasks.
func (sc *scanner) unit(t []token, out *int) {
	w := sc.text(&t[*out])
	if len(w) <= 12 {
		if k := unitKind(w); k == Dur || k == Size {
			t[*out-1].kind, t[*out-1].end = k, t[*out].end
			*out--
			if *out > 0 {
				sc.list(t, out)
			}
			return
		}
	}
	if n := len(w); n > 3 && w[n-1] == 's' && w[n-2] != 's' {
		t[*out].hash = hashText(w[:n-1])
	}
}

// answer reports whether w behind a colon is the value of a switch.
func answer(w string) bool {
	switch w {
	case "yes", "no", "on", "off", "Yes", "No", "On", "Off", "YES", "NO", "ON", "OFF":
		return true
	}
	return false
}

// calendar reports whether w is a weekday or month, short or long.
func calendar(w string) bool {
	if w[0] < 'A' || w[0] > 'W' {
		return false
	}
	switch w[:3] {
	case "Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun", "Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec":
	default:
		return false
	}
	switch w[3:] {
	case "", "day", "sday", "nesday", "rsday", "urday", "uary", "ruary", "ch", "il", "e", "y", "ust", "tember", "ober", "ember":
		return true
	}
	return false
}

// date joins the run of weekdays, months, numbers and times at i into the time t[out] when it holds a number, and returns the
// index of the run's last token. A number directly before a month belongs to it.
func (sc *scanner) date(t []token, i, out int) int {
	last, numbers := i, 0
	for j := i + 1; j < len(t) && j < i+8; j++ {
		switch {
		case t[j].kind == Num && t[j].end-t[j].start <= 4, t[j].kind == Time:
			numbers++
			last = j
		case t[j].kind == Word && t[j].end-t[j].start >= 3 && calendar(sc.text(&t[j])), t[j].kind == Word && zone(sc.text(&t[j])):
			last = j
		case t[j].kind == Punct && sc.line[t[j].start] == ',':
		default:
			j = len(t)
		}
	}
	if numbers == 0 {
		return i
	}
	t[out].kind, t[out].end = Time, t[last].end
	return last
}

func zone(w string) bool {
	switch w {
	case "UTC", "GMT", "CET", "CEST", "EST", "EDT", "PST", "PDT", "CST", "MST", "BST":
		return true
	}
	return false
}

// list drops the mask t[out] when it continues a list of its kind: after a mask of that kind, with a comma or nothing between.
func (sc *scanner) list(t []token, out *int) {
	n := *out
	k := t[n].kind
	prev := n - 1
	if t[prev].kind == Punct && sc.line[t[prev].start] == ',' && n >= 2 {
		prev--
	}
	if k == Any || t[prev].kind == Any || !sameKind(t[prev].kind, k) {
		return
	}
	if prev == n-1 && (!t[n].space || t[prev].kind != k) || prev > 0 && t[prev-1].kind == Punct && sc.line[t[prev-1].start] == '=' {
		return // glued tokens are no list, and values of keys stay apart
	}
	t[prev].end = t[n].end
	*out = prev
	if t[prev].kind != k {
		t[prev].kind = ID
	}
}

// sameKind reports whether two masks can stand in one list: numbers and ids mix in dumps and lists of ids.
func sameKind(a, b Kind) bool {
	return a == b || a >= Num && a <= ID && b >= Num && b <= ID
}

// restated joins "1029 bytes (1.00 KB)": a quantity said again in brackets.
func (sc *scanner) restated(t []token, out *int) {
	n := *out
	if sc.line[t[n].start] != ')' || t[n-2].kind != Punct || sc.line[t[n-2].start] != '(' || !t[n-2].space {
		return
	}
	if a, b := t[n-3].kind, t[n-1].kind; a == b && (a == Size || a == Dur) {
		t[n-3].end = t[n].end
		*out = n - 3
	}
}

// brackets replaces bracketed lists, [a, b, c] or {k=v, k=v}, by one mask between the brackets. A single word stays.
func (sc *scanner) brackets() {
	t := sc.toks
	out, open := 0, -1
	for i := range t {
		t[out] = t[i]
		if t[i].kind == Punct {
			switch sc.line[t[i].start] {
			case '[', '{', '(':
				open = out
			case ']', '}', ')':
				if open >= 0 && out-open > 2 && isList(sc, t[open+1:out]) {
					t[open+1].kind, t[open+1].end = Any, t[out-1].end
					t[open+2] = t[out]
					out = open + 2
				}
				open = -1
			}
		}
		out++
	}
	sc.toks = t[:out]
}

// isList reports whether toks are items separated by commas, each one token or key=value (key: value).
func isList(sc *scanner, toks []token) bool {
	commas, run := 0, 0
	for i := range toks {
		if toks[i].kind != Punct {
			run++
			if run > 2 || run == 2 && toks[i-1].kind != Punct {
				return false
			}
			continue
		}
		switch sc.line[toks[i].start] {
		case ',':
			commas++
			run = 0
		case '=', ':':
		default:
			return false
		}
	}
	return commas > 0
}

// maxItem is how many tokens an item of a repeated list may have.
const maxItem = 8

// repeats drops the items of a list, after a comma, that are written like the item before it: X[<*>], X[<*>].
func (sc *scanner) repeats() {
	t := sc.toks
	for c := 1; c+1 < len(t); c++ {
		if !sc.is(c, ',') {
			continue
		}
		n := 0
		masks := false
		for n < maxItem && c+1+n < len(t) && c-1-n >= 0 && !sc.is(c+1+n, ',') {
			n++
		}
		for ; n > 0; n-- {
			if ok, m := sameItem(t[c-n:c], t[c+1:min(len(t), c+1+n)]); ok && m && sc.bounded(c-n-1) && sc.bounded(c+1+n) {
				masks = true
				break
			}
		}
		if n > 1 && masks {
			t = append(t[:c], t[c+1+n:]...)
			sc.toks = t
			c--
		}
	}
}

// words replaces a list of three or more single words, "a, b, c", by one mask.
func (sc *scanner) words() {
	t := sc.toks
	for i := 0; i+4 < len(t); i++ {
		end := i
		for end+2 < len(t) && t[end].kind == Word && sc.is(end+1, ',') && t[end+2].kind == Word {
			end += 2
		}
		if end-i < 4 {
			continue
		}
		t[i].kind, t[i].end = Any, t[end].end
		t = append(t[:i+1], t[end+1:]...)
		sc.toks = t
	}
}

// bounded reports whether index i is the border of a list item: outside the line, a comma or a bracket.
func (sc *scanner) bounded(i int) bool {
	if i < 0 || i >= len(sc.toks) {
		return true
	}
	if sc.toks[i].kind != Punct {
		return false
	}
	switch sc.line[sc.toks[i].start] {
	case ',', '(', '[', '{', ')', ']', '}', ':', ';':
		return true
	}
	return false
}

// sameItem reports whether two items have the same words and marks and values at the same places, and whether there is a value.
func sameItem(a, b []token) (same, masks bool) {
	if len(a) != len(b) {
		return false, false
	}
	for i := range a {
		am, bm := a[i].kind.IsMask(), b[i].kind.IsMask()
		if am != bm || !am && a[i].hash != b[i].hash {
			return false, false
		}
		masks = masks || am
	}
	return true, masks
}

// labels masks the values of labelled fields, "..., Name: Red Lamp; level: high" or "(reason: gone away)": after a comma,
// semicolon or opening bracket, a label of one word and a colon, everything up to the next separator is one value.
func (sc *scanner) labels() {
	t := sc.toks
	for i := 2; i+1 < len(t); i++ {
		if !sc.is(i, ':') || t[i-1].kind != Word || (!sc.is(i-2, ',') && !sc.is(i-2, ';') && (!sc.is(i-2, '(') || !t[i-2].space)) || !t[i+1].space && t[i+1].kind == Word {
			continue
		}
		end := i + 1
		for end < len(t) && t[end].kind != Punct {
			end++
		}
		if end < len(t) && sc.is(end, ':') {
			end-- // the next label, without a comma between
		}
		if end <= i+1 || end < len(t) && t[end].kind == Punct && !sc.bounded(end) && !sc.is(end, '.') {
			continue
		}
		if end > i+2 || t[i+1].kind == Word {
			t[i+1].kind, t[i+1].end = Any, t[end-1].end
			t = append(t[:i+2], t[end:]...)
			sc.toks = t
		}
	}
}

// statement masks a statement of SQL behind a colon: the rest of the line.
func (sc *scanner) statement() {
	t := sc.toks
	for i := 1; i+1 < len(t); i++ {
		if t[i].kind != Word || t[i].end-t[i].start != 6 || !sc.is(i-1, ':') || !t[i].space {
			continue
		}
		var with string
		switch sc.text(&t[i]) {
		case "SELECT", "select", "DELETE", "delete":
			with = "FROM"
		case "INSERT", "insert":
			with = "INTO"
		case "UPDATE", "update":
			with = "SET"
		default:
			continue
		}
		for j := i + 1; j < len(t); j++ {
			if t[j].kind == Word && strings.EqualFold(sc.text(&t[j]), with) {
				t[i].kind, t[i].end = Any, t[len(t)-1].end
				sc.toks = t[:i+1]
				return
			}
		}
	}
}

func (sc *scanner) is(i int, c byte) bool {
	return sc.toks[i].kind == Punct && sc.line[sc.toks[i].start] == c
}
