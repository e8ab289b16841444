package collect

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"net/url"
	"path"
	"strings"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/s3"
)

// splitS3 parts s3://bucket/prefix, without a slash at the end.
func splitS3(uri string) (bucket, prefix string, ok bool) {
	u, err := url.Parse(uri)
	if err != nil || (u.Scheme != "s3" && u.Scheme != "s3a" && u.Scheme != "s3n") || u.Host == "" {
		return "", "", false
	}
	return u.Host, strings.Trim(u.Path, "/"), true
}

// listRoot lists the root directory with the command of its file system.
func (r *run) listRoot(ctx context.Context) Command {
	if r.host.OnS3() {
		return r.listS3(ctx, "paths", filePaths, r.host.RootDir)
	}
	return r.listHDFS(ctx, "paths", filePaths, r.host.RootDir)
}

// listWALs lists hbase.wal.dir: on EMR with the root on S3 the WALs are on the cluster's HDFS.
func (r *run) listWALs(ctx context.Context) Command {
	return r.listHDFS(ctx, "wal_paths", fileWALs, r.host.WALDir)
}

func (r *run) listHDFS(ctx context.Context, name, file, dir string) Command {
	if dir == "" {
		return Command{Name: name, File: file, ExitCode: -1, Problem: "hbase-site.xml with hbase.rootdir was not found: name its directory with --conf"}
	}
	if r.host.HDFS == "" {
		return Command{Name: name, Command: "hdfs dfs -ls -R " + dir, File: file, ExitCode: -1, Problem: "no hdfs command in PATH"}
	}
	return r.command(ctx, job{name: name, file: file, args: r.as(r.host.HDFS, "dfs", "-ls", "-R", r.onDefault(dir)), timeout: r.c.Timeout, exitMatters: true})
}

// onDefault writes a directory of the default file system as a plain path, as a person would type it.
func (r *run) onDefault(dir string) string {
	u, err := url.Parse(dir)
	if err != nil || u.Scheme != "hdfs" || u.Path == "" {
		return dir
	}
	core, err := readSite(path.Join(r.host.ConfDir, "core-site.xml"))
	if fallback, _ := url.Parse(core["fs.defaultFS"]); err != nil || fallback == nil || fallback.Host == "" || fallback.Host == u.Host || u.Host == "" {
		return u.Path
	}
	return dir
}

// listS3 writes the lines of `aws s3 ls --recursive`: time, size in ten columns, key.
func (r *run) listS3(ctx context.Context, name, file, dir string) (rec Command) {
	bucket, prefix, _ := splitS3(dir)
	rec = Command{Name: name, Command: "aws s3 ls " + strings.TrimRight("s3://"+bucket+"/"+prefix, "/") + "/ --recursive", File: file, ExitCode: -1}
	began := r.c.Now()
	defer func() { rec.Seconds = round(r.c.Now().Sub(began).Seconds()) }()
	if r.c.Objects == nil {
		rec.Problem = "no S3 client"
		return rec
	}
	out, err := r.create(file)
	if err != nil {
		rec.Problem = err.Error()
		return rec
	}
	limited := &limitWriter{w: out, left: min(maxOutput, r.left())}
	w := bufio.NewWriter(limited)
	ctx, cancel := context.WithTimeout(ctx, r.c.Timeout)
	defer cancel()
	if prefix != "" {
		prefix += "/"
	}
	in := &s3.ListObjectsV2Input{Bucket: aws.String(bucket), Prefix: aws.String(prefix)}
	for page := s3.NewListObjectsV2Paginator(r.c.Objects, in); page.HasMorePages() && err == nil && !limited.cut; {
		var got *s3.ListObjectsV2Output
		if got, err = page.NextPage(ctx); err != nil {
			break
		}
		for _, o := range got.Contents {
			fmt.Fprintf(w, "%s %10d %s\n", aws.ToTime(o.LastModified).In(r.c.Location).Format("2006-01-02 15:04:05"), aws.ToInt64(o.Size), aws.ToString(o.Key))
		}
	}
	rec.TimedOut = errors.Is(ctx.Err(), context.DeadlineExceeded)
	err = errors.Join(err, w.Flush(), out.Close())
	rec.Bytes = limited.written
	r.spend(rec.Bytes)
	switch {
	case err != nil:
		rec.ExitCode, rec.Problem = 1, err.Error()
	case limited.cut:
		rec.ExitCode, rec.Problem = 0, "cut at the size limit"
	default:
		rec.ExitCode, rec.Complete = 0, true
	}
	return rec
}
