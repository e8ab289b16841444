package hbase

import (
	"cmp"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"path"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/plumbline-mcp/plumbline/internal/fault"
)

// ReadOptions bound a reading.
type ReadOptions struct {
	NoLogs  bool // leave the logs out
	Workers int  // files read at a time; 0 is defaultWorkers
}

// defaultWorkers reads hbase:meta and the listing side by side; more would only compete for the disk.
const defaultWorkers = 2

// reader reads the artefacts of a bundle.
type reader struct {
	b     Bundle
	s     *Snapshot
	files map[string][]BundleFile // by artefact
	wals  []*WALDir               // of hbase.wal.dir's own listing
	mu    sync.Mutex
	work  []func(context.Context) error
}

// Read reads a bundle. Only a bundle that cannot be read at all is an error: what is missing or cut is in the artefacts'
// verdicts.
func Read(ctx context.Context, b Bundle, opt ReadOptions) (*Snapshot, error) {
	files, err := b.Files(ctx)
	if err != nil {
		return nil, fmt.Errorf("read bundle %s: %w", b.Name(), err)
	}
	r := &reader{b: b, s: &Snapshot{Source: b.Name(), bundle: b, Known: map[string]KnownRegion{}}}
	if r.files, err = sortFiles(b.Name(), files, opt); err != nil {
		return nil, err
	}
	if err := r.manifest(ctx); err != nil {
		return nil, err
	}
	r.plan(opt)
	if err := r.all(ctx, opt.Workers); err != nil {
		return nil, fmt.Errorf("read bundle %s: %w", b.Name(), err)
	}
	r.finish()
	return r.s, nil
}

// artefactNames lists the artefacts in the order in which they are shown.
func artefactNames() []string {
	return []string{ArtefactMeta, ArtefactPaths, ArtefactWALs, ArtefactHbck, ArtefactPage, ArtefactProcesses, ArtefactManifest, ArtefactLogs}
}

// artefactOf tells what a file is by its name.
func artefactOf(p string) string {
	base := strings.TrimSuffix(strings.ToLower(path.Base(p)), ".gz")
	switch {
	case base == "manifest.json":
		return ArtefactManifest
	case strings.HasPrefix(base, "hbase_meta") && strings.HasSuffix(base, ".txt"):
		return ArtefactMeta
	case strings.HasPrefix(base, "hbase_rootdir_paths"), base == "hbase_paths.txt":
		return ArtefactPaths
	case strings.HasPrefix(base, "hbase_wal_paths"):
		return ArtefactWALs
	case strings.HasPrefix(base, "hbck_report") && strings.HasSuffix(base, ".txt"):
		return ArtefactHbck
	case strings.HasPrefix(base, "hbck") && (strings.HasSuffix(base, ".html") || strings.HasSuffix(base, ".json")):
		return ArtefactPage
	case strings.HasPrefix(base, "hbase_processes"):
		return ArtefactProcesses
	case isLog(p):
		return ArtefactLogs
	}
	return ""
}

// sortFiles files the bundle's files by artefact. A tree of several bundles is refused: their parts must not be mixed.
func sortFiles(name string, files []BundleFile, opt ReadOptions) (map[string][]BundleFile, error) {
	out := map[string][]BundleFile{}
	var roots []string
	for _, f := range files {
		a := artefactOf(f.Path)
		if a == "" || a == ArtefactLogs && opt.NoLogs {
			continue
		}
		out[a] = append(out[a], f)
		if a == ArtefactMeta || a == ArtefactPaths {
			if d := path.Dir(f.Path); !slices.Contains(roots, d) {
				roots = append(roots, d)
			}
		}
	}
	slices.Sort(roots)
	if len(roots) > 1 {
		return nil, fault.WithHint(fault.New(fault.InvalidArgument, "read bundle %s: it holds %d bundles", name, len(roots)),
			"Name one of them: %s.", strings.Join(roots[:min(len(roots), maxNamed)], ", "))
	}
	if len(out) == 0 {
		return nil, fault.WithHint(fault.New(fault.InvalidArgument, "read bundle %s: nothing in it is of a bundle", name),
			"A bundle has diagnostics/hbase_meta.txt, diagnostics/hbase_rootdir_paths.txt and logs; plumbline hbase collect makes one.")
	}
	for _, list := range out {
		slices.SortFunc(list, func(x, y BundleFile) int {
			return cmp.Or(cmp.Compare(len(x.Path), len(y.Path)), strings.Compare(x.Path, y.Path))
		})
	}
	return out, nil
}

