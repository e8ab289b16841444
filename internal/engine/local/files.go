package local

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/plumbline-mcp/plumbline/internal/fault"
)

const (
	// maxFiles bounds the files of one source: enough for the logs of a large cluster, few enough to look at before each query.
	maxFiles = 10_000
	// maxVisited bounds the directory entries looked at: the whole disk is not a source.
	maxVisited = 200_000
	// maxDepth bounds the directories below a source.
	maxDepth = 32
	// identityBytes is how much of a file's head and tail is part of its identity: beyond size and modification time this
	// notices files rewritten in place.
	identityBytes = 4 << 10
	// nearNames is how many names a "not found" offers.
	nearNames = 5
)

// spec is what a source's name means.
type spec struct {
	kind specKind
	path string // absolute; for a pattern the pattern
	root string // names of files are shown relative to it
}

type specKind string

const (
	specDir  specKind = "directory"
	specFile specKind = "file"
	specGlob specKind = "pattern"
)

func (s spec) key() string { return string(s.kind) + ":" + s.path }

// resolve finds out what a source's name means.
func resolve(name string) (spec, error) {
	if strings.TrimSpace(name) == "" {
		return spec{}, fault.WithHint(fault.New(fault.InvalidArgument, "open source: no name given"),
			"Name a directory, a file or a pattern such as logs/*.gz.")
	}
	path, err := filepath.Abs(name)
	if err != nil {
		return spec{}, fault.WithCode(fmt.Errorf("open %s: %w", name, err), fault.InvalidArgument)
	}
	info, err := os.Stat(path)
	switch {
	case err == nil && info.IsDir():
		return spec{specDir, path, path}, nil
	case err == nil && info.Mode().IsRegular():
		return spec{specFile, path, filepath.Dir(path)}, nil
	case err == nil:
		return spec{}, fault.WithHint(fault.New(fault.InvalidArgument, "open %s: neither a file nor a directory", name),
			"Pipes and devices cannot be a source; write their output to a file.")
	case strings.ContainsAny(path, "*?["):
		return resolveGlob(name, path)
	case errors.Is(err, fs.ErrPermission):
		return spec{}, fault.WithHint(fault.WithCode(fmt.Errorf("open source: %w", err), fault.PermissionDenied),
			"Plumbline runs as the user who started it; give that user the right to read the file.")
	default:
		return spec{}, notFound(name, path)
	}
}

func resolveGlob(name, path string) (spec, error) {
	names, err := filepath.Glob(path)
	if err != nil {
		return spec{}, fault.WithHint(fault.WithCode(fmt.Errorf("open %s: %w", name, err), fault.InvalidArgument),
			"In a pattern * stands for any text, ? for one character, [a-z] for one of a range.")
	}
	root := filepath.Dir(path)
	for strings.ContainsAny(root, "*?[") {
		root = filepath.Dir(root)
	}
	if len(names) == 0 {
		return spec{}, fault.WithHint(fault.New(fault.NotFound, "open %s: no file fits the pattern", name), "%s", listing(root))
	}
	return spec{specGlob, path, root}, nil
}

// notFound names what lies near a path that does not exist.
func notFound(name, path string) error {
	dir := filepath.Dir(path)
	for {
		if info, err := os.Stat(dir); err == nil && info.IsDir() {
			break
		}
		if dir == filepath.Dir(dir) {
			break
		}
		path, dir = dir, filepath.Dir(dir)
	}
	err := fault.New(fault.NotFound, "open %s: no such file or directory", name)
	entries, rerr := os.ReadDir(dir)
	if rerr != nil {
		return err
	}
	var names []string
	for _, e := range entries {
		names = append(names, e.Name())
	}
	if near := nearest(filepath.Base(path), names); len(near) > 0 {
		return fault.WithHint(err, "%s has %s.", dir, strings.Join(near, ", "))
	}
	return fault.WithHint(err, "%s", listing(dir))
}

// listing says what a directory holds, briefly.
func listing(dir string) string {
	entries, err := os.ReadDir(dir)
	if err != nil {
		return "The directory " + dir + " cannot be read."
	}
	if len(entries) == 0 {
		return dir + " is empty."
	}
	var names []string
	for _, e := range entries[:min(len(entries), nearNames)] {
		names = append(names, e.Name())
	}
	more := ""
	if n := len(entries) - len(names); n > 0 {
		more = fmt.Sprintf(" and %d more", n)
	}
	return dir + " has " + strings.Join(names, ", ") + more + "."
}

