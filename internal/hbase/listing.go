package hbase

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"net/url"
	"path"
	"slices"
	"strings"
)

// listingParser reads a recursive listing of the root directory, of hdfs dfs -ls -R or aws s3 ls --recursive.
//
// Folders are known by their place, ROOT/data/<namespace>/<table>/<encoded>, whatever the root is called. S3 has no
// directories: EMRFS writes objects <dir>_$folder$, S3A objects ending in a slash; both count as a line of a directory.
type listingParser struct {
	list    *Listing
	root    []byte // with a slash at the end
	names   map[string]string
	block   []Folder
	folder  *Folder // of the line before
	prefix  []byte  // path of folder, with a slash at the end
	table   *TableDir
	tprefix []byte

	wals    map[string]*WALDir
	before  bool // lines that sort before data/ in a whole listing
	after   bool // lines that sort behind data/
	errors  []string
	errorAt At
	lines   int64
	s3      bool
	hdfs    bool
	torn    bool
}

// lsLine is one line of a listing.
type lsLine struct {
	path     []byte
	size     int64
	modified []byte
	dir      bool
}

// maxProblems bounds the error lines that are remembered.
const maxProblems = 8

func newListingParser(file string) *listingParser {
	return &listingParser{
		list:  &Listing{File: file, TableDirs: map[string]*TableDir{}, Archived: map[string]*Folder{}, byName: map[string]*Folder{}},
		names: map[string]string{}, wals: map[string]*WALDir{},
	}
}

// parseLs reads a line of either listing.
func parseLs(b []byte) (l lsLine, s3, ok bool) {
	if len(b) < 20 {
		return l, false, false
	}
	switch b[0] {
	case 'd', '-', 'l':
		return parseHDFS(b)
	case '1', '2':
		return parseS3(b)
	}
	return l, false, false
}

// parseHDFS reads: permissions, replication, owner, group, size, date, time, path. The path may hold spaces.
func parseHDFS(b []byte) (l lsLine, s3, ok bool) {
	i := bytes.IndexByte(b, ' ')
	if i < 10 || i > 12 {
		return l, false, false
	}
	var date int
	for field := 1; field < 8; field++ {
		for i < len(b) && b[i] == ' ' {
			i++
		}
		if field == 7 {
			break
		}
		j := bytes.IndexByte(b[i:], ' ')
		if j < 0 {
			return l, false, false
		}
		switch field {
		case 4:
			l.size = number(b[i : i+j])
		case 5:
			date = i
		case 6:
			l.modified = b[date : i+j]
			i += j + 1 // one space: the rest is the path
			l.path, l.dir = b[i:], b[0] == 'd'
			return l, false, len(l.path) > 0 && len(l.modified) >= 16 && l.modified[4] == '-'
		}
		i += j
	}
	return l, false, false
}

// parseS3 reads: date, time, size, key. The key may hold spaces.
func parseS3(b []byte) (l lsLine, s3, ok bool) {
	if b[4] != '-' || b[10] != ' ' || b[13] != ':' || b[19] != ' ' {
		return l, false, false
	}
	l.modified = b[:19]
	i := 19
	for i < len(b) && b[i] == ' ' {
		i++
	}
	j := bytes.IndexByte(b[i:], ' ')
	if j <= 0 {
		return l, false, false
	}
	l.size = number(b[i : i+j])
	l.path = b[i+j+1:]
	if p, is := bytes.CutSuffix(l.path, []byte("_$folder$")); is {
		l.path, l.dir = p, true
	} else if p, is := bytes.CutSuffix(l.path, []byte("/")); is {
		l.path, l.dir = p, true
	}
	return l, true, len(l.path) > 0
}

// plainPath takes scheme and host off a path that a listing of another file system shows: s3://bucket/x, hdfs://nn/x.
func plainPath(p []byte) []byte {
	if i := bytes.Index(p, []byte("://")); i > 0 && i < 12 {
		if j := bytes.IndexByte(p[i+3:], '/'); j >= 0 {
			return p[i+3+j:]
		}
	}
	return p
}