// maxManifest bounds the manifest: a line for each log of a large cluster.
const maxManifest = 64 << 20

func (r *reader) manifest(ctx context.Context) error {
	a := Artefact{Name: ArtefactManifest, Verdict: Absent, Why: "not in the bundle"}
	if list := r.files[ArtefactManifest]; len(list) > 0 {
		a.Files = []string{list[0].Path}
		m, n, err := r.readManifest(ctx, list[0].Path)
		if err != nil {
			a.Verdict, a.Why = Partial, "broken: "+err.Error()
		} else {
			a.Verdict, a.Why, a.Bytes = Complete, "", n
			r.s.Manifest, r.s.Version, r.s.RootDir, r.s.CollectedAt = m, m.HBaseVersion, m.RootDir, m.CollectedAt.UTC()
		}
	}
	r.s.Artefacts = append(r.s.Artefacts, a)
	return ctx.Err()
}

func (r *reader) readManifest(ctx context.Context, name string) (*Manifest, int64, error) {
	in, err := r.b.Open(ctx, name)
	if err != nil {
		return nil, 0, err
	}
	raw, err := io.ReadAll(io.LimitReader(in, maxManifest))
	m := &Manifest{}
	if err = closed(in, err); err == nil {
		err = json.Unmarshal(raw, m)
	}
	return m, int64(len(raw)), err
}

// plan lists what is to be read.
func (r *reader) plan(opt ReadOptions) {
	r.one(ArtefactMeta, func(ctx context.Context, a *Artefact) error {
		m, version, err := readMeta(ctx, r.lines(ctx, a), a)
		if m != nil {
			r.s.Meta = *m
		}
		r.mu.Lock()
		defer r.mu.Unlock()
		if version != "" {
			r.s.Version = cmp.Or(r.s.Version, version)
		}
		return err
	})
	r.one(ArtefactPaths, func(ctx context.Context, a *Artefact) error {
		l, err := readListing(ctx, r.lines(ctx, a), a, r.s.RootDir)
		if l != nil {
			r.s.Listing = *l
		}
		return err
	})
	r.one(ArtefactWALs, r.walListing)
	r.one(ArtefactHbck, func(ctx context.Context, a *Artefact) (err error) {
		l, c, err := openLines(ctx, r.b, a.Files[0])
		if err != nil {
			return err
		}
		h, err := readHbck(ctx, l, a)
		if a.Verdict != Absent {
			r.s.Hbck = h
		}
		return closed(c, err)
	})
	r.one(ArtefactPage, func(ctx context.Context, a *Artefact) (err error) {
		in, err := r.b.Open(ctx, a.Files[0])
		if err != nil {
			return err
		}
		p, err := readPage(in, a)
		if p != nil {
			r.s.Page = p
		}
		return closed(in, err)
	})
	r.one(ArtefactProcesses, r.processes)
	if !opt.NoLogs {
		r.logs()
	}
}

func (r *reader) lines(ctx context.Context, a *Artefact) func() (*lineReader, io.Closer, error) {
	return func() (*lineReader, io.Closer, error) { return openLines(ctx, r.b, a.Files[0]) }
}

