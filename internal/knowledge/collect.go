package knowledge

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"os/exec"
	"path"
	"path/filepath"
	"slices"
	"strings"

	"github.com/plumbline-mcp/plumbline/internal/fault"
)

// fileSet is the files of a source that have a reader. Reading never leaves the source's directory, whatever links it holds.
type fileSet struct {
	root    *os.Root
	single  string // the only file, if the source is one
	paths   []string
	skipped map[string]int // by reason
}

func (f *fileSet) close() { _ = f.root.Close() }

func (f *fileSet) read(name string) ([]byte, error) {
	file, err := f.root.Open(filepath.FromSlash(name))
	if err != nil {
		return nil, fmt.Errorf("read %s: %w", name, err)
	}
	defer file.Close()
	raw, err := io.ReadAll(io.LimitReader(file, maxPDF+1))
	if err != nil {
		return nil, fmt.Errorf("read %s: %w", name, err)
	}
	return raw, nil
}

// collect finds the files of a source, and its revision if it is a git repository.
func (s *Store) collect(ctx context.Context, src Source) (*fileSet, string, error) {
	dir := src.Location
	if src.Kind == KindGit {
		dir = s.clone(src.Name)
		if err := fetch(ctx, src.Location, dir); err != nil {
			return nil, "", err
		}
	}
	f, err := open(dir)
	if err != nil {
		return nil, "", err
	}
	if f.single != "" {
		return f, "", nil
	}
	tracked, revision := gitFiles(ctx, dir)
	if tracked == nil {
		tracked, err = f.walk(ctx)
	}
	if err == nil {
		err = f.choose(tracked, src.Include)
	}
	if err != nil {
		f.close()
		return nil, "", err
	}
	return f, revision, nil
}

func open(location string) (*fileSet, error) {
	info, err := os.Stat(location)
	if err != nil {
		return nil, fault.WithHint(fault.New(fault.NotFound, "open %s: %w", location, err), "Give a directory, a file or the URL of a git repository.")
	}
	f := &fileSet{skipped: map[string]int{}}
	dir := location
	if !info.IsDir() {
		dir, f.single = filepath.Dir(location), filepath.Base(location)
		f.paths = []string{f.single}
	}
	if f.root, err = os.OpenRoot(dir); err != nil {
		return nil, fmt.Errorf("open %s: %w", location, err)
	}
	return f, nil
}

// ignored are directories that hold what others wrote or what was built.
var ignored = map[string]bool{"node_modules": true, "vendor": true, "target": true, "dist": true, "build": true, "__pycache__": true, "venv": true}

// walk lists the files below a directory that is no git repository, without hidden and ignored directories.
func (f *fileSet) walk(ctx context.Context) ([]string, error) {
	var out []string
	err := fs.WalkDir(f.root.FS(), ".", func(p string, d fs.DirEntry, err error) error {
		switch {
		case ctx.Err() != nil:
			return ctx.Err()
		case err != nil:
			f.skipped["unreadable directory"]++
			return fs.SkipDir
		case d.IsDir() && p != "." && (strings.HasPrefix(d.Name(), ".") || ignored[d.Name()]):
			return fs.SkipDir
		case d.Type().IsRegular():
			out = append(out, p)
		}
		if len(out) > maxFiles {
			return tooMany()
		}
		return nil
	})
	return out, err
}

func tooMany() error {
	return fault.WithHint(fault.New(fault.TooLarge, "over %d files", maxFiles), "Name a smaller directory, or narrow with include patterns.")
}

// choose keeps the files that have a reader and fit a pattern.
func (f *fileSet) choose(all, include []string) error {
	for _, p := range all {
		_, ok := KindOf(p)
		switch {
		case strings.HasPrefix(path.Base(p), "."):
			f.skipped["hidden file"]++
		case !ok:
			f.skipped["no reader for "+strings.ToLower(path.Ext(p))]++
		case !fits(p, include):
			f.skipped["not included"]++
		default:
			f.paths = append(f.paths, p)
		}
	}
	slices.Sort(f.paths)
	if len(f.paths) > maxFiles {
		return tooMany()
	}
	return nil
}

