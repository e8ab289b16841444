package template

import (
	"slices"
	"strings"
	"unicode"
)

// Limits of a miner.
const (
	// DefaultMaxShapes serves hundreds of programs at once in about 20 MB.
	DefaultMaxShapes = 16_384
	// maxExample is how many bytes of a template's first line are kept.
	maxExample = 512
	// idBudget times MaxShapes is how many ids a miner hands out: callers keep something for each id.
	idBudget = 8
	// cacheFactor times MaxShapes bounds the index of hashes: shapes plus those known to fit a general template.
	cacheFactor = 4
)

// Config says how a Miner works. The zero value serves.
type Config struct {
	// MaxShapes bounds the memory: the distinct shapes kept at a time; 0 means DefaultMaxShapes, less than 64 means 64.
	MaxShapes int
}

// Template is one text that lines were written with.
type Template struct {
	ID      string // hash of Text, 12 hexadecimal digits: the same text has the same id in every run
	Text    string // words as written, values as <NUM>, <IP>, ..., <*>
	Count   int64  // lines
	Example string // the first line seen, cut at 512 bytes
}

// Miner learns templates from a stream of lines. It is not safe for concurrent use: give each goroutine its own and Merge.
type Miner struct {
	cfg     Config
	sc      scanner
	index   map[uint64]int32 // hash of the tokens -> id
	shapes  []*shape         // by id; nil when it was merged into another: see alias
	alias   []int32          // by id: the id that stands for it now, itself if alive
	general map[uint64][]int32
	spill   map[int]int32 // token count -> id of the template of lines that fit nowhere
	live    int
	gen     *generation // what generalising found; nil after a new shape
}

// shape is a distinct sequence of words and masks.
type shape struct {
	pieces  []piece
	count   int64
	example string
	wild    bool // has positions that match any word
}

// piece is one token of a shape.
type piece struct {
	hash  uint64
	text  string // words and marks
	kind  Kind
	space bool
	key   bool
	wild  bool // matches any word or mask
}

// New returns an empty miner.
func New(cfg Config) *Miner {
	if cfg.MaxShapes == 0 {
		cfg.MaxShapes = DefaultMaxShapes
	}
	cfg.MaxShapes = max(cfg.MaxShapes, 64)
	return &Miner{cfg: cfg, index: make(map[uint64]int32), general: make(map[uint64][]int32), spill: make(map[int]int32)}
}

// Add learns one line and returns the id of its shape, a small number >= 0. Ids are dense, stay valid for the life of the
// miner, and are fewer than 8 x MaxShapes + 200. Of a line of several lines the first names the template.
func (m *Miner) Add(line string) int { return m.AddCount(line, 1) }

// AddCount is Add for a line seen n times.
func (m *Miner) AddCount(line string, n int64) int {
	toks := m.sc.scan(line)
	h := hashOf(toks)
	id, known := m.index[h]
	if !known {
		id = m.learn(toks, h, line)
	}
	m.shapes[id].count += n
	if m.gen != nil {
		m.gen.stale = true
	}
	return int(id)
}

// learn finds or makes the shape of tokens whose hash is new.
func (m *Miner) learn(toks []token, h uint64, line string) int32 {
	if id, ok := m.matchGeneral(toks); ok {
		return m.remember(h, id)
	}
	if m.live >= m.cfg.MaxShapes {
		m.consolidate()
		if id, ok := m.matchGeneral(toks); ok {
			return m.remember(h, id)
		}
	}
	if len(m.shapes) >= idBudget*m.cfg.MaxShapes {
		return m.remember(h, m.spilled(len(toks), line))
	}
	return m.remember(h, m.add(m.newShape(toks, line)))
}

// add gives a shape its id.
func (m *Miner) add(s *shape) int32 {
	id := int32(len(m.shapes))
	m.shapes = append(m.shapes, s)
	m.alias = append(m.alias, id)
	m.live++
	m.gen = nil
	return id
}

func (m *Miner) remember(h uint64, id int32) int32 {
	if len(m.index) >= cacheFactor*m.cfg.MaxShapes {
		m.reindex()
	}
	m.index[h] = id
	return id
}

