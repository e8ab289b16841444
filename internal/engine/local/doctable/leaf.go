package doctable

import (
	"encoding/json"
	"math"
	"net/netip"
	"strconv"
	"strings"
	"time"

	"github.com/plumbline-mcp/plumbline/internal/rows"
)

// moment is text that shows a date, with the text kept for the case that the column must become text after all.
type moment struct {
	at   time.Time
	text string
}

// The years that TIMESTAMP_NS can hold.
const (
	firstNanoYear = 1678
	lastNanoYear  = 2261
)

// leaf stores v at path n of the document being read.
func (b *Builder) leaf(n *node, v any) error {
	if b.shadow > 0 {
		b.lookAt(n, v)
		return nil
	}
	c := n.column
	if c == nil {
		if len(b.columns) >= b.opt.MaxColumns {
			b.overflow(n.path, v)
			return nil
		}
		c = b.addColumn(n, n.path)
	}
	if c.empties && v != jsonText("{}") {
		c.empties = false
	}
	b.store(c, v)
	return nil
}

// leafEmpty stores an empty object: a struct of its own while the path has no members.
func (b *Builder) leafEmpty(n *node) error {
	if b.shadow > 0 || (len(n.order) > 0 && n.column == nil) || (n.column != nil && !n.column.empties) {
		return nil
	}
	fresh := n.column == nil
	if err := b.leaf(n, jsonText("{}")); err != nil {
		return err
	}
	if fresh && n.column != nil {
		n.column.empties = true
	}
	return nil
}

func (b *Builder) addColumn(n *node, name string) *column {
	c := &column{node: n, name: name, index: len(b.columns)}
	if n.field != nil {
		c.kind, c.fixed = n.field.kind, true
	}
	n.column = c
	b.columns = append(b.columns, c)
	return c
}

// overflowColumn returns the column for the fields beyond the limit.
func (b *Builder) overflowColumn() *column {
	n := b.root.child([]byte(Overflow))
	if n.column == nil {
		n.field = &field{kind: document, opaque: true}
		b.addColumn(n, Overflow)
	}
	return n.column
}

// overflow adds a field to the document's overflow object.
func (b *Builder) overflow(path string, v any) {
	sep := byte(',')
	if len(b.more) == 0 {
		sep = '{'
	}
	b.more = append(b.more, sep)
	b.more = append(b.more, jsonOf(path)...)
	b.more = append(b.more, ':')
	b.more = append(b.more, jsonOf(v)...)
}

// store puts v into the row and widens the column where it must be.
func (b *Builder) store(c *column, v any) {
	v, k := b.normal(c, v)
	c.kind = wider(c.kind, k)
	if c.kind == nanos && c.noNanos {
		c.kind = stamps
	}
	if _, ok := v.([]any); ok && c.kind != document {
		c.list = true
	}
	for len(b.row) <= c.index {
		b.row = append(b.row, nil)
	}
	b.row[c.index] = v
}

// normal turns a value as read into the one kept, with its kind.
func (b *Builder) normal(c *column, v any) (any, kind) {
	list, ok := v.([]any)
	if !ok {
		return b.one(c, v)
	}
	if c.fixed && c.node.field.point {
		return point(v), document
	}
	k := none
	for i, e := range list {
		var ek kind
		list[i], ek = b.one(c, e)
		k = wider(k, ek)
	}
	return list, k
}

// one is normal for a single value.
func (b *Builder) one(c *column, v any) (any, kind) {
	if c.fixed {
		return c.mapped(v)
	}
	switch x := v.(type) {
	case bool:
		return x, boolean
	case number:
		return numeric(x)
	case jsonText:
		return x, document
	case string:
		if c.kind == none || c.kind.temporal() {
			if at, ok := b.detectDate(x); ok {
				return moment{at, x}, c.precision(at)
			}
		}
		return x, text
	}
	return v, text
}

// precision is the kind that holds at in full.
func (c *column) precision(at time.Time) kind {
	if y := at.Year(); y < firstNanoYear || y > lastNanoYear {
		c.noNanos = true
		return stamps
	}
	if at.Nanosecond()%1000 != 0 {
		return nanos
	}
	return stamps
}

// numeric is a number by the rules of dynamic mapping.
func numeric(x number) (any, kind) {
	if plainInteger([]byte(x)) {
		if i, err := strconv.ParseInt(string(x), 10, 64); err == nil {
			return i, int64s
		}
	}
	f, err := strconv.ParseFloat(string(x), 64)
	if err != nil || math.IsInf(f, 0) {
		return string(x), text
	}
	return f, doubles
}

// mapped is a value by the rules of the mapping; what does not fit widens the column.
func (c *column) mapped(v any) (any, kind) {
	f := c.node.field
	if f.point {
		return point(v), document
	}
	switch f.kind {
	case document:
		if x, ok := v.(jsonText); ok {
			return x, document
		}
		return jsonText(jsonOf(v)), document
	case boolean:
		if x, ok := truth(v); ok {
			return x, boolean
		}
	case int8s, int16s, int32s, int64s, floats, doubles:
		if x, k, ok := fitNumber(v, f.kind); ok {
			return x, k
		}
	case dates, times, stamps, nanos:
		if at, ok := parseAny(f.dates, plain(v)); ok {
			k := f.kind
			if exact := c.precision(at); k == stamps {
				k = exact
			}
			return moment{at, plain(v)}, k
		}
	case none, text:
		if x, ok := v.(jsonText); ok {
			return x, document
		}
		if f.ppl == rows.IP {
			return address(plain(v)), text
		}
	}
	return plain(v), text
}

