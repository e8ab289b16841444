package collect_test

import (
	"bytes"
	"compress/gzip"
	"context"
	"crypto/sha256"
	"encoding/base64"
	"encoding/xml"
	"errors"
	"fmt"
	"io"
	"maps"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/s3"

	"github.com/plumbline-mcp/plumbline/internal/hbase/collect"
)

// bucket is a small S3 of one bucket: objects, listing and uploads by parts, with the checksums a client sends checked.
type bucket struct {
	mu       sync.Mutex
	objects  map[string][]byte
	meta     map[string]string
	uploads  map[string]map[int][]byte // key of the object
	parts    int                       // received
	refuseAt int                       // the part number whose first try is refused; 0 for none
}

func newBucket(t *testing.T) (*bucket, *s3.Client) {
	t.Helper()
	b := &bucket{objects: map[string][]byte{}, meta: map[string]string{}, uploads: map[string]map[int][]byte{}}
	srv := httptest.NewServer(b)
	t.Cleanup(srv.Close)
	return b, s3.New(s3.Options{
		Region: "us-east-1", BaseEndpoint: aws.String(srv.URL), UsePathStyle: true, Retryer: aws.NopRetryer{},
		Credentials: aws.CredentialsProviderFunc(func(context.Context) (aws.Credentials, error) {
			return aws.Credentials{AccessKeyID: "a", SecretAccessKey: "b"}, nil
		}),
	})
}

func (b *bucket) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	b.mu.Lock()
	defer b.mu.Unlock()
	key := strings.TrimPrefix(strings.TrimPrefix(r.URL.Path, "/b"), "/")
	q := r.URL.Query()
	body, err := payload(r)
	if err != nil {
		http.Error(w, err.Error(), http.StatusBadRequest)
		return
	}
	answer := func(v any) { _ = xml.NewEncoder(w).Encode(v) }
	switch {
	case r.Method == http.MethodGet && q.Has("uploads"):
		type upload struct {
			Key string
			ID  string `xml:"UploadId"`
		}
		out := struct {
			XMLName xml.Name `xml:"ListMultipartUploadsResult"`
			Upload  []upload
		}{}
		for k := range b.uploads {
			out.Upload = append(out.Upload, upload{k, "id-" + k})
		}
		answer(out)
	case r.Method == http.MethodGet && q.Has("uploadId"):
		type part struct {
			PartNumber, Size     int
			ETag, ChecksumSHA256 string
		}
		out := struct {
			XMLName xml.Name `xml:"ListPartsResult"`
			Part    []part
		}{}
		for _, n := range slices.Sorted(maps.Keys(b.uploads[key])) {
			p := b.uploads[key][n]
			out.Part = append(out.Part, part{n, len(p), "e" + strconv.Itoa(n), sum(p)})
		}
		answer(out)
	case r.Method == http.MethodGet && q.Has("list-type"):
		type object struct {
			Key, LastModified string
			Size              int
		}
		out := struct {
			XMLName  xml.Name `xml:"ListBucketResult"`
			Contents []object
		}{}
		for _, k := range slices.Sorted(maps.Keys(b.objects)) {
			if strings.HasPrefix(k, q.Get("prefix")) {
				out.Contents = append(out.Contents, object{k, "2026-11-23T11:30:00Z", len(b.objects[k])})
			}
		}
		answer(out)
	case r.Method == http.MethodPost && q.Has("uploads"):
		b.uploads[key] = map[int][]byte{}
		b.meta[key] = r.Header.Get("X-Amz-Meta-Sha256")
		answer(struct {
			XMLName xml.Name `xml:"InitiateMultipartUploadResult"`
			ID      string   `xml:"UploadId"`
		}{ID: "id-" + key})
	case r.Method == http.MethodPut && q.Has("partNumber"):
		n, _ := strconv.Atoi(q.Get("partNumber"))
		if n == b.refuseAt {
			b.refuseAt = 0
			http.Error(w, "no", http.StatusForbidden)
			return
		}
		b.uploads[key][n] = body
		b.parts++
		w.Header().Set("ETag", "e"+strconv.Itoa(n))
	case r.Method == http.MethodPost:
		var whole []byte
		for _, n := range slices.Sorted(maps.Keys(b.uploads[key])) {
			whole = append(whole, b.uploads[key][n]...)
		}
		b.objects[key] = whole
		delete(b.uploads, key)
		answer(struct {
			XMLName xml.Name `xml:"CompleteMultipartUploadResult"`
		}{})
	case r.Method == http.MethodPut:
		b.objects[key], b.meta[key] = body, r.Header.Get("X-Amz-Meta-Sha256")
	case b.objects[key] == nil:
		http.Error(w, "", http.StatusNotFound)
	default:
		w.Header().Set("X-Amz-Meta-Sha256", b.meta[key])
		w.Header().Set("Content-Length", strconv.Itoa(len(b.objects[key])))
		if r.Method == http.MethodGet {
			_, _ = w.Write(b.objects[key])
		}
	}
}

