package record

import (
	"strings"
	"time"

	"github.com/plumbline-mcp/plumbline/internal/record/jsonscan"
)

// documents turns JSON documents into records. Parsing flattens a document into fields; what it is (its shape) is told by the
// names seen; each shape then places the fields. A tree of the keys seen so far makes a key one comparison: documents of a file
// name the same keys in the same order.
type documents struct {
	b       *builder
	clk     clock
	sc      jsonscan.Scanner // the document
	in      jsonscan.Scanner // arrays inside it
	root    *node
	leaves  map[string]*leaf
	nodes   int
	fields  []field
	seq     uint64
	marks   mark
	top     int // keys at the top level
	hit     bool
	line    int64
	offset  int64                   // where the document's line begins
	wraps   *textReader             // lines of text inside documents (container logs); nil for none
	inner   func(first []byte) bool // whether a list inside a document is what the file is about; nil: never
	at      wellKnown
	last    time.Time // of the log before
	logFile bool      // the file is a JSON log
	file    fileName
	pairs   []byte // scratch
}

// node is one object path; kids are its keys in the order first seen, guess the one expected next.
type node struct {
	name  string
	kids  []kid
	index map[string]int
	guess int
	leaf  *leaf
}

type kid struct {
	quoted string // the key as it stands in the text with the colon, for the quick comparison
	node   *node
}

// leaf is one dotted name with what it says about the document and where each shape puts it.
type leaf struct {
	name    string
	mark    mark
	seq     uint64 // document it was last seen in
	at      int    // its field there
	targets [shapes]*target
}

type field struct {
	leaf *leaf
	val  jsonscan.Value
}

// maxNodes bounds the tree of keys; maps used as tables (ids as keys) would grow it without end.
const maxNodes = 1 << 15

func newDocuments(clk clock) *documents {
	d := &documents{clk: clk}
	d.forget()
	return d
}

// forget drops everything remembered between documents.
func (d *documents) forget() {
	d.b = newBuilder()
	d.at = newWellKnown(d.b)
	d.root, d.leaves, d.nodes = &node{}, make(map[string]*leaf, 256), 0
}

// parse flattens one document; data may hold white space around it. On an error the fields seen so far stand.
func (d *documents) parse(data []byte) error {
	if d.nodes > maxNodes || d.b.full() {
		d.forget()
	}
	d.seq++
	d.fields, d.marks, d.top, d.hit = d.fields[:0], 0, 0, false
	d.sc.Reset(data, MaxDepth)
	if d.sc.Next() != '{' {
		return errNoObject
	}
	if err := d.object(d.root, true); err != nil {
		return err
	}
	if d.hit {
		d.dropMeta()
	}
	if d.sc.Next() != 0 {
		return errTrailing
	}
	return nil
}

// parses reports whether a text is one whole document, and leaves its fields.
func (d *documents) parses(text []byte) bool { return d.parse(text) == nil }

// dropMeta leaves out what stands beside the source of a search hit: _index, _id, _score, sort.
func (d *documents) dropMeta() {
	kept := d.fields[:0]
	for _, f := range d.fields {
		if strings.HasPrefix(f.leaf.name, "_") || f.leaf.name == "sort" {
			f.leaf.seq = 0
			continue
		}
		f.leaf.at = len(kept)
		kept = append(kept, f)
	}
	d.fields = kept
}

func (d *documents) object(n *node, top bool) error {
	if err := d.sc.Enter(); err != nil {
		return err
	}
	if err := d.sc.Expect('{'); err != nil {
		return err
	}
	n.guess = 0
	if d.sc.Accept('}') {
		d.sc.Leave()
		return nil
	}
	for {
		k, err := d.key(n)
		if err != nil {
			return err
		}
		if top {
			d.top++
		}
		if err := d.value(k, top); err != nil {
			return err
		}
		if !d.sc.Accept(',') {
			d.sc.Leave()
			return d.sc.Expect('}')
		}
	}
}

// key reads a key and its colon.
func (d *documents) key(n *node) (*node, error) {
	if n.guess < len(n.kids) {
		d.sc.Next()
		if k := &n.kids[n.guess]; d.sc.Literally(k.quoted) {
			n.guess++
			return k.node, nil
		}
	}
	key, err := d.sc.String()
	if err != nil {
		return nil, err
	}
	if err := d.sc.Expect(':'); err != nil {
		return nil, err
	}
	i, ok := n.index[string(key)]
	if !ok {
		i = d.grow(n, string(key))
	}
	n.guess = i + 1
	return n.kids[i].node, nil
}