// reindex drops what the index only remembered.
func (m *Miner) reindex() {
	clear(m.index)
	for id, s := range m.shapes {
		if s != nil && !s.wild && int(m.alias[id]) == id {
			m.index[hashPieces(s.pieces)] = int32(id)
		}
	}
}

// newShape copies tokens out of the scanner.
func (m *Miner) newShape(toks []token, line string) *shape {
	var b strings.Builder
	for i := range toks {
		if !toks[i].kind.IsMask() {
			b.WriteString(m.sc.text(&toks[i]))
		}
	}
	text := b.String()
	s := &shape{pieces: make([]piece, len(toks)), example: cut(line, maxExample)}
	for i := range toks {
		t := &toks[i]
		p := piece{kind: t.kind, hash: t.hash, space: t.space, key: t.key}
		if !t.kind.IsMask() {
			n := t.end - t.start
			p.text, text = text[:n], text[n:]
			if t.key {
				p.text = maskDigits(p.text)
			}
		}
		s.pieces[i] = p
	}
	return s
}

// maskDigits writes the digits of a key as the number they are: see hashLetters.
func maskDigits(key string) string {
	if strings.IndexFunc(key, unicode.IsDigit) < 0 {
		return key
	}
	var b strings.Builder
	digits := false
	for _, r := range key {
		if d := unicode.IsDigit(r); !d {
			b.WriteRune(r)
			digits = false
		} else if !digits {
			b.WriteString("<NUM>")
			digits = true
		}
	}
	return b.String()
}

// cut copies the first line of s, at most n bytes, ending with ... when something was left out.
func cut(s string, n int) string {
	short := s
	if k := strings.IndexAny(strings.TrimLeft(s, "\r\n"), "\r\n"); k >= 0 {
		short = strings.TrimLeft(s, "\r\n")[:k]
	}
	if len(short) > n {
		short = strings.ToValidUTF8(short[:n-3], "") + "..."
	}
	return strings.Clone(short)
}

// spilled returns the id of the template of unlearnt lines with n tokens.
func (m *Miner) spilled(n int, line string) int32 {
	n = min(n, maxTokens)
	if id, ok := m.spill[n]; ok {
		return id
	}
	s := &shape{pieces: make([]piece, max(n, 1)), example: cut(line, maxExample), wild: true}
	for i := range s.pieces {
		s.pieces[i] = piece{kind: Any, space: i > 0, wild: true}
	}
	id := m.add(s)
	m.spill[n] = id
	return id
}

// skeleton hashes what general templates are found by: the number of tokens and the punctuation with its positions.
func skeleton(toks []token) uint64 {
	h := startSkeleton(len(toks))
	for i := range toks {
		if toks[i].kind == Punct {
			h = stepSkeleton(h, i, toks[i].hash)
		}
	}
	return h
}

func startSkeleton(n int) uint64 { return (uint64(n) + 1) * hashSeed }

func stepSkeleton(h uint64, i int, mark uint64) uint64 {
	h = (h ^ mark) * 0xff51afd7ed558ccd
	h = (h ^ h>>32 ^ uint64(i)) * hashPrime
	return h ^ h>>29
}

// matchGeneral finds a template with open positions that fits the tokens; the earliest learnt wins.
func (m *Miner) matchGeneral(toks []token) (int32, bool) {
	if len(m.general) == 0 {
		return 0, false
	}
	for _, id := range m.general[skeleton(toks)] {
		if fits(m.shapes[id].pieces, toks) {
			return id, true
		}
	}
	return 0, false
}

func fits(pieces []piece, toks []token) bool {
	if len(pieces) != len(toks) {
		return false
	}
	for i := range pieces {
		p, t := &pieces[i], &toks[i]
		if p.wild {
			if t.kind == Punct {
				return false
			}
			continue
		}
		if p.kind.IsMask() != t.kind.IsMask() || p.hash != t.hash {
			return false
		}
	}
	return true
}