// found is one file of a source as the file system shows it.
type found struct {
	path  string
	name  string // relative to the source's root, with slashes
	size  int64
	mtime time.Time
	aux   bool // describes the file beside it and is no data
}

func (f found) same(g found) bool {
	return f.path == g.path && f.size == g.size && f.mtime.Equal(g.mtime)
}

// list finds the files of a source in the order of their names. notes say what was left out.
func (s spec) list(ctx context.Context) (files []found, notes []string, err error) {
	switch s.kind {
	case specFile:
		files, err = s.one()
	case specGlob:
		files, err = s.matches(ctx)
	default:
		files, notes, err = s.walk(ctx)
	}
	files = append(files, s.mappings(files)...)
	slices.SortFunc(files, func(a, b found) int { return strings.Compare(a.name, b.name) })
	if len(files) > maxFiles {
		notes = append(notes, fmt.Sprintf("only the first %d of %d files are read; name a directory below or a pattern", maxFiles, len(files)))
		files = files[:maxFiles]
	}
	return files, notes, err
}

// mappings returns the files that describe the JSON documents beside them.
func (s spec) mappings(files []found) []found {
	var out []found
	for _, f := range files {
		path := stem(f.path) + mappingSuffix
		if !strings.Contains(strings.ToLower(filepath.Base(f.path)), "json") {
			continue
		}
		if info, err := os.Stat(path); err == nil && info.Mode().IsRegular() {
			m := s.found(path, info)
			m.aux = true
			out = append(out, m)
		}
	}
	return out
}

func (s spec) one() ([]found, error) {
	info, err := os.Stat(s.path)
	if err != nil {
		return nil, s.vanished(err)
	}
	return []found{s.found(s.path, info)}, nil
}

func (s spec) found(path string, info fs.FileInfo) found {
	name, err := filepath.Rel(s.root, path)
	if err != nil {
		name = path
	}
	return found{path, strings.ToValidUTF8(filepath.ToSlash(name), "\uFFFD"), info.Size(), info.ModTime(), false}
}

func (s spec) vanished(err error) error {
	if !errors.Is(err, fs.ErrNotExist) {
		return fault.WithCode(fmt.Errorf("read source: %w", err), fault.PermissionDenied)
	}
	return fault.WithHint(fault.New(fault.NotFound, "read source: the %s %s is gone", s.kind, s.path),
		"It was there when it was opened. Open the source where it lies now.")
}

func (s spec) matches(ctx context.Context) ([]found, error) {
	names, err := filepath.Glob(s.path)
	if err != nil {
		return nil, fmt.Errorf("read source: %w", err)
	}
	var files []found
	for _, n := range names {
		if err := ctx.Err(); err != nil {
			return nil, err
		}
		if info, err := os.Stat(n); err == nil && info.Mode().IsRegular() {
			files = append(files, s.found(n, info))
		}
	}
	if len(files) == 0 {
		return nil, s.vanished(fs.ErrNotExist)
	}
	return files, nil
}

func (s spec) walk(ctx context.Context) (files []found, notes []string, err error) {
	visited := 0
	err = filepath.WalkDir(s.path, func(path string, e fs.DirEntry, err error) error {
		if cerr := ctx.Err(); cerr != nil {
			return cerr
		}
		if visited++; visited > maxVisited || len(files) > maxFiles {
			notes = append(notes, fmt.Sprintf("more than %d files, or %d entries, lie below %s: the rest is not looked at; name a directory below or a pattern", maxFiles, maxVisited, s.path))
			return filepath.SkipAll
		}
		if err != nil {
			if path == s.path {
				return s.vanished(err)
			}
			notes = append(notes, "not readable: "+err.Error())
			return nil
		}
		hidden := strings.HasPrefix(e.Name(), ".") && path != s.path
		if e.IsDir() {
			if hidden || strings.Count(path[len(s.path):], string(filepath.Separator)) > maxDepth {
				return filepath.SkipDir
			}
			return nil
		}
		if hidden || notData(e.Name()) {
			return nil
		}
		info, err := os.Stat(path) // follows links
		if err != nil || !info.Mode().IsRegular() {
			return nil //nolint:nilerr // a dangling link or a file that vanished meanwhile is no data
		}
		files = append(files, s.found(path, info))
		return nil
	})
	return files, notes, err
}

