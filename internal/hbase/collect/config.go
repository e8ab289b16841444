package collect

import (
	"context"
	"net/http"
	"time"

	"github.com/aws/aws-sdk-go-v2/service/s3"
)

// Limits of a run.
const (
	DefaultLookback = 4 * time.Hour    // as an operator's first look back; a restart and what led to it fit in
	DefaultTimeout  = 15 * time.Minute // a scan of 100,000 regions by the shell takes minutes
	DefaultMaxBytes = 4 << 30          // of the bundle on disk: the primary's root volume is often 15 GiB
	processTimeout  = 30 * time.Second
	liveTimeout     = time.Minute // an inspection of the master on a big cluster
	maxStderr       = 8 << 10     // kept of a command's stderr in the manifest
	maxOutput       = 2 << 30     // of one command: a listing of ten million files
	maxPage         = 64 << 20    // of one page of the master
)

// Objects is what is asked of S3.
type Objects interface {
	ListObjectsV2(context.Context, *s3.ListObjectsV2Input, ...func(*s3.Options)) (*s3.ListObjectsV2Output, error)
	GetObject(context.Context, *s3.GetObjectInput, ...func(*s3.Options)) (*s3.GetObjectOutput, error)
	HeadObject(context.Context, *s3.HeadObjectInput, ...func(*s3.Options)) (*s3.HeadObjectOutput, error)
	PutObject(context.Context, *s3.PutObjectInput, ...func(*s3.Options)) (*s3.PutObjectOutput, error)
	CreateMultipartUpload(context.Context, *s3.CreateMultipartUploadInput, ...func(*s3.Options)) (*s3.CreateMultipartUploadOutput, error)
	UploadPart(context.Context, *s3.UploadPartInput, ...func(*s3.Options)) (*s3.UploadPartOutput, error)
	CompleteMultipartUpload(context.Context, *s3.CompleteMultipartUploadInput, ...func(*s3.Options)) (*s3.CompleteMultipartUploadOutput, error)
	ListMultipartUploads(context.Context, *s3.ListMultipartUploadsInput, ...func(*s3.Options)) (*s3.ListMultipartUploadsOutput, error)
	ListParts(context.Context, *s3.ListPartsInput, ...func(*s3.Options)) (*s3.ListPartsOutput, error)
}

// Config says what is collected and where to. Its zero values ask the host.
type Config struct {
	ClusterID string        // job flow id, j-…
	Out       string        // directory of the bundle: made, or empty
	Lookback  time.Duration // of logs; DefaultLookback
	ConfDir   string        // holds hbase-site.xml
	LogDirs   []string      // hold HBase's logs
	LogURI    string        // s3://… where EMR ships logs to: those of the other nodes are read from there
	Live      string        // URL of the master's pages, http://host:16010
	Inspect   bool          // have the master run its inspections before its pages are read
	As        []string      // put before hbase and hdfs commands: sudo -u hbase
	Timeout   time.Duration // of each command; DefaultTimeout
	MaxBytes  int64         // of the whole bundle; DefaultMaxBytes
	Version   string        // of the collector, for the manifest

	Env      func(string) string // the environment; nil is an empty one
	Root     string              // prefix of the host's own paths (/etc, /var/log, /mnt); "" but in tests
	Location *time.Location      // of the times in logs; time.Local
	Now      func() time.Time
	HTTP     *http.Client
	Objects  Objects      // nil: S3 cannot be reached
	Say      func(string) // told each step; may be nil
}

func (c *Config) defaults() {
	if c.Lookback == 0 {
		c.Lookback = DefaultLookback
	}
	if c.Timeout == 0 {
		c.Timeout = DefaultTimeout
	}
	if c.MaxBytes == 0 {
		c.MaxBytes = DefaultMaxBytes
	}
	if c.Env == nil {
		c.Env = func(string) string { return "" }
	}
	if c.Location == nil {
		c.Location = time.Local
	}
	if c.HTTP == nil {
		c.HTTP = http.DefaultClient
	}
	if c.Say == nil {
		c.Say = func(string) {}
	}
}