func sum(b []byte) string {
	h := sha256.Sum256(b)
	return base64.StdEncoding.EncodeToString(h[:])
}

// payload reads a body, plain or in signed chunks, and checks its checksum, before or after it.
func payload(r *http.Request) ([]byte, error) {
	raw, err := io.ReadAll(r.Body)
	if err != nil {
		return nil, err
	}
	want := r.Header.Get("X-Amz-Checksum-Sha256")
	if strings.Contains(r.Header.Get("Content-Encoding"), "aws-chunked") {
		var out []byte
		for {
			head, rest, ok := bytes.Cut(raw, []byte("\r\n"))
			n, err := strconv.ParseInt(string(bytes.Split(head, []byte(";"))[0]), 16, 64)
			if !ok || err != nil || int(n) > len(rest) {
				return nil, errors.New("bad chunk")
			}
			if n == 0 {
				if _, after, ok := strings.Cut(string(rest), "x-amz-checksum-sha256:"); ok {
					want = strings.TrimSpace(after)
				}
				break
			}
			out, raw = append(out, rest[:n]...), rest[n+2:]
		}
		raw = out
	}
	if r.Method == http.MethodPut && want != sum(raw) {
		return nil, fmt.Errorf("checksum %q, want %q", want, sum(raw))
	}
	return raw, nil
}