func (d *documents) grow(n *node, key string) int {
	name := key
	if n.name != "" {
		name = n.name + "." + key
	}
	d.nodes++
	n.kids = append(n.kids, kid{quoted: `"` + key + `":`, node: &node{name: name}})
	if n.index == nil {
		n.index = make(map[string]int, 8)
	}
	n.index[key] = len(n.kids) - 1
	return len(n.kids) - 1
}

func (d *documents) value(n *node, top bool) error {
	if d.sc.Next() == '{' {
		if top {
			d.marks |= markOfObject(n.name)
			if wrapperKey(n.name) {
				d.marks |= markWrapper
			}
			if n.name == "_source" { // a search hit: its source is the document
				d.hit = true
				return d.object(d.root, false)
			}
		}
		return d.object(n, false)
	}
	if top && d.sc.Next() == '[' && wrapperKey(n.name) {
		d.marks |= markWrapper
	}
	if len(d.fields) >= MaxFields {
		return errFields
	}
	d.fields = append(d.fields, field{})
	f := &d.fields[len(d.fields)-1]
	if err := d.sc.Value(&f.val); err != nil {
		d.fields = d.fields[:len(d.fields)-1]
		return err
	}
	if f.val.Kind == jsonscan.Null {
		d.fields = d.fields[:len(d.fields)-1]
		return nil
	}
	if n.leaf == nil {
		n.leaf = d.leaf(n.name)
	}
	l := n.leaf
	if l.seq == d.seq { // the key came before: the last value stays
		d.fields[l.at].val = f.val
		d.fields = d.fields[:len(d.fields)-1]
		return nil
	}
	l.seq, l.at = d.seq, len(d.fields)-1
	f.leaf = l
	d.marks |= l.mark
	return nil
}

func (d *documents) leaf(name string) *leaf {
	if l, ok := d.leaves[name]; ok {
		return l
	}
	l := &leaf{name: name, mark: markOf(name)}
	d.leaves[name] = l
	return l
}

// find returns the current document's value of a name.
func (d *documents) find(name string) *jsonscan.Value {
	l, ok := d.leaves[name]
	if !ok || l.seq != d.seq {
		return nil
	}
	return &d.fields[l.at].val
}

// target is where a shape puts a leaf.
type target struct {
	slot *slot
	role role
	rank int // of candidates for the same role the lowest is taken
}

func (d *documents) target(l *leaf, s shape) *target {
	if t := l.targets[s]; t != nil {
		return t
	}
	name, role, rank := place(s, l.name)
	t := &target{slot: d.b.slot(name), role: role, rank: rank}
	l.targets[s] = t
	return t
}

// put sets a field's value as it is.
func (d *documents) put(s *slot, v *jsonscan.Value) {
	switch v.Kind {
	case jsonscan.String:
		d.b.setText(s, v.Text)
	case jsonscan.Int:
		d.b.set(s, v.Int)
	case jsonscan.Float:
		d.b.set(s, v.Float)
	case jsonscan.True, jsonscan.False:
		d.b.set(s, v.Kind == jsonscan.True)
	case jsonscan.Array, jsonscan.Object:
		d.b.setJSON(s, v.Text)
	case jsonscan.Null:
	}
}

// putText sets a value that must be text: numbers as written.
func (d *documents) putText(s *slot, v *jsonscan.Value) {
	if v.Kind == jsonscan.Null {
		return
	}
	d.b.setText(s, v.Text)
}

// putTime sets a time; what is none goes below attributes, where nobody takes it for a time.
func (d *documents) putTime(s *slot, v *jsonscan.Value) {
	if t, ok := d.clk.value(v); ok {
		d.b.setTime(s, t)
		return
	}
	d.put(d.b.slotOf("attributes.original.", []byte(s.name)), v)
}

// value reads a JSON value as a time.
func (c clock) value(v *jsonscan.Value) (time.Time, bool) {
	switch v.Kind {
	case jsonscan.String:
		return c.stamp(v.Text)
	case jsonscan.Int:
		return epochTime(v.Int), true
	case jsonscan.Float:
		return epochFloat(v.Float)
	default:
		return time.Time{}, false
	}
}

// putInt sets a whole number, also from a string or a float.
func (d *documents) putInt(s *slot, v *jsonscan.Value) {
	if n, ok := whole(v); ok {
		d.b.set(s, n)
		return
	}
	d.put(d.b.slotOf("attributes.original.", []byte(s.name)), v)
}

func whole(v *jsonscan.Value) (int64, bool) {
	switch v.Kind {
	case jsonscan.Int:
		return v.Int, true
	case jsonscan.Float:
		return int64(v.Float), v.Float > -9e18 && v.Float < 9e18
	case jsonscan.String:
		return jsonscan.ParseInt(v.Text)
	default:
		return 0, false
	}
}
