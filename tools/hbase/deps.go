package hbase

import (
	"context"
	"time"

	"github.com/plumbline-mcp/plumbline/internal/hbase"
	"github.com/plumbline-mcp/plumbline/internal/hbase/check"
	"github.com/plumbline-mcp/plumbline/internal/hbase/logs"
	"github.com/plumbline-mcp/plumbline/tools"
)

// Deps is what the toolset needs of its process.
type Deps struct {
	// Open reads a bundle: a directory, an archive or an s3:// prefix. Close releases it.
	Open func(ctx context.Context, bundle string, opt hbase.ReadOptions) (s *hbase.Snapshot, closing func() error, err error)
	Now  func() time.Time
	// Meaning ranks log templates by a question; nil: by common words.
	Meaning logs.Ranker
}

// Tools lists the tools that read a bundle; RepairTools lists those that plan, apply and verify.
func Tools(d Deps) []tools.Tool {
	return []tools.Tool{checkTool(d), regionTool(d), logsTool(d)}
}

// checked reads a bundle, applies every rule and hands both to use while the bundle is open.
func (d Deps) checked(ctx context.Context, bundle string, opt hbase.ReadOptions, use func(*hbase.Snapshot, *check.Report) error) (err error) {
	s, closing, err := d.Open(ctx, bundle, opt)
	if err != nil {
		return err
	}
	defer func() {
		if cerr := closing(); err == nil {
			err = cerr
		}
	}()
	r, err := check.Run(ctx, s)
	if err != nil {
		return err
	}
	return use(s, r)
}
