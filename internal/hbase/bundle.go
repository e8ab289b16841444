package hbase

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"strings"

	"github.com/plumbline-mcp/plumbline/internal/fault"
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

// The limits of a bundle. A bundle of a thousand nodes has some ten thousand files.
const (
	maxFiles    = 100_000
	maxDepth    = 24
	maxUnpacked = 64 << 30 // of an archive
	maxNamed    = 8        // names in an error
	// bombRatio and bombBytes refuse compressed data that grows out of proportion: logs and listings shrink to a tenth or a
	// thirtieth, deflate reaches a thousandth only on one repeated byte.
	bombRatio = 200
	bombBytes = 256 << 20
)

// ObjectStore reads objects of S3; *cloud.S3 is one.
type ObjectStore interface {
	// List calls each for every object below a prefix, in the order of keys.
	List(ctx context.Context, bucket, prefix string, each func(key string, size int64) error) error
	// Get reads an object from an offset on.
	Get(ctx context.Context, bucket, key string, offset int64) (io.ReadCloser, error)
}

// OpenOptions say what Open may use.
type OpenOptions struct {
	S3   ObjectStore // nil: s3:// is refused
	Temp string      // where archives are unpacked; "" is the system's directory
}

// Open opens a bundle: a directory, a .zip, .tar, .tar.gz or .tgz, or an s3:// prefix. Archives of tar are unpacked into a
// temporary directory, which Close removes.
func Open(ctx context.Context, name string, opt OpenOptions) (Bundle, error) {
	if strings.TrimSpace(name) == "" {
		return nil, fault.WithHint(fault.New(fault.InvalidArgument, "open bundle: no name given"), "Name a directory, a .tar.gz, a .zip or an s3:// prefix.")
	}
	if bucket, prefix, ok := s3Name(name); ok {
		if opt.S3 == nil {
			return nil, fault.WithHint(fault.New(fault.Unsupported, "open %s: no S3 client", name), "Copy the bundle here and name its directory.")
		}
		return openS3(ctx, opt, name, bucket, prefix)
	}
	info, err := os.Stat(name)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return nil, fault.WithHint(fault.WithCode(fmt.Errorf("open bundle: %w", err), fault.NotFound), "A bundle is the directory that plumbline hbase collect made, or a .tar.gz or .zip of it.")
	case err != nil:
		return nil, fault.WithCode(fmt.Errorf("open bundle: %w", err), fault.PermissionDenied)
	case info.IsDir():
		return openDir(name)
	}
	switch lower := strings.ToLower(name); {
	case strings.HasSuffix(lower, ".zip"):
		return openZip(name)
	case strings.HasSuffix(lower, ".tar"), strings.HasSuffix(lower, ".tar.gz"), strings.HasSuffix(lower, ".tgz"):
		return openTar(ctx, name, opt.Temp)
	}
	return nil, fault.WithHint(fault.New(fault.InvalidArgument, "open bundle: %s is no directory and no archive", name), "Archives end in .zip, .tar, .tar.gz or .tgz.")
}

// s3Name parts s3://bucket/prefix.
func s3Name(name string) (bucket, prefix string, ok bool) {
	rest, ok := strings.CutPrefix(name, "s3://")
	if !ok {
		return "", "", false
	}
	bucket, prefix, _ = strings.Cut(rest, "/")
	return bucket, strings.Trim(prefix, "/"), true
}

// dir is a bundle in a directory. os.Root keeps every access below it, links included.
type dir struct {
	name string
	root *os.Root
	temp string // removed by Close
}

func openDir(name string) (*dir, error) {
	root, err := os.OpenRoot(name)
	if err != nil {
		return nil, fault.WithCode(fmt.Errorf("open bundle: %w", err), fault.PermissionDenied)
	}
	return &dir{name: name, root: root}, nil
}

func (d *dir) Name() string { return d.name }

func (d *dir) Files(ctx context.Context) ([]BundleFile, error) {
	var out []BundleFile
	err := fs.WalkDir(d.root.FS(), ".", func(p string, e fs.DirEntry, err error) error {
		switch {
		case ctx.Err() != nil:
			return ctx.Err()
		case err != nil && p == ".":
			return err
		case err != nil:
			return nil //nolint:nilerr // an unreadable corner: what is in it counts as absent
		case e.IsDir() && strings.Count(p, "/") >= maxDepth:
			return fs.SkipDir
		case !e.Type().IsRegular():
			return nil
		case len(out) >= maxFiles:
			return fault.New(fault.TooLarge, "open bundle: over %d files in %s", maxFiles, d.name)
		}
		if info, err := e.Info(); err == nil {
			out = append(out, BundleFile{Path: p, Size: info.Size()})
		}
		return nil
	})
	return out, err
}

func (d *dir) Open(_ context.Context, p string) (io.ReadCloser, error) {
	f, err := d.root.Open(filepath.FromSlash(p))
	if err != nil {
		return nil, fmt.Errorf("open %s: %w", p, err)
	}
	if info, err := f.Stat(); err != nil || !info.Mode().IsRegular() {
		return nil, errors.Join(fault.New(fault.InvalidArgument, "open %s: no regular file", p), err, f.Close())
	}
	return f, nil
}

func (d *dir) Close() error {
	err := d.root.Close()
	if d.temp != "" {
		err = errors.Join(err, os.RemoveAll(d.temp))
	}
	return err
}

// safeName cleans the name of an archive's entry; ok is false for one that leaves the archive.
func safeName(name string) (string, bool) {
	name = strings.ReplaceAll(name, `\`, "/")
	for strings.HasPrefix(name, "./") {
		name = name[2:]
	}
	name = strings.TrimSuffix(name, "/")
	if !filepath.IsLocal(filepath.FromSlash(name)) || strings.ContainsRune(name, 0) || len(name) > 4096 {
		return "", false
	}
	return path.Clean(name), true
}

func unsafeName(archive, name string) error {
	return fault.WithHint(fault.New(fault.InvalidArgument, "open %s: entry %.200q leaves the archive", archive, name), "This is no bundle that a collector made; do not unpack it.")
}

func bomb(archive, name string) error {
	return fault.WithHint(fault.New(fault.TooLarge, "open %s: %.200s grows out of proportion to its compressed size", archive, name), "This looks like a compression bomb; unpack it yourself if you trust it, and name the directory.")
}
