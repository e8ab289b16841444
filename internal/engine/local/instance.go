package local

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"path/filepath"
	"strings"
	"sync"

	"github.com/plumbline-mcp/plumbline/internal/engine/local/duck"
	"github.com/plumbline-mcp/plumbline/internal/engine/local/udf"
	"github.com/plumbline-mcp/plumbline/internal/fault"
	"github.com/plumbline-mcp/plumbline/internal/ppl"
)

// instance is a DuckDB that answers queries, with the segments it has attached.
type instance struct {
	store *Store
	db    *duck.DB
	own   bool // belongs to one snapshot and ends with it

	mu   sync.Mutex
	segs map[string]int // attached segments and their users
}

// instance returns the instance for a snapshot: the one that all share, or, for a source with Parquet files, one of its own,
// because the files that an instance may read are fixed once it is locked.
func (s *Store) instance(ctx context.Context, parquet []string) (*instance, error) {
	if err := s.cache.make(); err != nil {
		return nil, err
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.closed {
		return nil, fault.New(fault.Unavailable, "the store is closed")
	}
	if len(parquet) == 0 && s.shared != nil {
		return s.shared, nil
	}
	memory := s.cfg.MemoryLimitBytes
	if len(parquet) > 0 {
		memory /= 2
	}
	db, err := duck.Open(ctx, s.lockdown(memory, parquet), func(ctx context.Context, c *sql.Conn) error {
		return udf.Register(ctx, c, ppl.UDFs())
	})
	if err != nil {
		return nil, fault.WithCode(err, fault.Internal)
	}
	i := &instance{store: s, db: db, own: len(parquet) > 0, segs: map[string]int{}}
	if !i.own {
		s.shared = i
	}
	return i, nil
}

// lockdown lists the settings of an instance that answers queries. After the last one nothing can be changed any more: no network,
// no extensions, no files but the cache's segments and the Parquet files of the source.
func (s *Store) lockdown(memory int64, parquet []string) []duck.Setting {
	settings := append(s.common(memory), []duck.Setting{
		{Name: "temp_directory", Value: duck.Literal(s.cache.spill())},
		{Name: "max_temp_directory_size", Value: duck.Literal(spillLimit)},
		{Name: "allow_community_extensions", Value: "false"},
		{Name: "allowed_directories", Value: "[" + duck.Literal(s.cache.segments()+string(filepath.Separator)) + "]"},
	}...)
	if len(parquet) > 0 {
		var paths []string
		for _, p := range parquet {
			paths = append(paths, duck.Literal(p))
		}
		settings = append(settings, duck.Setting{Name: "allowed_paths", Value: "[" + strings.Join(paths, ",") + "]"})
	}
	return append(settings,
		duck.Setting{Name: "enable_external_access", Value: "false"},
		duck.Setting{Name: "lock_configuration", Value: "true"})
}

// attach opens a segment for reading, once however many snapshots use it, and returns its name.
func (i *instance) attach(ctx context.Context, c *duck.Conn, key string) (alias string, err error) {
	i.mu.Lock()
	defer i.mu.Unlock()
	alias = "seg_" + key
	if i.segs[key] == 0 {
		err := c.Exec(ctx, "ATTACH "+duck.Literal(i.store.cache.data(key))+" AS "+duck.Ident(alias)+" (READ_ONLY)")
		if err != nil {
			return "", fmt.Errorf("open segment: %w", err)
		}
	}
	i.segs[key]++
	i.store.pin(key, 1)
	return alias, nil
}

// detach gives up a use of a segment.
func (i *instance) detach(ctx context.Context, c *duck.Conn, key string) {
	i.mu.Lock()
	defer i.mu.Unlock()
	i.store.pin(key, -1)
	if i.segs[key]--; i.segs[key] > 0 {
		return
	}
	delete(i.segs, key)
	if i.own {
		return // it ends with the instance
	}
	if err := c.Exec(ctx, "DETACH "+duck.Ident("seg_"+key)); err != nil {
		i.store.log.Warn("segment stays open", errAttr(err))
	}
}

// pin counts the uses of a segment; what is in use is not evicted.
func (s *Store) pin(key string, n int) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.pins[key] += n; s.pins[key] <= 0 {
		delete(s.pins, key)
	}
}

func (s *Store) inUse(key string) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.pins[key] > 0
}

// end gives up what a snapshot held of the instance.
func (i *instance) end(ctx context.Context, schema string, keys []string) error {
	ctx = context.WithoutCancel(ctx) // giving up must not fail because the caller is gone
	conn, err := i.db.Conn()
	if err != nil {
		return fmt.Errorf("close source: %w", err)
	}
	err = conn.Exec(ctx, "DROP SCHEMA IF EXISTS "+schema+" CASCADE")
	for _, k := range keys {
		i.detach(ctx, conn, k)
	}
	i.db.Release(conn)
	if i.own {
		err = errors.Join(err, i.db.Close())
	}
	if err != nil {
		return fmt.Errorf("close source: %w", err)
	}
	return nil
}
