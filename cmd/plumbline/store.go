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
	dir := c.Cache.Dir
	if dir == "" {
		base, err := os.UserCacheDir()
		if err != nil { // no home directory: what is kept lasts until the machine restarts
			base = os.TempDir()
		}
		dir = filepath.Join(base, "plumbline")
	}
	return local.New(local.Config{
		CacheDir: dir, CacheLimitBytes: limit, MemoryLimitBytes: memory, Threads: c.Engine.Threads, Now: h.now, Logger: logger,
	})
}
