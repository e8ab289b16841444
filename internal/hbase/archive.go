package hbase

import (
	"archive/tar"
	"archive/zip"
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"

	"github.com/klauspost/compress/gzip"

	"github.com/plumbline-mcp/plumbline/internal/fault"
)

// zipped is a bundle in a .zip; entries are read where they are.
type zipped struct {
	name  string
	r     *zip.ReadCloser
	files map[string]*zip.File
	list  []BundleFile
}

func openZip(name string) (*zipped, error) {
	r, err := zip.OpenReader(name)
	if err != nil {
		return nil, fault.WithCode(fmt.Errorf("open bundle %s: %w", name, err), fault.InvalidArgument)
	}
	z := &zipped{name: name, r: r, files: map[string]*zip.File{}}
	if err := z.index(); err != nil {
		return nil, errors.Join(err, r.Close())
	}
	return z, nil
}

func (z *zipped) index() error {
	var total uint64
	if len(z.r.File) > maxFiles {
		return fault.New(fault.TooLarge, "open %s: over %d files", z.name, maxFiles)
	}
	for _, f := range z.r.File {
		clean, ok := safeName(f.Name)
		if !ok {
			return unsafeName(z.name, f.Name)
		}
		if !f.Mode().IsRegular() {
			continue // directories, links
		}
		total += f.UncompressedSize64
		if grows(f.UncompressedSize64, f.CompressedSize64) || total > maxUnpacked {
			return bomb(z.name, clean)
		}
		if _, twice := z.files[clean]; twice {
			return fault.New(fault.InvalidArgument, "open %s: two entries are called %.200q", z.name, clean)
		}
		z.files[clean] = f
		z.list = append(z.list, BundleFile{Path: clean, Size: int64(min(f.UncompressedSize64, maxUnpacked))})
	}
	return nil
}

func grows(out, in uint64) bool { return out > bombBytes && out/bombRatio > in }

func (z *zipped) Name() string                                { return z.name }
func (z *zipped) Files(context.Context) ([]BundleFile, error) { return z.list, nil }
func (z *zipped) Close() error                                { return z.r.Close() }
func (z *zipped) Open(_ context.Context, p string) (io.ReadCloser, error) {
	f := z.files[p]
	if f == nil {
		return nil, fault.New(fault.NotFound, "open %s: no such file in %s", p, z.name)
	}
	r, err := f.Open()
	if err != nil {
		return nil, fmt.Errorf("open %s: %w", p, err)
	}
	// The declared size is the archive's word: no more is read than was judged.
	return struct {
		io.Reader
		io.Closer
	}{io.LimitReader(r, int64(min(f.UncompressedSize64, maxUnpacked))), r}, nil
}

// openTar unpacks a tar archive's regular files into a temporary directory.
func openTar(ctx context.Context, name, temp string) (_ *dir, err error) {
	f, err := os.Open(name)
	if err != nil {
		return nil, fault.WithCode(fmt.Errorf("open bundle: %w", err), fault.PermissionDenied)
	}
	defer f.Close()
	counted := &countReader{r: bufio.NewReaderSize(f, bufferBytes)}
	var in io.Reader = counted
	if !strings.HasSuffix(strings.ToLower(name), ".tar") {
		z, err := gzip.NewReader(counted)
		if err != nil {
			return nil, fault.WithCode(fmt.Errorf("open bundle %s: %w", name, err), fault.InvalidArgument)
		}
		in = z
	}
	made, err := os.MkdirTemp(temp, "plumbline-hbase-")
	if err != nil {
		return nil, fmt.Errorf("open bundle: %w", err)
	}
	d, err := openDir(made)
	if err != nil {
		return nil, errors.Join(err, os.RemoveAll(made))
	}
	d.name, d.temp = name, made
	u := unpacker{archive: name, root: d.root, read: counted}
	if err := u.all(ctx, tar.NewReader(in)); err != nil {
		return nil, errors.Join(err, d.Close())
	}
	return d, nil
}

// countReader counts what goes through it.
type countReader struct {
	r io.Reader
	n int64
}

func (c *countReader) Read(p []byte) (int, error) {
	n, err := c.r.Read(p)
	c.n += int64(n)
	return n, err
}

type unpacker struct {
	archive string
	root    *os.Root
	read    *countReader // compressed bytes so far
	written int64
	files   int
}

// all unpacks every entry. An archive that is cut leaves what came before: what is missing shows in the reading.
func (u *unpacker) all(ctx context.Context, t *tar.Reader) error {
	for {
		if ctx.Err() != nil {
			return ctx.Err()
		}
		h, err := t.Next()
		switch {
		case errors.Is(err, io.EOF), errors.Is(err, io.ErrUnexpectedEOF) && u.files > 0:
			return nil
		case err != nil:
			return fault.WithCode(fmt.Errorf("open bundle %s: %w", u.archive, err), fault.InvalidArgument)
		}
		clean, ok := safeName(h.Name)
		if !ok {
			return unsafeName(u.archive, h.Name)
		}
		if h.Typeflag != tar.TypeReg {
			continue // directories come with their files; links and devices are left out
		}
		if u.files++; u.files > maxFiles {
			return fault.New(fault.TooLarge, "open %s: over %d files", u.archive, maxFiles)
		}
		if err := u.one(ctx, clean, t); err != nil {
			return err
		}
	}
}

func (u *unpacker) one(ctx context.Context, name string, r io.Reader) error {
	at := filepath.FromSlash(name)
	if err := u.root.MkdirAll(filepath.Dir(at), 0o700); err != nil {
		return fmt.Errorf("open bundle %s: %w", u.archive, err)
	}
	f, err := u.root.OpenFile(at, os.O_CREATE|os.O_EXCL|os.O_WRONLY, 0o600)
	if err != nil {
		return fault.WithCode(fmt.Errorf("open bundle %s: %w", u.archive, err), fault.InvalidArgument)
	}
	buf := make([]byte, bufferBytes)
	for err == nil && ctx.Err() == nil {
		var n int
		n, err = r.Read(buf)
		u.written += int64(n)
		if grows(uint64(u.written), uint64(u.read.n)) || u.written > maxUnpacked {
			return errors.Join(bomb(u.archive, name), f.Close())
		}
		if _, werr := f.Write(buf[:n]); werr != nil {
			return errors.Join(fmt.Errorf("open bundle %s: %w", u.archive, werr), f.Close())
		}
	}
	if errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF) {
		err = nil
	}
	return errors.Join(err, ctx.Err(), f.Close())
}
