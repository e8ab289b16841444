package main

import (
	"context"
	"errors"
	"log/slog"
	"time"

	"github.com/plumbline-mcp/plumbline/internal/engine"
	"github.com/plumbline-mcp/plumbline/internal/fault"
	"github.com/plumbline-mcp/plumbline/tools"
)

// store opens files as engines.
type store interface {
	Open(ctx context.Context, path string) (engine.Engine, error)
	CacheInfo() (*cacheInfo, error)
	CachePrune(limit int64) (int64, error)
	CacheClear() (int64, error)
	Close() error
}

type cacheInfo struct {
	Dir               string
	Bytes, LimitBytes int64
	Entries           []struct {
		Files    []string
		Bytes    int64
		LastUsed time.Time
	}
}

// toolsets lists the tools of every toolset.
func (p *process) toolsets() []tools.Tool { return nil }

type noStore struct{}

func (noStore) Open(context.Context, string) (engine.Engine, error) {
	return nil, fault.New(fault.Unsupported, "this build reads no files yet")
}
func (noStore) CacheInfo() (*cacheInfo, error)  { return &cacheInfo{Dir: "none"}, nil }
func (noStore) CachePrune(int64) (int64, error) { return 0, nil }
func (noStore) CacheClear() (int64, error)      { return 0, nil }
func (noStore) Close() error                    { return nil }

func newStore(host, config, *slog.Logger) (store, error) { return noStore{}, errors.Join() }
