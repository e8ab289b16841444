package local

import (
	"context"
	"errors"
	"io/fs"
	"slices"
	"sync"

	"github.com/plumbline-mcp/plumbline/internal/engine"
	"github.com/plumbline-mcp/plumbline/internal/fault"
	"github.com/plumbline-mcp/plumbline/internal/ppl"
)

// source is one source: its files, and the snapshot of them that queries run on. It is the engine that Open returns.
type source struct {
	store   *Store
	spec    spec
	dialect ppl.Dialect

	busy mutex     // held while the files are looked at and read
	snap *snapshot // the newest; guarded by busy
}

var _ engine.Engine = (*source)(nil)

// mutex is a lock that can be waited for with a context.
type mutex struct {
	once sync.Once
	ch   chan struct{}
}

func (m *mutex) lock(ctx context.Context) error {
	m.once.Do(func() { m.ch = make(chan struct{}, 1) })
	select {
	case m.ch <- struct{}{}:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}

func (m *mutex) unlock() { <-m.ch }

// current returns a snapshot of the files as they are now, reading what is new. Give it back with release.
func (s *source) current(ctx context.Context) (*snapshot, error) {
	if err := s.busy.lock(ctx); err != nil {
		return nil, err
	}
	defer s.busy.unlock()
	files, notes, err := s.spec.list(ctx)
	if err != nil {
		return nil, err
	}
	if s.snap != nil && slices.EqualFunc(files, s.snap.files, found.same) {
		s.snap.refs.Add(1)
		return s.snap, nil
	}
	snap, err := s.read(ctx, files, notes)
	if errors.Is(err, fs.ErrNotExist) || errors.Is(err, errLost) { // something went away between looking and reading
		if files, notes, err = s.spec.list(ctx); err == nil {
			snap, err = s.read(ctx, files, notes)
		}
	}
	if err != nil {
		return nil, err
	}
	old := s.snap
	s.snap = snap
	if old != nil {
		old.release(ctx)
	}
	snap.refs.Add(1)
	return snap, nil
}

// close gives up the snapshot.
func (s *source) close(ctx context.Context) {
	ctx = context.WithoutCancel(ctx)
	_ = s.busy.lock(ctx) // cannot fail: this context is never done
	defer s.busy.unlock()
	if s.snap != nil {
		s.snap.release(ctx)
		s.snap = nil
	}
}

// piece is a segment of a snapshot: its description, and which of its rows count.
type piece struct {
	key      string
	manifest *manifest
	upTo     int64  // rows beyond this line are read again by the next piece; 0: all count
	name     string // of the one file, as this source shows it; "" for a pack, which is of this source alone
}

// label returns the name under which a file of the piece is shown.
func (p *piece) label(f *segmentFile) string {
	if p.name != "" {
		return p.name
	}
	return f.Name
}

// read brings all files into segments and returns the snapshot of them.
func (s *source) read(ctx context.Context, files []found, notes []string) (*snapshot, error) {
	if err := s.store.cache.make(); err != nil {
		return nil, err
	}
	if err := bounded(files); err != nil {
		return nil, err
	}
	work, err := s.plan(ctx, files)
	if err != nil {
		return nil, err
	}
	if err := s.store.ingest(ctx, work); err != nil {
		return nil, err
	}
	var pieces []piece
	for _, w := range work {
		pieces = append(pieces, w.pieces()...)
	}
	snap, err := s.store.snapshot(ctx, files, pieces, work, notes)
	if snap != nil {
		snap.dialect = s.dialect
	}
	if err != nil {
		return nil, err
	}
	if _, err := s.store.CachePrune(0); err != nil { // now that what is needed is in use
		s.store.log.Warn("cache not pruned", errAttr(err))
	}
	return snap, nil
}

// maxWeight bounds what one source may hold, as text: an hour of reading, and what the default cache holds compressed.
const maxWeight = 64 << 30

func bounded(files []found) error {
	var total int64
	for _, f := range files {
		total += f.weight()
	}
	if total > maxWeight {
		return fault.WithHint(fault.New(fault.TooLarge, "read source: about %d GB of text, the limit is %d", total>>30, int64(maxWeight)>>30),
			"Name a directory below, or a pattern for the files of the time in question.")
	}
	return nil
}

// job is a pack or a single file on its way to segments.
type job struct {
	name     string // of its first file, for the order
	part     *part  // to be read, nil if all is there
	manifest *manifest
	file     *partFile // a single file; nil for a pack
	have     []trailPart
	loaded   map[string]*manifest // of have
	parquet  bool
	err      error // why the file cannot be read
	found    found
}

// plan decides what to read.
func (s *source) plan(ctx context.Context, files []found) ([]*job, error) {
	var list []partFile
	var jobs []*job
	for _, f := range files {
		if err := ctx.Err(); err != nil {
			return nil, err
		}
		if f.aux {
			continue
		}
		pf := partFile{found: f, walked: s.spec.kind == specDir}
		var err error
		if pf.id, pf.magic, err = f.identity(); err == nil {
			err = pf.describe(files)
		}
		if err != nil {
			jobs = append(jobs, &job{name: f.name, err: err, found: f})
			continue
		}
		list = append(list, pf)
	}
	packed, alone := packs(list, s.store.cfg.Now())
	for _, p := range packed {
		jobs = append(jobs, &job{name: p.files[0].name, part: p})
	}
	for i := range alone {
		f := &alone[i]
		j := &job{name: f.name, file: f, parquet: f.magic, found: f.found}
		if !f.magic {
			j.loaded = map[string]*manifest{}
			have, next, err := f.follow(s.store.cache.readTrail(f.path), func(key string) *manifest {
				m := s.store.cache.load(key)
				j.loaded[key] = m
				return m
			})
			if err != nil {
				j.err = err
			}
			j.have, j.part = have, next
		}
		jobs = append(jobs, j)
	}
	slices.SortStableFunc(jobs, func(a, b *job) int {
		if a.name < b.name {
			return -1
		}
		return 1
	})
	return jobs, nil
}

// describe makes the mapping beside the file part of its identity.
func (f *partFile) describe(files []found) error {
	i := slices.IndexFunc(files, func(o found) bool { return o.aux && o.path == stem(f.path)+mappingSuffix })
	if i < 0 {
		return nil
	}
	var err error
	if f.about, _, err = files[i].identity(); err != nil {
		return err
	}
	f.id = digest(f.id, f.about)
	return nil
}

// pieces returns the segments that a finished job stands for.
func (j *job) pieces() []piece {
	var out []piece
	for i, h := range j.have {
		p := piece{key: h.Key, manifest: j.loaded[h.Key], name: j.file.name}
		if i < len(j.have)-1 || j.part != nil {
			p.upTo = h.Line
		}
		out = append(out, p)
	}
	if j.part != nil && j.manifest != nil {
		p := piece{key: j.part.key, manifest: j.manifest}
		if j.file != nil {
			p.name = j.file.name
		}
		out = append(out, p)
	}
	return out
}

// ingest reads the parts that are not in the cache, the largest first, with as many workers as there are threads.
func (s *Store) ingest(ctx context.Context, jobs []*job) error {
	var todo []*job
	for _, j := range jobs {
		if j.part == nil || j.err != nil {
			continue
		}
		if j.manifest = s.cache.load(j.part.key); j.manifest == nil {
			todo = append(todo, j)
		} else if j.file != nil {
			if err := s.remember(j); err != nil {
				return err
			}
		}
	}
	if len(todo) == 0 {
		return nil
	}
	slices.SortStableFunc(todo, func(a, b *job) int { return int(b.part.weight() - a.part.weight()) })
	g, err := s.newIngester(ctx)
	if err != nil {
		return err
	}
	return errors.Join(s.work(ctx, g, todo), g.close())
}

func (p *part) weight() int64 {
	var n int64
	for _, f := range p.files {
		n += f.weight()
	}
	return n
}

// work runs the jobs; the first error ends all.
func (s *Store) work(ctx context.Context, g *ingester, todo []*job) error {
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	queue := make(chan *job, len(todo))
	for _, j := range todo {
		queue <- j
	}
	close(queue)
	var wg sync.WaitGroup
	for range min(s.cfg.Threads, len(todo)) {
		wg.Go(func() {
			for j := range queue {
				if ctx.Err() != nil {
					return
				}
				if err := s.run(ctx, g, j); err != nil {
					cancel(err)
				}
			}
		})
	}
	wg.Wait()
	if ctx.Err() != nil {
		return context.Cause(ctx)
	}
	return nil
}

// run reads one part. A file that cannot be read is noted, not fatal: the others go on.
func (s *Store) run(ctx context.Context, g *ingester, j *job) error {
	m, err := g.write(ctx, j.part)
	if err != nil {
		var pathErr *fs.PathError
		if ctx.Err() == nil && errors.As(err, &pathErr) && fault.CodeOf(err) == fault.Internal && j.file != nil {
			j.err, j.part = err, nil
			return nil
		}
		return err
	}
	j.manifest = m
	if j.file == nil {
		return nil
	}
	return s.remember(j)
}

// remember writes the trail of a single file.
func (s *Store) remember(j *job) error {
	t, err := j.file.extended(j.have, j.part, j.manifest)
	if err != nil {
		j.err, j.part = err, nil
		return nil //nolint:nilerr // the file vanished while it was read; the snapshot says so
	}
	return s.cache.writeTrail(j.file.path, t)
}
