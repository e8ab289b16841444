package local

import (
	"cmp"
	"crypto/rand"
	"encoding/hex"
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/plumbline-mcp/plumbline/internal/fault"
)

// cache is the directory of segments. Every file in it is written under a name of its own in tmp and renamed, so processes that
// share it never see half a file and need no lock: two that read the same source write equal segments, the last rename stays.
//
//	segments/KEY.duckdb   the tables of one segment, absent if it has no rows
//	segments/KEY.json     its manifest; its modification time is the last use
//	trails/KEY.json       how far a growing file was read, and into which segments
//	tmp/, spill/          work in progress; leftovers of a killed process are removed after leftoverAge
type cache struct {
	dir   string
	id    string // of this store among those that share the directory
	limit int64
	now   func() time.Time
	log   *slog.Logger
	once  sync.Mutex
	made  bool
}

const (
	// leftoverAge is how long a file in tmp may lie untouched before its writer must be dead; writers write all the time.
	leftoverAge = time.Hour
	// touchAge is how old the mark of the last use may grow before it is renewed, so that reading does not write all the time.
	touchAge = 10 * time.Minute
	// formatVersion is part of every key: a change of what segments hold makes the old ones unreachable, eviction removes them.
	formatVersion = "1"

	dataExt     = ".duckdb"
	manifestExt = ".json"
)

func (c *cache) segments() string { return filepath.Join(c.dir, "segments") }
func (c *cache) trails() string   { return filepath.Join(c.dir, "trails") }
func (c *cache) tmp() string      { return filepath.Join(c.dir, "tmp") }
func (c *cache) spills() string   { return filepath.Join(c.dir, "spill") }
func (c *cache) spill() string    { return filepath.Join(c.spills(), c.id) }

func (c *cache) data(key string) string     { return filepath.Join(c.segments(), key+dataExt) }
func (c *cache) manifest(key string) string { return filepath.Join(c.segments(), key+manifestExt) }

// make creates the directories and removes what a killed process left behind.
func (c *cache) make() error {
	c.once.Lock()
	defer c.once.Unlock()
	if c.made {
		return nil
	}
	for _, dir := range []string{c.segments(), c.trails(), c.tmp()} {
		if err := os.MkdirAll(dir, 0o700); err != nil {
			return fault.WithHint(fault.WithCode(fmt.Errorf("make cache directory: %w", err), fault.PermissionDenied),
				"Choose a writable directory with the cache_dir setting.")
		}
	}
	c.sweep()
	c.made = true
	return nil
}

// sweep removes leftovers: what nobody has written to for a while.
func (c *cache) sweep() {
	for _, dir := range []string{c.tmp(), c.spills()} {
		entries, err := os.ReadDir(dir)
		if err != nil {
			continue // not there, or gone meanwhile
		}
		for _, e := range entries {
			if c.now().Sub(newest(filepath.Join(dir, e.Name()))) < leftoverAge {
				continue
			}
			if err := os.RemoveAll(filepath.Join(dir, e.Name())); err != nil {
				c.log.Warn("leftover stays", slog.String("path", e.Name()), slog.Any("error", err))
			}
		}
	}
}

// newest returns when a file, or any file of a directory, was last written; now if it is gone.
func newest(path string) time.Time {
	var last time.Time
	_ = filepath.WalkDir(path, func(_ string, e fs.DirEntry, err error) error {
		if err != nil {
			return nil //nolint:nilerr // gone meanwhile
		}
		if info, err := e.Info(); err == nil && info.ModTime().After(last) {
			last = info.ModTime()
		}
		return nil
	})
	return last
}

// randomName returns a name that no other process picks.
func randomName() string {
	var b [12]byte
	_, _ = rand.Read(b[:]) // never fails since Go 1.24
	return hex.EncodeToString(b[:])
}

// tmpName returns a new name in tmp.
func (c *cache) tmpName(ext string) string { return filepath.Join(c.tmp(), randomName()+ext) }

// load returns the manifest of a segment that is there, nil if it is not.
func (c *cache) load(key string) *manifest {
	m, err := readManifest(c.manifest(key))
	if err != nil {
		if !errors.Is(err, fs.ErrNotExist) {
			c.log.Warn("segment dropped", slog.String("key", key), slog.Any("error", err))
		}
		return nil
	}
	if len(m.Tables) > 0 {
		if _, err := os.Stat(c.data(key)); err != nil {
			return nil
		}
	}
	c.use(key)
	return m
}

// use marks a segment as used now.
func (c *cache) use(key string) {
	path, now := c.manifest(key), c.now()
	if info, err := os.Stat(path); err == nil && now.Sub(info.ModTime()) < touchAge {
		return
	}
	if err := os.Chtimes(path, now, now); err != nil && !errors.Is(err, fs.ErrNotExist) {
		c.log.Debug("last use not marked", slog.Any("error", err))
	}
}

