package main

import (
	"context"
	"errors"

	"github.com/plumbline-mcp/plumbline/internal/cloud"
	"github.com/plumbline-mcp/plumbline/internal/hbase"
	hbasetools "github.com/plumbline-mcp/plumbline/tools/hbase"
)

// hbaseDeps is what the tools that read bundles of HBase need.
func (p *process) hbaseDeps() hbasetools.Deps {
	return hbasetools.Deps{Open: openBundle, Now: p.host.now, Meaning: meaning{p.embedder}}
}

// openBundle reads a bundle: a directory, an archive or an s3:// prefix.
func openBundle(ctx context.Context, name string, opt hbase.ReadOptions) (*hbase.Snapshot, func() error, error) {
	b, err := hbase.Open(ctx, name, hbase.OpenOptions{S3: cloud.S3{New: func(ctx context.Context) (cloud.ObjectsAPI, error) { return s3Client(ctx) }}})
	if err != nil {
		return nil, nil, err
	}
	s, err := hbase.Read(ctx, b, opt)
	if err != nil {
		return nil, nil, errors.Join(err, b.Close())
	}
	return s, b.Close, nil
}