// one plans the reading of an artefact of one file. A failure to read it makes it absent: the others still count.
func (r *reader) one(name string, read func(context.Context, *Artefact) error) {
	a := Artefact{Name: name, Verdict: Absent, Why: "not in the bundle"}
	files := r.files[name]
	if len(files) == 0 {
		r.s.Artefacts = append(r.s.Artefacts, a)
		return
	}
	r.work = append(r.work, func(ctx context.Context) error {
		a.Files, a.Why = []string{files[0].Path}, ""
		err := read(ctx, &a)
		switch {
		case ctx.Err() != nil:
			return ctx.Err()
		case err != nil:
			a.Verdict, a.Why = Absent, err.Error()
		case a.Verdict == Complete && files[0].Size == 0:
			a.Verdict, a.Why = Absent, "the file is empty"
		}
		r.collected(&a, files[0])
		r.mu.Lock()
		defer r.mu.Unlock()
		r.s.Artefacts = append(r.s.Artefacts, a)
		return nil
	})
}

// collected compares a file with what the collector wrote of it.
func (r *reader) collected(a *Artefact, f BundleFile) {
	if r.s.Manifest == nil || a.Verdict != Complete {
		return
	}
	for _, m := range r.s.Manifest.Files {
		if strings.HasSuffix("/"+f.Path, "/"+m.Path) && f.Size < m.Bytes {
			a.Verdict, a.Why = Partial, fmt.Sprintf("the file has %d of the %d bytes that were collected", f.Size, m.Bytes)
		}
	}
	for _, c := range r.s.Manifest.Commands {
		if !strings.HasSuffix("/"+f.Path, "/"+c.File) || c.File == "" || c.Complete {
			continue
		}
		if c.TimedOut || c.Problem != "" {
			a.Verdict, a.Why = Partial, "the collector says: "+cmp.Or(c.Problem, "timed out")
		}
	}
}

// all runs the planned work. The big files come first.
func (r *reader) all(ctx context.Context, workers int) error {
	if workers <= 0 {
		workers = defaultWorkers
	}
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	todo := make(chan func(context.Context) error)
	failed := make(chan error, workers)
	var wg sync.WaitGroup
	for range workers {
		wg.Go(func() {
			for f := range todo {
				if err := f(ctx); err != nil {
					cancel()
					select {
					case failed <- err:
					default:
					}
				}
			}
		})
	}
	for _, f := range r.work {
		todo <- f
	}
	close(todo)
	wg.Wait()
	select {
	case err := <-failed:
		return err
	default:
		return ctx.Err()
	}
}

// logs plans the reading of the logs.
func (r *reader) logs() {
	files := r.files[ArtefactLogs]
	if len(files) == 0 {
		r.s.Artefacts = append(r.s.Artefacts, Artefact{Name: ArtefactLogs, Verdict: Absent, Why: "not in the bundle"})
		return
	}
	scans := make([]*logScan, len(files))
	var left sync.WaitGroup
	left.Add(len(files))
	for i, f := range files {
		scans[i] = newLogScan(logFileOf(f.Path))
		r.work = append(r.work, func(ctx context.Context) error {
			defer left.Done()
			l, c, err := openLines(ctx, r.b, f.Path)
			if err == nil {
				err = closed(c, scans[i].read(ctx, l))
			}
			if err != nil {
				scans[i].file.Damage = err.Error()
			}
			return ctx.Err()
		})
	}
	r.work = append(r.work, func(ctx context.Context) error {
		left.Wait() // the others are all taken: the queue is in order
		r.gathered(scans)
		return ctx.Err()
	})
}