// publish moves a finished segment into place: the data, then the manifest that makes it exist.
func (c *cache) publish(key, data string, m *manifest) error {
	if data != "" {
		if err := os.Rename(data, c.data(key)); err != nil {
			return fmt.Errorf("keep segment: %w", err)
		}
	}
	tmp := c.tmpName(manifestExt)
	if err := m.write(tmp); err != nil {
		return err
	}
	if err := os.Rename(tmp, c.manifest(key)); err != nil {
		return fmt.Errorf("keep segment: %w", err)
	}
	now := c.now()
	if err := os.Chtimes(c.manifest(key), now, now); err != nil {
		return fmt.Errorf("keep segment: %w", err)
	}
	return nil
}

// writeFile writes data at path by way of tmp.
func (c *cache) writeFile(path string, data []byte) error {
	tmp := c.tmpName(manifestExt)
	if err := os.WriteFile(tmp, data, 0o600); err != nil {
		return fmt.Errorf("write %s: %w", filepath.Base(path), err)
	}
	if err := os.Rename(tmp, path); err != nil {
		return fmt.Errorf("write %s: %w", filepath.Base(path), err)
	}
	return nil
}

// CacheEntry is one segment of the cache.
type CacheEntry struct {
	Key      string    `json:"key"`
	Files    []string  `json:"files"` // what it was read from
	Bytes    int64     `json:"bytes"`
	Rows     int64     `json:"rows"`
	LastUsed time.Time `json:"last_used"`
}

// CacheInfo says what the cache holds.
type CacheInfo struct {
	Dir        string       `json:"dir"`
	Bytes      int64        `json:"bytes"`
	LimitBytes int64        `json:"limit_bytes"`
	Entries    []CacheEntry `json:"entries"` // the one used longest ago first
}

// info lists the segments; data without a manifest counts as an entry without files.
func (c *cache) info() (*CacheInfo, error) {
	out := &CacheInfo{Dir: c.dir, LimitBytes: c.limit, Entries: []CacheEntry{}}
	files, err := os.ReadDir(c.segments())
	if errors.Is(err, fs.ErrNotExist) {
		return out, nil
	}
	if err != nil {
		return nil, fmt.Errorf("list cache: %w", err)
	}
	byKey := map[string]*CacheEntry{}
	for _, f := range files {
		info, err := f.Info()
		if err != nil {
			continue // gone meanwhile
		}
		key, ext, _ := strings.Cut(f.Name(), ".")
		e := byKey[key]
		if e == nil {
			e = &CacheEntry{Key: key}
			byKey[key] = e
		}
		e.Bytes += info.Size()
		out.Bytes += info.Size()
		if "."+ext == manifestExt || e.LastUsed.IsZero() {
			e.LastUsed = info.ModTime().UTC()
		}
	}
	for _, e := range byKey {
		if m, err := readManifest(c.manifest(e.Key)); err == nil {
			for _, f := range m.Files {
				e.Files = append(e.Files, f.Path)
			}
			for _, t := range m.Tables {
				e.Rows += t.Rows
			}
		}
		out.Entries = append(out.Entries, *e)
	}
	slices.SortFunc(out.Entries, func(a, b CacheEntry) int {
		return cmp.Or(a.LastUsed.Compare(b.LastUsed), strings.Compare(a.Key, b.Key))
	})
	return out, nil
}

// evict removes the segments used longest ago until at most limit bytes are left; those for which keep is true stay.
func (c *cache) evict(limit int64, keep func(key string) bool) (freed int64, err error) {
	info, err := c.info()
	if err != nil {
		return 0, err
	}
	left := info.Bytes
	for _, e := range info.Entries {
		if left <= limit {
			break
		}
		if keep(e.Key) || (len(e.Files) == 0 && c.now().Sub(e.LastUsed) < leftoverAge) {
			continue // in use here, or being put into place by another process
		}
		if err := c.remove(e.Key); err != nil {
			return freed, err
		}
		left -= e.Bytes
		freed += e.Bytes
	}
	return freed, nil
}

// remove deletes a segment, its manifest first. A process that has it attached keeps its open file.
func (c *cache) remove(key string) error {
	for _, p := range []string{c.manifest(key), c.data(key)} {
		if err := os.Remove(p); err != nil && !errors.Is(err, fs.ErrNotExist) {
			return fmt.Errorf("remove segment: %w", err)
		}
	}
	return nil
}

// CacheInfo lists what the cache directory holds, of this and other processes.
func (s *Store) CacheInfo() (*CacheInfo, error) { return s.cache.info() }

// CachePrune removes the segments used longest ago until at most limit bytes are left (0: Config's limit) and returns the bytes
// freed. Segments that this Store has open stay.
func (s *Store) CachePrune(limit int64) (int64, error) {
	if limit <= 0 {
		limit = s.cfg.CacheLimitBytes
	}
	return s.cache.evict(limit, s.inUse)
}

// CacheClear removes all segments that this Store does not have open and returns the bytes freed.
func (s *Store) CacheClear() (int64, error) {
	return s.cache.evict(-1, s.inUse)
}
