package main

import (
	"log/slog"
	"os"
	"path/filepath"

	"github.com/plumbline-mcp/plumbline/internal/engine/local"
)

// newStore makes the store of file sources. It opens nothing: the cache and DuckDB wait for the first query.
func newStore(h host, c config, logger *slog.Logger) (*local.Store, error) {
	memory, err := bytesOf(c.Engine.Memory)
	if err != nil {
		return nil, err
	}
	limit, err := bytesOf(c.Cache.Limit)
	if err != nil {
		return nil, err
	}
	return local.New(local.Config{
		CacheDir: dataDir(c), CacheLimitBytes: limit, MemoryLimitBytes: memory, Threads: c.Engine.Threads, Now: h.now, Logger: logger,
	})
}

// dataDir is where the process keeps what it may lose: read files, journals, reports.
func dataDir(c config) string {
	if c.Cache.Dir != "" {
		return c.Cache.Dir
	}
	base, err := os.UserCacheDir()
	if err != nil { // no home directory: what is kept lasts until the machine restarts
		base = os.TempDir()
	}
	return filepath.Join(base, "plumbline")
}