func bundle(t *testing.T, sizes map[string]int) string {
	t.Helper()
	dir := t.TempDir()
	for name, n := range sizes {
		p := filepath.Join(dir, name)
		if err := os.MkdirAll(filepath.Dir(p), 0o700); err != nil {
			t.Fatal(err)
		}
		raw := make([]byte, n)
		for i := range raw {
			raw[i] = byte(i * 31 >> 3)
		}
		if err := os.WriteFile(p, raw, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	return dir
}

func TestAnUploadThatBrokeOffGoesOnWhereItStopped(t *testing.T) {
	b, client := newBucket(t)
	dir := bundle(t, map[string]int{"diagnostics/manifest.json": 10, "diagnostics/hbase_meta.txt": 1000, "logs/big.log.gz": 5*1024 + 7})
	b.refuseAt = 4
	up := collect.Upload{Objects: client, PartSize: 1024}
	if _, _, err := up.Send(t.Context(), dir, "s3://b/x/j-1"); err == nil {
		t.Fatal("the refused part went unnoticed")
	}
	if b.parts != 3 || b.objects["x/j-1/diagnostics/manifest.json"] != nil {
		t.Fatalf("%d parts before the failure; the manifest must come last", b.parts)
	}
	sent, there, err := up.Send(t.Context(), dir, "s3://b/x/j-1")
	if err != nil || sent != 2 || there != 1 {
		t.Fatalf("second try: %d sent, %d there, %v", sent, there, err)
	}
	if b.parts != 6 {
		t.Errorf("%d parts sent in all, want 6: the first three were there", b.parts)
	}
	for _, name := range []string{"diagnostics/manifest.json", "diagnostics/hbase_meta.txt", "logs/big.log.gz"} {
		want, err := os.ReadFile(filepath.Join(dir, name))
		if err != nil || !bytes.Equal(b.objects["x/j-1/"+name], want) {
			t.Errorf("%s differs on S3, %v", name, err)
		}
	}
	if sent, there, err = up.Send(t.Context(), dir, "s3://b/x/j-1"); sent != 0 || there != 3 || err != nil {
		t.Errorf("third try: %d sent, %d there, %v", sent, there, err)
	}
}

func TestABundlesPlaceOnS3IsItsCluster(t *testing.T) {
	for in, want := range map[string]string{"s3://b": "s3://b/emr-logs/j-1", "s3://b/": "s3://b/emr-logs/j-1", "s3://b/p/q/": "s3://b/p/q/j-1"} {
		if got, err := collect.Destination(in, "j-1"); got != want || err != nil {
			t.Errorf("%s: %s, %v", in, got, err)
		}
	}
	if _, err := collect.Destination("/tmp/x", "j-1"); err == nil {
		t.Error("a path passes for S3")
	}
}

func TestTheRootOnS3IsListedAndTheLogsOfAllNodesAreRead(t *testing.T) {
	m := newMachine(t)
	b, client := newBucket(t)
	b.objects["hb/data/default/t/0123456789abcdef0123456789abcdef/.regioninfo"] = []byte("x")
	b.objects["hb/data_$folder$"] = []byte{}
	b.objects["elsewhere"] = []byte{}
	b.objects["emr/j-TEST/node/i-9/applications/hbase/hbase-hbase-regionserver-ip-9.log.2026-11-23-11.gz"] = zipped(t, "2026-11-23T11:00:00,000 INFO  shipped\n")
	b.objects["emr/j-TEST/node/i-9/applications/hadoop-yarn/x.log.gz"] = zipped(t, "not HBase\n")
	b.objects["emr/j-OTHER/node/i-9/applications/hbase/hbase-hbase-regionserver-ip-8.log.gz"] = zipped(t, "another cluster\n")
	m.file(t, "etc/hbase/conf/hbase-site.xml", `<configuration><property><name>hbase.rootdir</name><value>s3://b/hb/</value></property>`+
		`<property><name>hbase.wal.dir</name><value>hdfs:///user/hbase/WAL</value></property></configuration>`)
	m.command(t, "hdfs", `echo "$*"`)
	c := m.config(t)
	c.Objects, c.LogURI = client, "s3n://b/emr/"
	got, err := collect.Run(t.Context(), c)
	if err != nil {
		t.Fatal(err)
	}
	want := "2026-11-23 11:30:00          1 hb/data/default/t/0123456789abcdef0123456789abcdef/.regioninfo\n" +
		"2026-11-23 11:30:00          0 hb/data_$folder$\n"
	if list := read(t, c.Out, "diagnostics/hbase_rootdir_paths.txt"); list != want {
		t.Errorf("listing %q", list)
	}
	if wal := read(t, c.Out, "diagnostics/hbase_wal_paths.txt"); wal != "dfs -ls -R /user/hbase/WAL\n" {
		t.Errorf("WALs are listed by %q", wal)
	}
	const log = "logs/nodes/i-9/applications/hbase/hbase-hbase-regionserver-ip-9.log.2026-11-23-11.gz"
	if text := read(t, c.Out, log); !strings.Contains(text, "shipped") {
		t.Errorf("%s: %q", log, text)
	}
	if len(got.Nodes) != 2 || !got.Complete {
		t.Errorf("nodes %+v, complete %t: %+v", got.Nodes, got.Complete, got.Logs)
	}
}

func zipped(t *testing.T, text string) []byte {
	t.Helper()
	var b bytes.Buffer
	z := gzip.NewWriter(&b)
	if _, err := io.WriteString(z, text); err != nil {
		t.Fatal(err)
	}
	if err := z.Close(); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}
