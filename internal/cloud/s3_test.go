package cloud_test

import (
	"context"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/s3"

	"github.com/plumbline-mcp/plumbline/internal/cloud"
	"github.com/plumbline-mcp/plumbline/internal/fault"
)

// standIn answers the two calls of S3, two keys a page.
func standIn(t *testing.T, objects map[string]string) cloud.S3 {
	t.Helper()
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Query().Get("list-type") != "2" {
			text, ok := objects[strings.TrimPrefix(r.URL.Path, "/bucket/")]
			var from int
			if !ok {
				w.WriteHeader(http.StatusNotFound)
				fmt.Fprint(w, `<Error><Code>NoSuchKey</Code><Message>no</Message></Error>`)
				return
			}
			if _, err := fmt.Sscanf(r.Header.Get("Range"), "bytes=%d-", &from); err == nil {
				w.WriteHeader(http.StatusPartialContent)
			}
			_, _ = io.WriteString(w, text[from:])
			return
		}
		if !strings.HasPrefix(r.URL.Path, "/bucket") {
			w.WriteHeader(http.StatusForbidden)
			fmt.Fprint(w, `<Error><Code>AccessDenied</Code><Message>no</Message></Error>`)
			return
		}
		page(w, r, objects)
	}))
	t.Cleanup(server.Close)
	return cloud.S3{New: func(context.Context) (cloud.ObjectsAPI, error) {
		return s3.New(s3.Options{
			BaseEndpoint: aws.String(server.URL), UsePathStyle: true, Region: "us-east-1", RetryMaxAttempts: 1,
			Credentials: aws.CredentialsProviderFunc(func(context.Context) (aws.Credentials, error) {
				return aws.Credentials{AccessKeyID: "test", SecretAccessKey: "test"}, nil
			}),
		}), nil
	}}
}

func page(w io.Writer, r *http.Request, objects map[string]string) {
	var keys []string
	for k := range objects {
		if strings.HasPrefix(k, r.URL.Query().Get("prefix")) && k > r.URL.Query().Get("continuation-token") {
			keys = append(keys, k)
		}
	}
	slices.Sort(keys)
	more := len(keys) > 2
	keys = keys[:min(2, len(keys))]
	fmt.Fprintf(w, `<?xml version="1.0"?><ListBucketResult><IsTruncated>%t</IsTruncated>`, more)
	for _, k := range keys {
		fmt.Fprintf(w, `<Contents><Key>%s</Key><Size>%d</Size></Contents>`, k, len(objects[k]))
	}
	if more {
		fmt.Fprintf(w, `<NextContinuationToken>%s</NextContinuationToken>`, keys[1])
	}
	fmt.Fprint(w, `</ListBucketResult>`)
}

func TestObjectsAreListedOverPagesAndReadFromAnOffset(t *testing.T) {
	s := standIn(t, map[string]string{"p/a": "12345", "p/b": "x", "p/c/d": "", "q/a": "no"})
	var got []string
	if err := s.List(t.Context(), "bucket", "p/", func(key string, size int64) error {
		got = append(got, fmt.Sprintf("%s:%d", key, size))
		return nil
	}); err != nil || strings.Join(got, " ") != "p/a:5 p/b:1 p/c/d:0" {
		t.Errorf("%v %v", got, err)
	}
	for offset, want := range map[int64]string{0: "12345", 3: "45"} {
		r, err := s.Get(t.Context(), "bucket", "p/a", offset)
		if err != nil {
			t.Fatal(err)
		}
		b, err := io.ReadAll(r)
		if err != nil || string(b) != want {
			t.Errorf("from %d: %q %v", offset, b, err)
		}
		if err := r.Close(); err != nil {
			t.Error(err)
		}
	}
}

func TestRefusalsCarryACodeAndAHint(t *testing.T) {
	s := standIn(t, nil)
	if _, err := s.Get(t.Context(), "bucket", "none", 0); fault.CodeOf(err) != fault.NotFound {
		t.Errorf("%v", err)
	}
	err := s.List(t.Context(), "forbidden", "", func(string, int64) error { return nil })
	if fault.CodeOf(err) != fault.PermissionDenied || fault.HintOf(err) == "" {
		t.Errorf("%v: %s", err, fault.HintOf(err))
	}
}