// rootOf finds the root directory in a path that leads into a region's or a table's folder: what stands before /data/.
func rootOf(p []byte) (root []byte, ok bool) {
	for from := 0; ; {
		i := bytes.Index(p[from:], []byte("data/"))
		if i < 0 {
			return nil, false
		}
		i += from
		from = i + 1
		if i > 0 && p[i-1] != '/' {
			continue
		}
		parts := bytes.SplitN(p[i+len("data/"):], []byte("/"), 4)
		if len(parts) < 3 || !isEncodedBytes(parts[2]) && string(parts[2]) != MetaEncoded && string(parts[2]) != ".tabledesc" {
			continue
		}
		root = bytes.TrimSuffix(p[:i], []byte("/"))
		for _, inner := range []string{"MasterData", "archive", "mobdir", ".tmp"} {
			if string(root) == inner {
				return nil, true
			}
			root = bytes.TrimSuffix(root, []byte("/"+inner))
		}
		return root, true
	}
}

// findRoot reads a listing up to the first path that shows where the root is.
//
// The second result is the root with the slash that paths below it have: "/" or "" for an empty one.
func findRoot(ctx context.Context, l *lineReader) (root, prefix string, err error) {
	slash, likely := "", ""
	for {
		b, more := l.next()
		if !more {
			if likely != "" {
				return likely, likely + "/", l.failure()
			}
			return "", slash, l.failure()
		}
		if l.line%checkLines == 0 && ctx.Err() != nil {
			return "", "", ctx.Err()
		}
		line, _, is := parseLs(b)
		if !is {
			continue
		}
		full := plainPath(line.path)
		if full[0] == '/' {
			slash = "/"
		}
		if likely == "" {
			likely = likelyRoot(full)
		}
		if r, is := rootOf(full); is && len(r) > 0 {
			return string(r), string(r) + "/", nil
		} else if is {
			return "", slash, nil
		}
	}
}

// likelyRoot guesses the root from what stands directly below every one: for listings without a region.
func likelyRoot(p []byte) string {
	for _, name := range []string{"/hbase.id", "/hbase.version", "/MasterData", "/oldWALs", "/data/default", "/data/hbase"} {
		if root, ok := bytes.CutSuffix(p, []byte(name)); ok {
			return string(root)
		}
	}
	if i := bytes.Index(p, []byte("/data/default/")); i > 0 {
		return string(p[:i])
	}
	return ""
}

// rootPath is the path of an hbase.rootdir as listings show it.
func rootPath(rootDir string) string {
	u, err := url.Parse(rootDir)
	if err != nil {
		return ""
	}
	p := strings.TrimRight(u.Path, "/")
	if strings.HasPrefix(u.Scheme, "s3") {
		p = strings.TrimLeft(p, "/")
	}
	return p
}

func (p *listingParser) read(ctx context.Context, l *lineReader) error {
	for {
		b, ok := l.next()
		if !ok {
			break
		}
		if l.line%checkLines == 0 && ctx.Err() != nil {
			return ctx.Err()
		}
		line, s3, is := parseLs(b)
		if !is {
			p.problem(b, l.at)
			continue
		}
		p.lines++
		if s3 {
			p.s3 = true
		} else {
			p.hdfs = true
		}
		if !l.ended && !p.after {
			p.torn = true // the path may be cut: it says nothing
			break
		}
		p.path(plainPath(line.path), &line, l.at)
	}
	p.torn = p.torn || l.cut > 0
	return l.failure()
}