// consolidate makes room: shapes that one template covers become that template; if that frees too little, the rarest shapes
// are counted by their length alone.
func (m *Miner) consolidate() {
	g := m.generalise()
	for _, grp := range g.groups {
		m.absorb(grp)
	}
	if m.live > m.cfg.MaxShapes*3/4 {
		m.evict(m.cfg.MaxShapes / 2)
	}
	m.gen = nil
	clear(m.general)
	for id, s := range m.shapes {
		if s != nil && s.wild && !m.isSpill(int32(id)) {
			k := skeletonOf(s.pieces)
			m.general[k] = append(m.general[k], int32(id))
		}
	}
	m.reindex()
}

func (m *Miner) isSpill(id int32) bool {
	for _, s := range m.spill {
		if s == id {
			return true
		}
	}
	return false
}

func skeletonOf(pieces []piece) uint64 {
	h := startSkeleton(len(pieces))
	for i := range pieces {
		if pieces[i].kind == Punct {
			h = stepSkeleton(h, i, pieces[i].hash)
		}
	}
	return h
}

// absorb replaces the members of a group by one general shape under the id of the first.
func (m *Miner) absorb(grp *group) {
	byLength := map[int][]int32{}
	for _, id := range grp.members {
		n := len(m.shapes[id].pieces)
		byLength[n] = append(byLength[n], id)
	}
	for _, ids := range byLength {
		if len(ids) < 2 {
			continue
		}
		slices.Sort(ids)
		first := m.shapes[ids[0]]
		merged := &shape{pieces: slices.Clone(first.pieces), example: first.example, wild: true}
		for _, id := range ids {
			merged.count += m.shapes[id].count
			widen(merged.pieces, m.shapes[id].pieces)
			m.shapes[id] = nil
			m.alias[id] = ids[0]
			m.live--
		}
		m.shapes[ids[0]] = merged
		m.live++
	}
}

// widen opens the positions of p in which q differs.
func widen(p, q []piece) {
	for i := range p {
		a, b := &p[i], &q[i]
		switch {
		case a.kind.IsMask() && b.kind.IsMask():
			if a.kind != b.kind {
				a.kind = Any
			}
			a.wild = a.wild || b.wild
		case a.kind != b.kind || a.hash != b.hash:
			*a = piece{kind: Any, space: a.space, wild: true}
		}
	}
}

// evict counts the rarest shapes by their length until at most keep are left. The newest of equally rare ones go first.
func (m *Miner) evict(keep int) {
	var ids []int32
	for id, s := range m.shapes {
		if s != nil && !m.isSpill(int32(id)) {
			ids = append(ids, int32(id))
		}
	}
	slices.SortFunc(ids, func(a, b int32) int {
		if d := m.shapes[a].count - m.shapes[b].count; d != 0 {
			return int(max(-1, min(1, d)))
		}
		return int(b - a)
	})
	for _, id := range ids {
		if m.live <= keep {
			return
		}
		s := m.shapes[id]
		to := m.spilled(len(s.pieces), s.example)
		m.shapes[to].count += s.count
		m.shapes[id], m.alias[id] = nil, to
		m.live--
	}
}

// Merge learns what other has learnt, so that many goroutines can mine. The answer maps other's ids to m's: ids[i] is the id
// here of what other.Add returned as i. other stays as it is.
func (m *Miner) Merge(other *Miner) []int {
	ids := make([]int, len(other.shapes))
	for i, s := range other.shapes {
		if s == nil {
			continue
		}
		h := hashPieces(s.pieces)
		if s.wild {
			h = ^h
		}
		id, ok := m.index[h]
		if !ok {
			if m.live >= m.cfg.MaxShapes {
				m.consolidate()
			}
			c := *s
			c.count, c.pieces = 0, slices.Clone(s.pieces)
			id = m.remember(h, m.add(&c))
		}
		m.shapes[m.root(id)].count += s.count
		ids[i] = int(id)
	}
	for i := range ids {
		ids[i] = ids[other.root(int32(i))]
	}
	m.gen = nil
	return ids
}

func hashPieces(pieces []piece) uint64 {
	toks := make([]token, len(pieces))
	for i := range pieces {
		toks[i] = token{kind: pieces[i].kind, hash: pieces[i].hash}
	}
	return hashOf(toks)
}

// root follows the aliases of id.
func (m *Miner) root(id int32) int32 {
	for m.alias[id] != id {
		id = m.alias[id]
	}
	return id
}
