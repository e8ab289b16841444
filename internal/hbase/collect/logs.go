package collect

import (
	"cmp"
	"compress/gzip"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/s3"
)

// logName is the name HBase's start script gives a log: hbase-USER-ROLE-HOST.log, then .N or .DATE after a rotation.
var logName = regexp.MustCompile(`^hbase-[^-]+-(master|regionserver|rest|thrift2?|zookeeper)-(.+?)\.log((?:\.[\w.\-]+)?)$`)

// logFile is a log to copy: from this host or from where EMR ships logs.
type logFile struct {
	Log

	open func(context.Context) (io.ReadCloser, error)
}

// localLogs lists the logs of this host.
func (r *run) localLogs() []logFile {
	var out []logFile
	for _, dir := range r.host.LogDirs {
		entries, err := os.ReadDir(dir)
		if err != nil {
			out = append(out, logFile{Log: Log{Status: statusFailed, Instance: "-", Host: "-", Source: dir, Reason: err.Error()}})
			continue
		}
		for _, e := range entries {
			p := filepath.Join(dir, e.Name())
			l, ok := r.named(e.Name(), r.host.Instance, p)
			if !ok || !e.Type().IsRegular() {
				continue
			}
			if info, err := e.Info(); err == nil {
				l.modified = info.ModTime()
			}
			out = append(out, logFile{Log: l, open: func(context.Context) (io.ReadCloser, error) { return os.Open(p) }})
		}
	}
	return out
}

// named reads a log's name. Logs of this host are of its instance; where a host says nothing of its instance, its name stands for it.
func (r *run) named(name, instance, source string) (Log, bool) {
	m := logName.FindStringSubmatch(name)
	if m == nil {
		return Log{}, false
	}
	l := Log{Role: m[1], Host: m[2], Instance: instance, Source: source}
	if l.Instance == "" {
		l.Instance = l.Host
	}
	l.File = path.Join("logs/nodes", l.Instance, "applications/hbase", strings.TrimSuffix(name, ".gz")+".gz")
	return l, true
}

// shippedLogs lists the logs of all nodes that EMR has shipped to S3: LOGURI/JOBFLOW/node/INSTANCE/applications/hbase/.
func (r *run) shippedLogs(ctx context.Context) ([]logFile, error) {
	bucket, prefix, ok := splitS3(r.host.LogURI)
	if !ok || r.c.Objects == nil || r.host.JobFlow == "" {
		return nil, nil
	}
	prefix = path.Join(prefix, r.host.JobFlow, "node") + "/"
	var out []logFile
	in := &s3.ListObjectsV2Input{Bucket: aws.String(bucket), Prefix: aws.String(prefix)}
	for page := s3.NewListObjectsV2Paginator(r.c.Objects, in); page.HasMorePages(); {
		got, err := page.NextPage(ctx)
		if err != nil {
			return out, fmt.Errorf("list s3://%s/%s: %w", bucket, prefix, err)
		}
		for _, o := range got.Contents {
			key := aws.ToString(o.Key)
			parts := strings.Split(strings.TrimPrefix(key, prefix), "/")
			if len(parts) != 4 || parts[1] != "applications" || parts[2] != "hbase" {
				continue
			}
			l, ok := r.named(parts[3], parts[0], "s3://"+bucket+"/"+key)
			if !ok {
				continue
			}
			l.modified = aws.ToTime(o.LastModified)
			out = append(out, logFile{Log: l, open: func(ctx context.Context) (io.ReadCloser, error) {
				got, err := r.c.Objects.GetObject(ctx, &s3.GetObjectInput{Bucket: aws.String(bucket), Key: aws.String(key)})
				if err != nil {
					return nil, err
				}
				return got.Body, nil
			}})
		}
	}
	return out, nil
}

// The states of a log's copy.
const (
	statusCopied  = "copied"
	statusPartial = "partial"
	statusSkipped = "skipped"
	statusFailed  = "failed"
)