// problem remembers lines that tell of a failure. Others (Found 3 items, log lines) are left out.
func (p *listingParser) problem(b []byte, at At) {
	if !bytes.HasPrefix(b, []byte("ls: ")) && !bytes.Contains(b, []byte("Exception")) && !bytes.Contains(b, []byte("error occurred")) &&
		!bytes.Contains(b, []byte("No such file or directory")) && !bytes.Contains(b, []byte("Permission denied")) {
		return
	}
	if len(p.errors) == 0 {
		p.errorAt = at
	}
	if len(p.errors) < maxProblems {
		p.errors = append(p.errors, bounded(b, 300))
	}
}

// path files one line.
func (p *listingParser) path(full []byte, l *lsLine, at At) {
	if p.folder != nil && bytes.HasPrefix(full, p.prefix) {
		p.inFolder(p.folder, full[len(p.prefix):], l, at)
		return
	}
	if p.table != nil && bytes.HasPrefix(full, p.tprefix) {
		p.inTable(full, full[len(p.tprefix):], l, at)
		return
	}
	rel, ok := bytes.CutPrefix(full, p.root)
	if !ok {
		return
	}
	top, rest, below := bytes.Cut(rel, []byte("/"))
	switch string(top) {
	case "data":
		if below {
			p.data(full, rest, l, at)
		}
		return
	case "MasterData":
		p.list.MasterData = true
		return // sorts before data/ too, but stands in listings of data alone as well
	case "archive":
		p.archive(full, rest, l, at)
	case "WALs":
		p.wal(rest, l, at)
	case "corrupt", ".hbck":
		if below && !l.dir && len(p.list.Quarantine) < maxOthers {
			p.list.Quarantine = append(p.list.Quarantine, string(full))
		}
	case "hbase.version":
		p.list.Version, p.after = true, true
	case "hbase.id":
		p.list.ID, p.after = at, true
	case "mobdir", "oldWALs", "staging":
		p.after = true
	}
	if string(top) < "data" && len(top) > 0 {
		p.before = true
	}
	p.list.Hidden = true
}

// data files a path below data/, which begins with namespace and table.
func (p *listingParser) data(full, rest []byte, l *lsLine, at At) {
	space, rest, ok := bytes.Cut(rest, []byte("/"))
	if !ok || len(space) == 0 {
		return
	}
	plain, rest, _ := bytes.Cut(rest, []byte("/"))
	if len(plain) == 0 || plain[0] == '.' {
		return
	}
	name := p.word(space, plain)
	t := p.list.TableDirs[name]
	size := len(full)
	if len(rest) > 0 {
		size -= len(rest) + 1
	} else {
		size = len(bytes.TrimSuffix(full, []byte("/")))
	}
	if t == nil {
		t = &TableDir{Table: name, Path: string(full[:size]), At: at, Temporary: true}
		p.list.TableDirs[name] = t
	}
	p.table, p.tprefix = t, append(append(p.tprefix[:0], t.Path...), '/')
	if len(rest) == 0 {
		if !p.s3 {
			t.Temporary = false
		}
		return
	}
	p.inTable(full, rest, l, at)
}

func (p *listingParser) word(space, plain []byte) string {
	buf := make([]byte, 0, 128)
	if string(space) != "default" {
		buf = append(append(buf, space...), ':')
	}
	buf = append(buf, plain...)
	if s, ok := p.names[string(buf)]; ok {
		return s
	}
	s := string(buf)
	p.names[s] = s
	return s
}

// inTable files what stands directly below a table's directory.
func (p *listingParser) inTable(full, rest []byte, l *lsLine, at At) {
	top, below, deep := bytes.Cut(rest, []byte("/"))
	switch {
	case isEncodedBytes(top) || string(top) == MetaEncoded:
		f := p.folderOf(full[:len(full)-len(rest)+len(top)], top, at)
		if !deep || len(below) == 0 {
			f.At, f.Modified = at, string(l.modified)
			return
		}
		p.inFolder(f, below, l, at)
	case string(top) == ".tabledesc" && deep && bytes.HasPrefix(below, []byte(".tableinfo.")) && !l.dir:
		p.table.Temporary = false
		p.table.Descriptors = append(p.table.Descriptors, string(below))
	}
}

