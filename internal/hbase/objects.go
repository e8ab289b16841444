package hbase

import (
	"context"
	"errors"
	"fmt"
	"io"
	"strings"

	"github.com/plumbline-mcp/plumbline/internal/fault"
)

// objects is a bundle below a prefix of S3.
type objects struct {
	name   string
	store  ObjectStore
	bucket string
	prefix string // with a slash at the end, or ""
	list   []BundleFile
}

func openS3(ctx context.Context, opt OpenOptions, name, bucket, prefix string) (Bundle, error) {
	if bucket == "" {
		return nil, fault.New(fault.InvalidArgument, "open %s: no bucket named", name)
	}
	for _, end := range []string{".zip", ".tar", ".tar.gz", ".tgz"} {
		if strings.HasSuffix(strings.ToLower(prefix), end) {
			return nil, fault.WithHint(fault.New(fault.Unsupported, "open %s: archives are read from this machine", name), "Copy it with aws s3 cp and name the file.")
		}
	}
	o := &objects{name: name, store: opt.S3, bucket: bucket, prefix: prefix}
	if prefix != "" {
		o.prefix += "/"
	}
	err := o.store.List(ctx, bucket, o.prefix, func(key string, size int64) error {
		rel := strings.TrimPrefix(key, o.prefix)
		clean, ok := safeName(rel)
		switch {
		case rel == "" || strings.HasSuffix(rel, "/") || !ok || clean != rel:
			return nil // markers, and keys that are no path of a bundle
		case len(o.list) >= maxFiles:
			return fault.New(fault.TooLarge, "open %s: over %d objects", name, maxFiles)
		}
		o.list = append(o.list, BundleFile{Path: rel, Size: size})
		return nil
	})
	if err != nil {
		return nil, fmt.Errorf("open %s: %w", name, err)
	}
	if len(o.list) == 0 {
		return nil, fault.WithHint(fault.New(fault.NotFound, "open %s: no object below it", name), "A bundle is below s3://bucket/prefix/CLUSTER-ID, as plumbline hbase collect --s3 prints it.")
	}
	return o, nil
}

func (o *objects) Name() string                                { return o.name }
func (o *objects) Files(context.Context) ([]BundleFile, error) { return o.list, nil }
func (o *objects) Close() error                                { return nil }

func (o *objects) Open(ctx context.Context, p string) (io.ReadCloser, error) {
	return &object{ctx: ctx, of: o, key: o.prefix + p}, nil
}

// object reads an object on, and again from elsewhere after a Seek. The request is made at the first Read.
type object struct {
	ctx  context.Context //nolint:containedctx // io.Reader has no context; an object lives within the call that opened it
	of   *objects
	key  string
	at   int64
	body io.ReadCloser
}

func (o *object) Read(p []byte) (int, error) {
	if o.body == nil {
		body, err := o.of.store.Get(o.ctx, o.of.bucket, o.key, o.at)
		if err != nil {
			return 0, fmt.Errorf("read s3://%s/%s: %w", o.of.bucket, o.key, err)
		}
		o.body = body
	}
	n, err := o.body.Read(p)
	o.at += int64(n)
	return n, err
}

// Seek moves to an offset from the start; other ways to count are not needed here.
func (o *object) Seek(offset int64, whence int) (int64, error) {
	if whence != io.SeekStart {
		return o.at, errors.ErrUnsupported
	}
	err := o.Close()
	o.at = offset
	return offset, err
}

func (o *object) Close() error {
	if o.body == nil {
		return nil
	}
	err := o.body.Close()
	o.body = nil
	return err
}
