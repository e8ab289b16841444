package skills

import (
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"os"
	"path"
	"path/filepath"
	"slices"

	"github.com/plumbline-mcp/plumbline/internal/fault"
)

// State is how an installed file stands to the tree.
type State string

// The states. Edited files are the user's: they are left alone unless told otherwise.
const (
	Same     State = "same"
	Missing  State = "missing"  // not installed yet
	Outdated State = "outdated" // as an earlier version wrote it
	Edited   State = "edited"   // changed since it was written, or never written by us
	Gone     State = "gone"     // installed earlier, no more part of the tree
)

// lockName is the file in a client's directory that says what was written there.
const lockName = ".plumbline-skills.json"

// lock is what was installed: the digest of each file by its path below the directory.
type lock struct {
	Version string            `json:"version"` // of the program that wrote last
	Files   map[string]string `json:"files"`
}

// Installed is one file of a client's directory.
type Installed struct {
	Path  string // slash-separated, below the directory: NAME/SKILL.md
	State State

	data []byte // of the tree
}

// Plan compares the skills of a tree with a client's directory. names picks skills; none = all. Skills stand in the directory by
// name, without their category, as clients look for them.
func Plan(tree fs.FS, dir string, names []string) ([]Installed, error) {
	all, err := List(tree)
	if err != nil {
		return nil, err
	}
	for _, n := range names {
		if _, err := Find(tree, n); err != nil {
			return nil, err
		}
	}
	l, err := readLock(dir)
	if err != nil {
		return nil, err
	}
	var out []Installed
	wanted := map[string]bool{}
	for _, s := range all {
		if len(names) > 0 && !slices.Contains(names, s.Name) {
			continue
		}
		for _, f := range s.Files {
			raw, err := Read(tree, f)
			if err != nil {
				return nil, err
			}
			i := Installed{Path: path.Join(s.Name, f[len(path.Dir(s.Path))+1:]), data: raw}
			if i.State, err = stateOf(dir, i.Path, raw, l); err != nil {
				return nil, err
			}
			wanted[i.Path] = true
			out = append(out, i)
		}
	}
	for _, p := range slices.Sorted(maps.Keys(l.Files)) {
		if !wanted[p] && len(names) == 0 {
			out = append(out, Installed{Path: p, State: Gone})
		}
	}
	return out, nil
}

func stateOf(dir, name string, want []byte, l lock) (State, error) {
	have, err := os.ReadFile(filepath.Join(dir, filepath.FromSlash(name)))
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return Missing, nil
	case err != nil:
		return "", fmt.Errorf("read installed skill: %w", err)
	case digest(have) == digest(want):
		return Same, nil
	case digest(have) == l.Files[name]:
		return Outdated, nil
	}
	return Edited, nil
}

func digest(b []byte) string {
	sum := sha256.Sum256(b)
	return "sha256:" + hex.EncodeToString(sum[:])
}

func readLock(dir string) (lock, error) {
	l := lock{Files: map[string]string{}}
	raw, err := os.ReadFile(filepath.Join(dir, lockName))
	if errors.Is(err, fs.ErrNotExist) {
		return l, nil
	}
	if err != nil {
		return l, fmt.Errorf("read what is installed: %w", err)
	}
	if err := json.Unmarshal(raw, &l); err != nil {
		return l, fault.WithHint(fault.New(fault.InvalidArgument, "read %s: %w", lockName, err), "Remove the file: installed skills then count as edited.")
	}
	for name := range l.Files {
		if !filepath.IsLocal(filepath.FromSlash(name)) {
			return l, fault.New(fault.InvalidArgument, "read %s: %q leads out of the directory", lockName, name)
		}
	}
	if l.Files == nil {
		l.Files = map[string]string{}
	}
	return l, nil
}

func (l lock) write(dir string) error {
	if len(l.Files) == 0 {
		err := os.Remove(filepath.Join(dir, lockName))
		if errors.Is(err, fs.ErrNotExist) {
			return nil
		}
		return err
	}
	raw, err := json.MarshalIndent(l, "", "  ")
	if err != nil {
		return err
	}
	return replace(filepath.Join(dir, lockName), append(raw, '\n'))
}

// replace writes a file beside and renames it: a reader sees the old or the new one.
func replace(name string, data []byte) error {
	if err := os.MkdirAll(filepath.Dir(name), 0o755); err != nil { //nolint:gosec // skills are no secret
		return err
	}
	beside := name + ".new"
	if err := os.WriteFile(beside, data, 0o644); err != nil { //nolint:gosec // as above
		return err
	}
	return os.Rename(beside, name)
}

// Install writes the files of a plan that are missing or outdated, and edited ones with force. Files that are no more part of the
// tree are removed unless edited. It returns what it left alone because it was edited.
func Install(dir, version string, plan []Installed, force bool) (kept []Installed, err error) {
	l, err := readLock(dir)
	if err != nil {
		return nil, err
	}
	l.Version = version
	for _, f := range plan {
		switch {
		case f.State == Edited && !force:
			kept = append(kept, f)
			continue
		case f.State == Gone:
			left, err := l.drop(dir, f.Path, force)
			if err != nil {
				return kept, err
			}
			if left {
				kept = append(kept, f)
			}
			continue
		case f.State != Same:
			if err := replace(filepath.Join(dir, filepath.FromSlash(f.Path)), f.data); err != nil {
				return kept, fmt.Errorf("install %s: %w", f.Path, err)
			}
		}
		l.Files[f.Path] = digest(f.data)
	}
	return kept, l.write(dir)
}

// Uninstall removes what Install wrote, of the named skills or all. Edited files stay unless forced; they are returned.
func Uninstall(dir string, names []string, force bool) (removed, kept []string, err error) {
	l, err := readLock(dir)
	if err != nil {
		return nil, nil, err
	}
	for _, p := range slices.Sorted(maps.Keys(l.Files)) {
		if len(names) > 0 && !slices.Contains(names, first(p)) {
			continue
		}
		left, err := l.drop(dir, p, force)
		switch {
		case err != nil:
			return removed, kept, err
		case left:
			kept = append(kept, p)
		default:
			removed = append(removed, p)
		}
	}
	return removed, kept, l.write(dir)
}

// first is the skill a path belongs to.
func first(p string) string {
	for path.Dir(p) != "." {
		p = path.Dir(p)
	}
	return p
}

// drop removes a file and the directories that it leaves empty; left says that it was edited and stays.
func (l lock) drop(dir, name string, force bool) (left bool, err error) {
	full := filepath.Join(dir, filepath.FromSlash(name))
	have, err := os.ReadFile(full)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		delete(l.Files, name)
		return false, nil
	case err != nil:
		return false, fmt.Errorf("read installed skill: %w", err)
	case digest(have) != l.Files[name] && !force:
		return true, nil
	}
	if err := os.Remove(full); err != nil {
		return false, fmt.Errorf("remove %s: %w", name, err)
	}
	delete(l.Files, name)
	prune(dir, path.Dir(name))
	return false, nil
}

// prune removes a directory and those above it as far as they are empty; one that is not ends it.
func prune(dir, name string) {
	for empty := true; empty && name != "."; name = path.Dir(name) {
		empty = os.Remove(filepath.Join(dir, filepath.FromSlash(name))) == nil
	}
}
