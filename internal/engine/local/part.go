package local

import (
	"encoding/json"
	"fmt"
	"hash/fnv"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/plumbline-mcp/plumbline/internal/engine"
	"github.com/plumbline-mcp/plumbline/internal/record"
)

// part is what becomes one segment: several small files, one large file, or the tail of a file that grew.
type part struct {
	key   string
	files []partFile
	from  int64 // offset in the file of a trail's part, 0 for its head and for packs
}

// partFile is a file to read into a segment.
type partFile struct {
	found
	id     string
	about  string // identity of the mapping beside it
	magic  bool   // starts as Parquet does
	walked bool   // found by walking a directory, not named
	offset int64
	line   int64
	format record.Format
}

const (
	// packBelow is the weight up to which files share a segment: attaching one costs about a millisecond and a file handle.
	packBelow = 4 << 20
	// packWeight and packFiles bound a pack: a change of one of its files reads all of them again.
	packWeight = 32 << 20
	packFiles  = 256
	// packMarks ends a pack after about every n-th file by its name alone, so that a new file changes one pack, not all behind it.
	packMarks = 64
	// maxAlone is about how many large files get a segment of their own.
	maxAlone = 64
	// settled is how long a plain file must not have changed to be packed; a younger one may be growing and is followed alone.
	settled = 2 * time.Minute
	// inflation is what compressed text usually grows by.
	inflation = 10
)

// weight guesses how many bytes reading a file means.
func (f found) weight() int64 {
	if compressedName(f.name) {
		return f.size * inflation
	}
	return f.size
}

func compressedName(name string) bool {
	switch strings.ToLower(filepath.Ext(name)) {
	case ".gz", ".gzip", ".zst", ".zstd":
		return true
	}
	return false
}

// packs groups small files by their order; the rest is returned as it is.
func packs(files []partFile, now time.Time) (packed []*part, alone []partFile) {
	below, full := packSizes(files)
	var p *part
	var weight int64
	end := func() {
		if p != nil {
			p.key = p.packKey()
			packed = append(packed, p)
		}
		p, weight = nil, 0
	}
	for _, f := range files {
		growing := !compressedName(f.name) && now.Sub(f.mtime) < settled
		if f.magic || growing || f.weight() > below {
			alone = append(alone, f)
			continue
		}
		if p == nil {
			p = &part{}
		}
		p.files = append(p.files, f)
		weight += f.weight()
		if weight >= full || len(p.files) >= packFiles || marksEnd(f.name) {
			end()
		}
	}
	end()
	return packed, alone
}

// packSizes returns up to which weight files are packed and how heavy packs get: larger for sources of very many files, whose views
// would otherwise unite hundreds of segments. Powers of two, so that a new file seldom changes them.
func packSizes(files []partFile) (below, full int64) {
	var weights []int64
	var total int64
	for _, f := range files {
		weights = append(weights, f.weight())
		total += f.weight()
	}
	slices.Sort(weights)
	below, full = packBelow, packWeight
	if n := len(weights) - maxAlone; n > 0 {
		for below < weights[n-1] {
			below *= 2
		}
	}
	for full < total/maxAlone {
		full *= 2
	}
	return below, full
}

func marksEnd(name string) bool {
	h := fnv.New32a()
	_, _ = h.Write([]byte(name)) // a hash never fails
	return h.Sum32()%packMarks == 0
}

func (p *part) packKey() string {
	ids := []string{"pack"}
	for _, f := range p.files {
		ids = append(ids, f.id, f.name)
	}
	return digest(ids...)
}

// trail says how a single file was read: in one segment, or, if it grew, in one for each stretch of it. It lies in the cache under
// the file's path, so that a later process reads only what is new.
type trail struct {
	Size  int64       `json:"size"`
	MTime time.Time   `json:"mtime"`
	Head  string      `json:"head"` // digests of the ends when it had that size
	Tail  string      `json:"tail"`
	About string      `json:"about,omitempty"` // identity of the mapping beside the file
	Parts []trailPart `json:"parts"`
}

type trailPart struct {
	Key  string `json:"key"`
	From int64  `json:"from"` // offset of its first byte
	To   int64  `json:"to"`   // offset after its last complete entry, where the next part begins
	Line int64  `json:"line"` // lines before To
}

func (c *cache) trailPath(path string) string {
	return filepath.Join(c.trails(), digest("trail", path)+manifestExt)
}

func (c *cache) readTrail(path string) *trail {
	data, err := os.ReadFile(c.trailPath(path))
	if err != nil {
		return nil
	}
	t := &trail{}
	if json.Unmarshal(data, t) != nil {
		return nil
	}
	return t
}

func (c *cache) writeTrail(path string, t *trail) error {
	data, err := json.Marshal(t)
	if err != nil {
		return fmt.Errorf("write trail: %w", err)
	}
	return c.writeFile(c.trailPath(path), data)
}

// follow decides how to read a single file: which parts are there and which part is to be read now, nil if none.
//
// A tail is read together with the part before it when it is at least half as long: parts shrink geometrically, so a file that
// grows to n bytes in small steps is held in O(log n) parts and no byte is read more than O(log n) times.
func (f *partFile) follow(t *trail, load func(key string) *manifest) (have []trailPart, next *part, err error) {
	fresh := &part{key: digest("file", f.id), files: []partFile{*f}}
	if t == nil || len(t.Parts) == 0 || f.size < t.Size || f.about != t.About {
		return nil, fresh, nil
	}
	head, tail, err := f.ends(t.Size)
	if err != nil {
		return nil, nil, err
	}
	if head != t.Head || tail != t.Tail || (f.size == t.Size && !f.mtime.Equal(t.MTime)) {
		return nil, fresh, nil
	}
	var last *manifest
	for _, p := range t.Parts {
		if last = load(p.Key); last == nil {
			return nil, fresh, nil
		}
	}
	have = slices.Clone(t.Parts)
	if f.size == t.Size {
		return have, nil, nil
	}
	if !last.resumable() {
		return nil, fresh, nil
	}
	at := have[len(have)-1]
	from, line := at.To, at.Line
	for len(have) > 0 && from-have[len(have)-1].From < 2*(f.size-from) {
		from, line = have[len(have)-1].From, 0
		have = have[:len(have)-1]
		if len(have) > 0 {
			line = have[len(have)-1].Line
		}
	}
	if from == 0 {
		return nil, fresh, nil
	}
	g := *f
	g.offset, g.line, g.format = from, line, last.Files[0].Report.Format
	return have, &part{key: digest("tail", f.id, strconv.FormatInt(from, 10)), files: []partFile{g}, from: from}, nil
}

// resumable reports whether a file can be read on from where this segment ends.
func (m *manifest) resumable() bool {
	if len(m.Files) != 1 || m.Files[0].Error != "" {
		return false
	}
	for _, t := range m.Tables {
		if t.Kind == engine.Generic {
			return false // its columns are typed by all documents together
		}
	}
	r := m.Files[0].Report
	return r.Encoding == "" && r.EndOffset > 0 && r.Format != record.FormatUnknown && r.Format != record.FormatEmpty && r.Format != record.FormatBinary
}

// extended returns the trail after the part was read.
func (f *partFile) extended(have []trailPart, p *part, m *manifest) (*trail, error) {
	head, tail, err := f.ends(f.size)
	if err != nil {
		return nil, err
	}
	r := m.Files[0].Report
	return &trail{Size: f.size, MTime: f.mtime, Head: head, Tail: tail, About: f.about, Parts: append(slices.Clip(have),
		trailPart{Key: p.key, From: p.from, To: r.EndOffset, Line: r.EndLine})}, nil
}