// copyLogs copies the logs of the lookback, the newest first, until the bundle is full.
func (r *run) copyLogs(ctx context.Context) []Log {
	files := r.localLogs()
	shipped, err := r.shippedLogs(ctx)
	files = append(files, shipped...)
	slices.SortStableFunc(files, func(a, b logFile) int { return cmp.Compare(b.modified.Unix(), a.modified.Unix()) })
	since := r.began.Add(-r.c.Lookback)
	var out []Log
	have := map[string]bool{} // host and name: this host's own file is fresher than its shipped copy, and comes first
	for _, f := range files {
		l := f.Log
		id := l.Host + "/" + path.Base(l.File)
		switch {
		case l.Status == statusFailed:
		case have[id]:
			l.Status, l.Reason, l.File = statusSkipped, "the same log is already in the bundle", ""
		case l.modified.Before(since):
			l.Status, l.Reason, l.File = statusSkipped, "last written before the lookback", ""
		case r.left() <= 0:
			l.Status, l.Reason, l.File = statusSkipped, "the bundle has reached its size limit", ""
		case ctx.Err() != nil:
			l.Status, l.Reason, l.File = statusSkipped, ctx.Err().Error(), ""
		default:
			have[id] = true
			l = r.copyLog(ctx, f, since)
		}
		out = append(out, l)
	}
	if err != nil {
		out = append(out, Log{Status: statusFailed, Instance: "-", Host: "-", Source: r.host.LogURI, Reason: err.Error()})
	}
	if len(out) == 0 {
		out = append(out, Log{Status: statusFailed, Instance: "-", Host: "-", Source: strings.Join(r.host.LogDirs, ","), Reason: "no HBase log found: name their directory with --logs"})
	}
	return out
}

// copyLog streams one log through the cut and gzip into the bundle.
func (r *run) copyLog(ctx context.Context, f logFile, since time.Time) (l Log) {
	l = f.Log
	fail := func(err error) Log {
		l.Status, l.Reason = statusFailed, err.Error()
		return l
	}
	in, err := f.open(ctx)
	if err != nil {
		l.File = ""
		return fail(err)
	}
	defer in.Close()
	var src io.Reader = in
	if strings.HasSuffix(l.Source, ".gz") {
		z, err := gzip.NewReader(in)
		if err != nil {
			l.File = ""
			return fail(fmt.Errorf("gunzip: %w", err))
		}
		src = z
	}
	out, err := r.create(l.File)
	if err != nil {
		return fail(err)
	}
	limited := &limitWriter{w: out, left: r.left()}
	z := gzip.NewWriter(limited)
	lines, err := cutLog(stopped{ctx, z, limited}, src, since, r.c.Location)
	closing := errors.Join(z.Close(), out.Close())
	l.Lines, l.Bytes, l.Status = lines, limited.written, statusCopied
	r.spend(l.Bytes)
	switch {
	case limited.cut || errors.Is(err, errFull):
		l.Status, l.Reason = statusPartial, "the bundle has reached its size limit"
	case err != nil:
		l.Status, l.Reason = statusPartial, err.Error()
	case closing != nil:
		return fail(closing)
	}
	return l
}

// errFull ends the copy of a log when the bundle is full.
var errFull = errors.New("the bundle is full")

// stopped is a writer that ends when the run ends or the bundle is full: reading on would be for nothing.
type stopped struct {
	ctx   context.Context //nolint:containedctx // a writer has no other way to see the end of the run
	w     io.Writer
	limit *limitWriter
}

func (s stopped) Write(p []byte) (int, error) {
	if s.limit.cut {
		return 0, errFull
	}
	if err := s.ctx.Err(); err != nil {
		return 0, err
	}
	return s.w.Write(p)
}

// nodes names the newest log of each host and role.
func nodes(logs []Log) []Node {
	var out []Node
	seen := map[string]bool{}
	for _, l := range logs {
		id := l.Instance + "/" + l.Host + "/" + l.Role
		if l.File == "" || l.Status == statusSkipped || l.Status == statusFailed || seen[id] {
			continue
		}
		seen[id] = true
		out = append(out, Node{InstanceID: l.Instance, Host: l.Host, Role: l.Role, Log: l.File})
	}
	slices.SortFunc(out, func(a, b Node) int { return cmp.Or(cmp.Compare(a.Role, b.Role), cmp.Compare(a.Host, b.Host)) })
	return out
}