// address is an IP address in its shortest form, IPv4 inside IPv6 as IPv4; other text as it is.
func address(s string) string {
	a, err := netip.ParseAddr(s)
	if err != nil {
		return s
	}
	return a.Unmap().String()
}

// truth reads a boolean field's value.
func truth(v any) (value, ok bool) {
	switch v {
	case true, "true":
		return true, true
	case false, "false", "":
		return false, true
	}
	return false, false
}

// fitNumber reads a numeric field's value; whole-number fields drop the fraction.
func fitNumber(v any, k kind) (any, kind, bool) {
	s := plain(v)
	if k.integer() {
		if i, err := strconv.ParseInt(s, 10, 64); err == nil {
			return i, fitInteger(i, k), true
		}
	}
	f, err := strconv.ParseFloat(s, 64)
	switch {
	case err != nil || math.IsInf(f, 0) || math.IsNaN(f):
		return nil, none, false
	case k.integer() && math.Abs(f) < math.MaxInt64:
		return int64(f), fitInteger(int64(f), k), true
	case k.integer():
		return f, doubles, true
	}
	return f, k, true
}

// fitInteger is the narrowest integer kind from k on that holds i.
func fitInteger(i int64, k kind) kind {
	bits := map[kind]int{int8s: 7, int16s: 15, int32s: 31, int64s: 63}
	for k < int64s && (i >= 1<<bits[k] || i < -1<<bits[k]) {
		k++
	}
	return k
}

// point is a geo_point as {"lat":..,"lon":..}; forms not known stay as they are.
func point(v any) any {
	var lat, lon json.Number
	switch x := v.(type) {
	case jsonText:
		var p struct {
			Lat         json.Number   `json:"lat"`
			Lon         json.Number   `json:"lon"`
			Coordinates []json.Number `json:"coordinates"`
		}
		if json.Unmarshal([]byte(x), &p) != nil {
			return x
		}
		lat, lon = p.Lat, p.Lon
		if len(p.Coordinates) == 2 {
			lon, lat = p.Coordinates[0], p.Coordinates[1]
		}
	case []any:
		if len(x) < 2 {
			return jsonText(jsonOf(v))
		}
		lon, lat = json.Number(plain(x[0])), json.Number(plain(x[1]))
	case string:
		var ok bool
		if lat, lon, ok = pointText(x); !ok {
			return jsonText(jsonOf(x))
		}
	}
	if lat == "" || lon == "" {
		return jsonText(jsonOf(v))
	}
	return jsonText(`{"lat":` + lat.String() + `,"lon":` + lon.String() + `}`)
}

// plain is a single value as text.
func plain(v any) string {
	switch x := v.(type) {
	case string:
		return x
	case number:
		return string(x)
	case jsonText:
		return string(x)
	case bool:
		return strconv.FormatBool(x)
	case int64:
		return strconv.FormatInt(x, 10)
	case float64:
		return strconv.FormatFloat(x, 'f', -1, 64)
	case moment:
		return x.text
	}
	return string(jsonOf(v))
}

// jsonOf is a value as JSON.
func jsonOf(v any) []byte {
	switch x := v.(type) {
	case jsonText:
		return []byte(x)
	case number:
		return []byte(x)
	case moment:
		return jsonOf(x.text)
	case []any:
		out := []byte{'['}
		for i, e := range x {
			if i > 0 {
				out = append(out, ',')
			}
			out = append(out, jsonOf(e)...)
		}
		return append(out, ']')
	}
	out, err := json.Marshal(v)
	if err != nil {
		return []byte("null") // cannot be: v is a string, number, boolean or nil
	}
	return out
}

// lookAt notes the kind of a value inside the first element of an array.
func (b *Builder) lookAt(n *node, v any) {
	k := text
	switch x := v.(type) {
	case bool:
		k = boolean
	case number:
		_, k = numeric(x)
	case jsonText, []any:
		k = document
	case string:
		if at, ok := b.detectDate(x); ok {
			k = (&column{}).precision(at)
		}
	}
	n.peek = wider(n.peek, k)
}

// pointText reads "lat,lon" and "POINT (lon lat)".
func pointText(s string) (lat, lon json.Number, ok bool) {
	a, b, found := strings.Cut(s, ",")
	if inner, ok := strings.CutPrefix(strings.ToUpper(strings.TrimSpace(s)), "POINT"); ok {
		b, a, found = strings.Cut(strings.Trim(inner, " ()"), " ")
	}
	a, b = strings.TrimSpace(a), strings.TrimSpace(b)
	if _, err := strconv.ParseFloat(a, 64); err != nil || !found {
		return "", "", false
	}
	if _, err := strconv.ParseFloat(b, 64); err != nil {
		return "", "", false
	}
	return json.Number(a), json.Number(b), true
}