func (p *listingParser) folderOf(full, encoded []byte, at At) *Folder {
	f := p.list.byName[string(encoded)]
	if f == nil || f.Table != p.table.Table {
		if len(p.block) == 0 {
			p.block = make([]Folder, metaBlock)
		}
		f, p.block = &p.block[0], p.block[1:]
		f.Path = string(full)
		f.Encoded, f.Table, f.Info, f.At, f.Leftover = f.Path[len(f.Path)-len(encoded):], p.table.Table, -1, at, true
		p.list.Folders = append(p.list.Folders, f)
		p.list.byName[f.Encoded] = f
		p.table.Regions++
		p.table.Temporary = false
	}
	p.folder, p.prefix = f, append(append(p.prefix[:0], full...), '/')
	return f
}

// inFolder files what stands below a region's folder.
func (p *listingParser) inFolder(f *Folder, rest []byte, l *lsLine, at At) {
	top, below, deep := bytes.Cut(rest, []byte("/"))
	switch {
	case len(top) == 0:
	case top[0] == '.':
		switch name := string(top); {
		case name == ".regioninfo" && !deep && !l.dir:
			f.Info, f.InfoAt, f.Leftover = l.size, at, false
		case name == ".splits" && deep:
			f.Splits = true
		case name == ".merges" && deep:
			f.Merges = true
		}
	case string(top) == "recovered.edits" || string(top) == "recovered.hfiles":
		if deep && !l.dir && !bytes.HasSuffix(below, []byte(".seqid")) {
			f.Edits++
		}
	case !deep && l.dir:
		f.family(string(top))
	case deep && len(below) > 0 && !l.dir:
		family := f.family(string(top))
		if bytes.IndexByte(below, '/') >= 0 || below[0] == '.' {
			return
		}
		f.Leftover = false
		f.Bytes += l.size
		f.Files = append(f.Files, HFile{Family: family, Name: string(below), Size: l.size, Kind: KindOf(below), At: at})
	}
}

// family returns the one string of a family's name, adding it.
func (f *Folder) family(name string) string {
	for _, k := range f.Families {
		if k == name {
			return k
		}
	}
	f.Families = append(f.Families, name)
	return name
}

// KindOf tells what the name of a file in a family says.
func KindOf(name []byte) FileKind {
	dot := bytes.LastIndexByte(name, '.')
	base := name
	refers := dot > 0 && isEncodedBytes(name[dot+1:])
	if refers {
		base = name[:dot]
	}
	if eq := bytes.LastIndexByte(base, '='); eq > 0 && len(base) > eq+1+encodedLen+1 && isEncodedBytes(base[eq+1:eq+1+encodedLen]) && base[eq+1+encodedLen] == '-' {
		if refers {
			return LinkReference
		}
		return Link
	}
	i := 0
	for i < len(base) && isHex(base[i]) {
		i++
	}
	rest := base[i:]
	switch {
	case i < 16 || len(rest) > 0 && rest[0] != '_':
		return OtherFile
	case refers:
		return Reference
	}
	return StoreFile
}

// archive files a path below archive/, which mirrors data/ down to the region.
func (p *listingParser) archive(full, rest []byte, l *lsLine, at At) {
	parts := bytes.SplitN(rest, []byte("/"), 5)
	if len(parts) < 4 || string(parts[0]) != "data" || !isEncodedBytes(parts[3]) {
		return
	}
	f := p.list.Archived[string(parts[3])]
	if f == nil {
		end := len(full)
		if len(parts) == 5 {
			end -= len(parts[4]) + 1
		}
		f = &Folder{Table: p.word(parts[1], parts[2]), Encoded: string(parts[3]), Path: string(full[:end]), Info: -1, At: at}
		p.list.Archived[f.Encoded] = f
	}
	if len(parts) == 5 && len(parts[4]) > 0 {
		p.inFolder(f, parts[4], l, at)
	}
}

