package local

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"os"
	"path/filepath"
	"runtime"
	"strconv"
	"sync"
	"time"

	"github.com/plumbline-mcp/plumbline/internal/engine"
	"github.com/plumbline-mcp/plumbline/internal/engine/local/duck"
	"github.com/plumbline-mcp/plumbline/internal/fault"
	"github.com/plumbline-mcp/plumbline/internal/ppl"
	"github.com/plumbline-mcp/plumbline/internal/record"
)

// Reader reads a file into records; record.Read is one.
type Reader func(ctx context.Context, r io.Reader, opt record.Options, emit func(*record.Record) error) (record.Report, error)

// Config configures a Store. Only CacheDir and Now are required.
type Config struct {
	// CacheDir is where segments and spilled intermediate results are kept; it is made when first needed.
	CacheDir string
	// CacheLimitBytes bounds the segments; beyond it those used longest ago go. 0 means DefaultCacheLimit.
	CacheLimitBytes int64
	// MemoryLimitBytes bounds what DuckDB holds in memory for all queries together. 0 means DefaultMemoryLimit.
	MemoryLimitBytes int64
	// Threads bounds the cores of one query and of ingest. 0 means all cores, at most maxThreads.
	Threads int
	// Now is the clock.
	Now func() time.Time
	// Logger gets what no caller is told: cache entries dropped, files left behind. nil discards.
	Logger *slog.Logger
	// Read replaces record.Read, for tests.
	Read Reader
}

// The defaults and limits of a Store.
const (
	DefaultMemoryLimit = 2 << 30 // the default: leaves room on a 4 GB machine
	DefaultCacheLimit  = 5 << 30 // some ten recordings of 5M lines
	maxThreads         = 8       // a tool beside an agent, not a warehouse
	maxSources         = 64      // sources kept open; the one used longest ago is closed first
	spillLimit         = "10GB"  // intermediate results of one runaway sort or join, then it fails
)

// Store holds the sources opened over one cache directory. It is safe for concurrent use; several Stores, in one process or in
// several, may share a cache directory.
type Store struct {
	cfg      Config
	log      *slog.Logger
	compiler func() *ppl.Compiler
	cache    *cache

	mu      sync.Mutex
	shared  *instance // opened by the first query
	sources map[string]*source
	used    []string       // sources' names, least recently used first
	pins    map[string]int // how often each segment is attached
	schemas int
	closed  bool
}

// New returns a Store. It touches nothing: the cache directory and DuckDB are opened when first needed.
func New(cfg Config) (*Store, error) {
	switch {
	case cfg.CacheDir == "":
		return nil, fault.New(fault.InvalidArgument, "open store: no cache directory")
	case cfg.Now == nil:
		return nil, fault.New(fault.InvalidArgument, "open store: no clock")
	case cfg.MemoryLimitBytes < 0 || cfg.CacheLimitBytes < 0 || cfg.Threads < 0:
		return nil, fault.New(fault.InvalidArgument, "open store: a limit is negative")
	}
	dir, err := filepath.Abs(cfg.CacheDir)
	if err != nil {
		return nil, fault.WithCode(fmt.Errorf("open store: %w", err), fault.InvalidArgument)
	}
	cfg.CacheDir = dir
	if cfg.MemoryLimitBytes == 0 {
		cfg.MemoryLimitBytes = DefaultMemoryLimit
	}
	if cfg.CacheLimitBytes == 0 {
		cfg.CacheLimitBytes = DefaultCacheLimit
	}
	if cfg.Threads == 0 {
		cfg.Threads = min(runtime.GOMAXPROCS(0), maxThreads)
	}
	if cfg.Read == nil {
		cfg.Read = record.Read
	}
	if cfg.Logger == nil {
		cfg.Logger = slog.New(slog.DiscardHandler)
	}
	return &Store{
		cfg: cfg, log: cfg.Logger, compiler: sync.OnceValue(ppl.NewCompiler),
		cache:   &cache{dir: dir, id: randomName(), limit: cfg.CacheLimitBytes, now: cfg.Now, log: cfg.Logger},
		sources: map[string]*source{}, pins: map[string]int{},
	}, nil
}

// Open returns the engine of a source: a directory (read with what lies below it), a file, or a pattern such as "logs/*.gz". The
// files are looked at but not read; the first query reads them. A source opened twice is the same engine.
// Errors: fault.NotFound with near names, fault.PermissionDenied, fault.InvalidArgument for what is no file.
func (s *Store) Open(ctx context.Context, name string) (engine.Engine, error) {
	return s.OpenAs(ctx, name, ppl.Dialect{})
}

// OpenAs is Open for queries of a dialect.
func (s *Store) OpenAs(ctx context.Context, name string, dialect ppl.Dialect) (engine.Engine, error) {
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	spec, err := resolve(name)
	if err != nil {
		return nil, err
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.closed {
		return nil, fault.New(fault.Unavailable, "open %s: the store is closed", name)
	}
	key := fmt.Sprintf("%s %+v", spec.key(), dialect)
	src := s.sources[key]
	if src == nil {
		src = &source{store: s, spec: spec, dialect: dialect}
		s.sources[key] = src
	}
	s.touch(ctx, key)
	return src, nil
}

// touch makes a source the most recently used and closes the one used longest ago when there are too many.
func (s *Store) touch(ctx context.Context, key string) {
	for i, k := range s.used {
		if k == key {
			s.used = append(s.used[:i], s.used[i+1:]...)
			break
		}
	}
	s.used = append(s.used, key)
	if len(s.used) > maxSources {
		old := s.sources[s.used[0]]
		delete(s.sources, s.used[0])
		s.used = s.used[1:]
		go old.close(ctx) // waits for its queries
	}
}

// Close ends all sources; running queries are waited for.
func (s *Store) Close() error {
	s.mu.Lock()
	if s.closed {
		s.mu.Unlock()
		return nil
	}
	s.closed = true
	sources := s.sources
	s.sources = nil
	s.mu.Unlock()
	for _, src := range sources {
		src.close(context.Background())
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.shared == nil {
		return nil
	}
	err := s.shared.db.Close()
	s.shared = nil
	if rerr := os.RemoveAll(s.cache.spill()); rerr != nil {
		err = errors.Join(err, fmt.Errorf("close store: %w", rerr))
	}
	return err
}

func (s *Store) common(memory int64) []duck.Setting {
	return []duck.Setting{
		{Name: "autoinstall_known_extensions", Value: "false"},
		{Name: "autoload_known_extensions", Value: "false"},
		{Name: "TimeZone", Value: "'UTC'"},
		{Name: "threads", Value: strconv.Itoa(s.cfg.Threads)},
		{Name: "memory_limit", Value: duck.Literal(strconv.FormatInt(memory, 10) + "B")},
	}
}