// fits reports whether a path matches a pattern: of its name, of the whole path, or a directory above it.
func fits(p string, include []string) bool {
	for _, pattern := range include {
		byName, _ := path.Match(pattern, path.Base(p)) // a bad pattern matches nothing
		byPath, _ := path.Match(pattern, p)
		if byName || byPath || strings.HasPrefix(p, strings.TrimSuffix(pattern, "/")+"/") {
			return true
		}
	}
	return len(include) == 0
}

// clone is where the clone of a base's repository is.
func (s *Store) clone(base string) string { return filepath.Join(s.c.Repos, base) }

// git runs the git binary without asking anybody anything. Protocols that run commands are off.
func git(ctx context.Context, dir string, args ...string) (string, error) {
	args = append([]string{"-c", "protocol.ext.allow=never", "-c", "core.hooksPath=/dev/null", "-c", "core.fsmonitor=false"}, args...)
	c := exec.CommandContext(ctx, "git", args...) //nolint:gosec // the arguments are ours, but for a URL behind --
	c.Dir = dir
	c.Env = append(os.Environ(), "GIT_TERMINAL_PROMPT=0", "GIT_ASKPASS=true", "LC_ALL=C")
	var out, problem bytes.Buffer
	c.Stdout, c.Stderr = &out, &problem
	if err := c.Run(); err != nil {
		if errors.Is(err, exec.ErrNotFound) {
			return "", fault.WithHint(fault.New(fault.Unsupported, "run git: %w", err), "Install git, or clone the repository and add its directory.")
		}
		last := strings.Split(strings.TrimSpace(problem.String()), "\n")
		return "", fault.New(fault.Unavailable, "git %s: %w: %s", args[6], err, cutBytes(last[len(last)-1], 300))
	}
	return out.String(), nil
}

// fetch makes dir a clone of the newest commit.
func fetch(ctx context.Context, url, dir string) error {
	if strings.HasPrefix(url, "-") || strings.Contains(url, "::") {
		return fault.New(fault.InvalidArgument, "%q is no URL of a git repository", url)
	}
	if _, err := os.Stat(filepath.Join(dir, ".git")); err == nil {
		if _, err := git(ctx, dir, "fetch", "--quiet", "--depth=1", "origin", "HEAD"); err != nil {
			return err
		}
		_, err := git(ctx, dir, "reset", "--quiet", "--hard", "FETCH_HEAD")
		return err
	}
	if err := os.MkdirAll(filepath.Dir(dir), 0o700); err != nil {
		return err
	}
	if err := os.RemoveAll(dir); err != nil { // what a killed clone left
		return err
	}
	_, err := git(ctx, "", "clone", "--quiet", "--depth=1", "--", url, dir)
	return err
}

// gitFiles lists what git tracks in a directory, and the commit; nil if it is no repository.
func gitFiles(ctx context.Context, dir string) (files []string, revision string) {
	out, err := git(ctx, dir, "ls-files", "-z", "--cached", "--others", "--exclude-standard")
	if err != nil {
		return nil, ""
	}
	for name := range strings.SplitSeq(strings.TrimRight(out, "\x00"), "\x00") {
		if name != "" {
			files = append(files, name)
		}
	}
	if head, err := git(ctx, dir, "rev-parse", "HEAD"); err == nil {
		revision = strings.TrimSpace(head)
	}
	return files, revision
}

// IsGitURL reports whether a location names a remote repository rather than a path.
func IsGitURL(location string) bool {
	for _, prefix := range []string{"https://", "http://", "ssh://", "git://", "file://"} {
		if strings.HasPrefix(location, prefix) {
			return true
		}
	}
	host, _, ok := strings.Cut(location, ":")
	return ok && strings.Contains(host, "@") && !strings.Contains(host, "/")
}