func (r *reader) gathered(scans []*logScan) {
	a := Artefact{Name: ArtefactLogs, Verdict: Complete}
	r.s.Known = r.s.Logs.gather(scans)
	for _, f := range r.s.Logs.Files {
		a.Files = append(a.Files, f.Path)
		a.Lines += f.Lines
		a.Bytes += f.Bytes
		if f.Damage != "" {
			a.Verdict, a.Why = Partial, f.Path+": "+f.Damage
		}
	}
	switch {
	case a.Lines == 0:
		a.Verdict, a.Why = Absent, cmp.Or(a.Why, "the logs have no lines")
	case r.s.Logs.Dropped > 0:
		a.Verdict, a.Why = Partial, fmt.Sprintf("%d events of the logs were beyond the limit", r.s.Logs.Dropped)
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	r.s.Artefacts = append(r.s.Artefacts, a)
}

var processLine = regexp.MustCompile(`-Dproc_(\w+)`)

var (
	processHost  = regexp.MustCompile(`-Dhbase\.(?:regionserver|master)\.hostname=([\w.\-]+)|hbase-[^-\s]+-(?:master|regionserver)-([\w.\-]+?)\.log`)
	processPort  = regexp.MustCompile(`-Dhbase\.regionserver\.port=(\d+)`)
	processStart = regexp.MustCompile(`(?:Mon|Tue|Wed|Thu|Fri|Sat|Sun) \w{3} +\d+ \d\d:\d\d:\d\d \d{4}`)
)

func (r *reader) processes(ctx context.Context, a *Artefact) error {
	l, c, err := openLines(ctx, r.b, a.Files[0])
	if err != nil {
		return err
	}
	for {
		b, ok := l.next()
		if !ok {
			break
		}
		m := processLine.FindSubmatch(b)
		if m == nil {
			continue
		}
		p := Process{Role: string(m[1]), At: l.at}
		if h := processHost.FindSubmatch(b); h != nil {
			p.Host = cmp.Or(string(h[1]), string(h[2]))
		}
		if n := processPort.FindSubmatch(b); n != nil {
			p.Port, _ = strconv.Atoi(string(n[1]))
		}
		if t, err := time.Parse("Mon Jan 2 15:04:05 2006", strings.Join(strings.Fields(string(processStart.Find(b))), " ")); err == nil {
			p.Started = t
		}
		r.s.Processes = append(r.s.Processes, p)
	}
	a.Lines, a.Bytes, a.Verdict, a.Why = int64(l.line), l.offset, Complete, ""
	return closed(c, l.failure())
}

// finish fills in what follows from several artefacts.
func (r *reader) finish() {
	s := r.s
	order := artefactNames()
	slices.SortStableFunc(s.Artefacts, func(x, y Artefact) int {
		return cmp.Compare(slices.Index(order, x.Name), slices.Index(order, y.Name))
	})
	s.Listing.WALs = append(s.Listing.WALs, r.wals...)
	if s.Hbck != nil {
		s.Version = cmp.Or(s.Version, s.Hbck.Version)
	}
	switch {
	case strings.HasPrefix(s.RootDir, "s3"):
		s.Storage = S3
	case strings.HasPrefix(s.RootDir, "hdfs"), s.Listing.DirEntries:
		s.Storage = HDFS
	case len(s.Listing.Folders) > 0:
		s.Storage = S3
	}
	if s.RootDir == "" && s.Listing.Root != "" {
		s.RootDir = s.Listing.Root
	}
}

// walListing reads hbase.wal.dir's own listing into the WAL directories.
func (r *reader) walListing(ctx context.Context, a *Artefact) error {
	l, c, err := openLines(ctx, r.b, a.Files[0])
	if err != nil {
		return err
	}
	p := newListingParser(a.Files[0])
	for {
		b, ok := l.next()
		if !ok {
			break
		}
		line, _, is := parseLs(b)
		if !is {
			p.problem(b, l.at)
			continue
		}
		p.lines++
		if full := string(plainPath(line.path)); strings.Contains(full, "/WALs/") {
			_, rest, _ := strings.Cut(full, "/WALs/")
			p.wal([]byte(rest), &line, l.at)
		}
	}
	p.verdict(a)
	r.mu.Lock()
	defer r.mu.Unlock()
	r.wals = p.list.WALs
	a.Lines, a.Bytes = int64(l.line), l.offset
	return closed(c, l.failure())
}