// notData reports whether a file in a directory is there for people or programs, by its name; naming the file itself reads it.
func notData(name string) bool {
	switch strings.ToLower(filepath.Ext(name)) {
	case ".md", ".rst", ".html", ".htm", ".pdf", ".png", ".jpg", ".jpeg", ".gif", ".svg", ".css", ".js", ".ts", ".py", ".go", ".java",
		".sh", ".yaml", ".yml", ".toml", ".ini", ".conf", ".xml", ".sql", ".so", ".exe", ".jar", ".class", ".zip", ".tar", ".tgz",
		".duckdb", ".db", ".wal", ".lock", ".pid", ".swp", ".tmp", ".part", ".sum", ".mod":
		return true
	}
	lower := strings.ToLower(name)
	return strings.HasSuffix(lower, mappingSuffix) || lower == "readme" || lower == "license"
}

// mappingSuffix marks a file that describes the JSON documents of the file beside it.
const mappingSuffix = ".mapping.json"

// identity returns the key of a file's content as far as can be known without reading it whole, and whether it begins as
// Parquet does.
func (f found) identity() (id string, parquet bool, err error) {
	head, tail, parquet, err := f.look(f.size)
	if err != nil {
		return "", false, err
	}
	return digest(f.path, strconv.FormatInt(f.size, 10), strconv.FormatInt(f.mtime.UnixNano(), 10), head, tail), parquet, nil
}

// ends returns digests of the first bytes of a file and of the last ones before end.
func (f found) ends(end int64) (head, tail string, err error) {
	head, tail, _, err = f.look(end)
	return head, tail, err
}

// parquetMagic is how Parquet files begin and end.
const parquetMagic = "PAR1"

func (f found) look(end int64) (head, tail string, parquet bool, err error) {
	file, err := os.Open(f.path)
	if err != nil {
		return "", "", false, fmt.Errorf("read source: %w", err)
	}
	defer file.Close()
	size := min(identityBytes, end)
	buf := make([]byte, size)
	n, err := file.ReadAt(buf, 0)
	if err != nil && !errors.Is(err, io.EOF) {
		return "", "", false, fmt.Errorf("read source: %w", err)
	}
	head, parquet = digest(string(buf[:n])), strings.HasPrefix(string(buf[:n]), parquetMagic)
	n, err = file.ReadAt(buf, end-size)
	if err != nil && !errors.Is(err, io.EOF) {
		return "", "", false, fmt.Errorf("read source: %w", err)
	}
	return head, digest(string(buf[:n])), parquet, nil
}

// digest returns a name for the parts, 32 hex digits.
func digest(parts ...string) string {
	h := sha256.New()
	for _, p := range append(parts, formatVersion) {
		_, _ = fmt.Fprintf(h, "%d:%s", len(p), p) // a hash never fails
	}
	return hex.EncodeToString(h.Sum(nil)[:16])
}

// nearest returns the names most like name, best first, at most nearNames.
func nearest(name string, names []string) []string {
	type scored struct {
		name string
		dist int
	}
	var list []scored
	for _, n := range names {
		d := distance(strings.ToLower(name), strings.ToLower(n))
		if d <= max(len(name), len(n))/2 || strings.Contains(strings.ToLower(n), strings.ToLower(name)) {
			list = append(list, scored{n, d})
		}
	}
	slices.SortStableFunc(list, func(a, b scored) int { return a.dist - b.dist })
	var out []string
	for _, s := range list[:min(len(list), nearNames)] {
		out = append(out, s.name)
	}
	return out
}

// distance is Levenshtein's, over bytes, of names cut to a file name's length.
func distance(a, b string) int {
	const longest = 255
	a, b = a[:min(len(a), longest)], b[:min(len(b), longest)]
	row := make([]int, len(b)+1)
	for j := range row {
		row[j] = j
	}
	for i := range len(a) {
		last := row[0]
		row[0] = i + 1
		for j := range len(b) {
			cost := last
			if a[i] != b[j] {
				cost = 1 + min(last, row[j], row[j+1])
			}
			last, row[j+1] = row[j+1], cost
		}
	}
	return row[len(b)]
}