// wal files a path below WALs/.
func (p *listingParser) wal(rest []byte, l *lsLine, at At) {
	top, below, deep := bytes.Cut(rest, []byte("/"))
	if bytes.Count(top, []byte(",")) != 2 {
		return
	}
	w := p.wals[string(top)]
	if w == nil {
		name, splitting := strings.CutSuffix(string(top), "-splitting")
		w = &WALDir{Server: name, Splitting: splitting, At: at, File: p.list.File}
		p.wals[string(top)] = w
		p.list.WALs = append(p.list.WALs, w)
	}
	if m := string(l.modified); m > w.Modified {
		w.Modified = m
	}
	if deep && len(below) > 0 && !l.dir {
		w.Files++
		w.Bytes += l.size
	}
}

func (p *listingParser) verdict(a *Artefact) {
	switch {
	case p.lines == 0 && len(p.errors) > 0:
		a.Verdict, a.Why, a.At = Absent, "the listing failed: "+p.errors[0], p.errorAt
	case p.lines == 0:
		a.Verdict, a.Why = Absent, "the listing has no lines"
	case len(p.errors) > 0:
		a.Verdict, a.Why, a.At = Partial, "the listing has errors: "+p.errors[0], p.errorAt
	case p.torn:
		a.Verdict, a.Why = Partial, "the listing ends in the middle of a line"
	case p.before && !p.after:
		a.Verdict, a.Why = Partial, fmt.Sprintf("the listing ends after %d lines, before what follows data/ in every root directory", p.lines)
	default:
		a.Verdict = Complete
	}
}

// readListing reads a listing. The root is where the paths show it, else where the manifest says.
func readListing(ctx context.Context, open func() (*lineReader, io.Closer, error), a *Artefact, rootDir string) (*Listing, error) {
	l, c, err := open()
	if err != nil {
		return nil, err
	}
	root, prefix, err := findRoot(ctx, l)
	if err := closed(c, err); err != nil && ctx.Err() != nil {
		return nil, ctx.Err()
	}
	if told := rootPath(rootDir); root == "" && told != "" {
		root, prefix = told, told+"/"
	}
	p := newListingParser(a.Files[0])
	p.list.Root, p.root = root, []byte(prefix)
	if l, c, err = open(); err != nil {
		return nil, err
	}
	err = closed(c, p.read(ctx, l))
	if ctx.Err() != nil {
		return nil, ctx.Err()
	}
	p.verdict(a)
	a.Lines, a.Bytes = int64(l.line), l.offset
	if err != nil && a.Verdict == Complete {
		a.Verdict, a.Why = Partial, err.Error()
	}
	p.list.DirEntries = p.hdfs
	slices.SortStableFunc(p.list.WALs, func(x, y *WALDir) int { return strings.Compare(x.Server, y.Server) })
	return p.list, nil
}

// FullPath writes a path of the listing as a person types it: with scheme and host if the root directory has them.
func (s *Snapshot) FullPath(p string) string {
	u, err := url.Parse(s.RootDir)
	if p == "" || err != nil || u.Host == "" || strings.Contains(p, "://") {
		return p
	}
	return u.Scheme + "://" + u.Host + "/" + strings.TrimLeft(p, "/")
}

// FolderPath is where the folder of a region is or would be, as a full path.
func (s *Snapshot) FolderPath(table, encoded string) string {
	return s.FullPath(path.Join(s.Listing.Root, s.under(table), encoded))
}

// TablePath is where a table's directory is or would be, as a full path.
func (s *Snapshot) TablePath(table string) string { return s.FolderPath(table, "") }

func (s *Snapshot) under(table string) string {
	space, plain, ok := strings.Cut(table, ":")
	if !ok {
		space, plain = "default", table
	}
	return "data/" + space + "/" + plain
}
