package hbase

import (
	"context"
	"io"
)

// Bundle is a read-only tree of files, as Open gives it.
type Bundle interface {
	// Name is what was opened, for people.
	Name() string
	// Files lists the files by path, with slashes, without links, devices or names that leave the bundle.
	Files(ctx context.Context) ([]BundleFile, error)
	// Open reads a file from its start. A reader that is an io.Seeker may be moved.
	Open(ctx context.Context, path string) (io.ReadCloser, error)
	// Close releases what Open holds.
	Close() error
}

// BundleFile is one file.
type BundleFile struct {
	Path string
	Size int64 // as stored
}

// ReadOptions bound a reading.
type ReadOptions struct {
	NoLogs bool // leave the logs out
}
