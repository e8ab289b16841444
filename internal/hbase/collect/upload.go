package collect

import (
	"context"
	"crypto/sha256"
	"encoding/base64"
	"fmt"
	"io"
	"os"
	"path"
	"path/filepath"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/s3"
	"github.com/aws/aws-sdk-go-v2/service/s3/types"

	"github.com/plumbline-mcp/plumbline/internal/fault"
)

// PartSize is the size of the parts of a large object: S3 allows 10,000 parts, so up to 160 GB.
const PartSize = 16 << 20

// shaKey is the metadata of an object that holds the SHA-256 of the whole file: a part checksum does not.
const shaKey = "sha256"

// Upload copies bundles to S3.
type Upload struct {
	Objects  Objects
	PartSize int64        // PartSize
	Say      func(string) // told each file; may be nil
}

// Destination returns where a bundle of a job flow goes below an s3:// URI: a bare bucket gets the prefix emr-logs.
func Destination(uri, jobFlow string) (string, error) {
	bucket, prefix, ok := splitS3(uri)
	if !ok {
		return "", fault.New(fault.InvalidArgument, "upload: %q is no s3://bucket/prefix", uri)
	}
	if prefix == "" {
		prefix = "emr-logs"
	}
	if jobFlow == "" {
		jobFlow = "unknown-cluster"
	}
	return "s3://" + path.Join(bucket, prefix, jobFlow), nil
}

// Send uploads the bundle in dir to s3://bucket/prefix, the manifest last: where it stands, the bundle is whole. What is
// already there with the same content is left alone and interrupted uploads of parts are taken up again, so that a
// second call finishes the first. It returns the files sent and those that were there.
func (u Upload) Send(ctx context.Context, dir, uri string) (sent, there int, err error) {
	bucket, prefix, ok := splitS3(uri)
	if !ok {
		return 0, 0, fault.New(fault.InvalidArgument, "upload: %q is no s3://bucket/prefix", uri)
	}
	files, err := listFiles(dir)
	if err != nil {
		return 0, 0, fmt.Errorf("upload: %w", err)
	}
	last, err := fileOf(filepath.Join(dir, filepath.FromSlash(fileManifest)))
	if err != nil {
		return 0, 0, fmt.Errorf("upload: %w", err)
	}
	last.Path = fileManifest
	for _, f := range append(files, last) {
		key := path.Join(prefix, f.Path)
		if u.has(ctx, bucket, key, f) {
			there++
			continue
		}
		if u.Say != nil {
			u.Say("uploading " + f.Path)
		}
		if err := u.file(ctx, bucket, key, filepath.Join(dir, filepath.FromSlash(f.Path)), f); err != nil {
			return sent, there, fault.WithHint(fmt.Errorf("upload s3://%s/%s: %w", bucket, key, err), "Run the same upload again: it goes on where it stopped.")
		}
		sent++
	}
	return sent, there, nil
}

// has reports whether the object is there with the file's content.
func (u Upload) has(ctx context.Context, bucket, key string, f File) bool {
	head, err := u.Objects.HeadObject(ctx, &s3.HeadObjectInput{Bucket: &bucket, Key: &key})
	return err == nil && aws.ToInt64(head.ContentLength) == f.Bytes && head.Metadata[shaKey] == f.SHA256
}

func (u Upload) file(ctx context.Context, bucket, key, name string, f File) error {
	in, err := os.Open(name)
	if err != nil {
		return err
	}
	defer in.Close()
	size := u.PartSize
	if size == 0 {
		size = PartSize
	}
	meta := map[string]string{shaKey: f.SHA256}
	if f.Bytes <= size {
		_, err := u.Objects.PutObject(ctx, &s3.PutObjectInput{
			Bucket: &bucket, Key: &key, Body: in, ContentLength: &f.Bytes, Metadata: meta, ChecksumAlgorithm: types.ChecksumAlgorithmSha256,
		})
		return err
	}
	id, parts, err := u.begun(ctx, bucket, key)
	if err != nil {
		return err
	}
	if id == "" {
		made, err := u.Objects.CreateMultipartUpload(ctx, &s3.CreateMultipartUploadInput{Bucket: &bucket, Key: &key, Metadata: meta, ChecksumAlgorithm: types.ChecksumAlgorithmSha256})
		if err != nil {
			return err
		}
		id = aws.ToString(made.UploadId)
	}
	var done []types.CompletedPart
	for n, at := int32(1), int64(0); at < f.Bytes; n, at = n+1, at+size {
		part, err := u.part(ctx, bucket, key, id, n, io.NewSectionReader(in, at, min(size, f.Bytes-at)), parts[n])
		if err != nil {
			return err
		}
		done = append(done, part)
	}
	_, err = u.Objects.CompleteMultipartUpload(ctx, &s3.CompleteMultipartUploadInput{
		Bucket: &bucket, Key: &key, UploadId: &id, MultipartUpload: &types.CompletedMultipartUpload{Parts: done},
	})
	return err
}

// part sends one part, unless the upload already has it with the same content.
func (u Upload) part(ctx context.Context, bucket, key, id string, n int32, body *io.SectionReader, had types.Part) (types.CompletedPart, error) {
	h := sha256.New()
	if _, err := io.Copy(h, body); err != nil {
		return types.CompletedPart{}, err
	}
	sum := base64.StdEncoding.EncodeToString(h.Sum(nil))
	if aws.ToInt64(had.Size) == body.Size() && aws.ToString(had.ChecksumSHA256) == sum {
		return types.CompletedPart{PartNumber: &n, ETag: had.ETag, ChecksumSHA256: &sum}, nil
	}
	if _, err := body.Seek(0, io.SeekStart); err != nil {
		return types.CompletedPart{}, err
	}
	size := body.Size()
	out, err := u.Objects.UploadPart(ctx, &s3.UploadPartInput{
		Bucket: &bucket, Key: &key, UploadId: &id, PartNumber: &n, Body: body, ContentLength: &size, ChecksumAlgorithm: types.ChecksumAlgorithmSha256, ChecksumSHA256: &sum,
	})
	if err != nil {
		return types.CompletedPart{}, fmt.Errorf("part %d: %w", n, err)
	}
	return types.CompletedPart{PartNumber: &n, ETag: out.ETag, ChecksumSHA256: &sum}, nil
}

// begun finds an interrupted upload of the key and the parts it has.
func (u Upload) begun(ctx context.Context, bucket, key string) (string, map[int32]types.Part, error) {
	uploads, err := u.Objects.ListMultipartUploads(ctx, &s3.ListMultipartUploadsInput{Bucket: &bucket, Prefix: &key})
	if err != nil {
		return "", nil, err
	}
	id := ""
	for _, x := range uploads.Uploads {
		if aws.ToString(x.Key) == key {
			id = aws.ToString(x.UploadId)
		}
	}
	if id == "" {
		return "", nil, nil
	}
	parts := map[int32]types.Part{}
	for page := s3.NewListPartsPaginator(u.Objects, &s3.ListPartsInput{Bucket: &bucket, Key: &key, UploadId: &id}); page.HasMorePages(); {
		got, err := page.NextPage(ctx)
		if err != nil {
			return "", nil, err
		}
		for _, p := range got.Parts {
			parts[aws.ToInt32(p.PartNumber)] = p
		}
	}
	return id, parts, nil
}
