package cloud

import (
	"context"
	"errors"
	"fmt"
	"io"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/s3"
	"github.com/aws/smithy-go"

	"github.com/plumbline-mcp/plumbline/internal/fault"
)

// ObjectsAPI is what S3 calls of the SDK's client.
type ObjectsAPI interface {
	s3.ListObjectsV2APIClient
	GetObject(ctx context.Context, in *s3.GetObjectInput, opts ...func(*s3.Options)) (*s3.GetObjectOutput, error)
}

// S3 reads objects. New makes the client at the first use, as the chain of credentials may ask the network.
type S3 struct {
	New func(ctx context.Context) (ObjectsAPI, error)
}

// List calls each for every object below a prefix, in the order of keys.
func (s S3) List(ctx context.Context, bucket, prefix string, each func(key string, size int64) error) error {
	api, err := s.New(ctx)
	if err != nil {
		return fmt.Errorf("list s3://%s/%s: %w", bucket, prefix, err)
	}
	for page := s3.NewListObjectsV2Paginator(api, &s3.ListObjectsV2Input{Bucket: &bucket, Prefix: &prefix}); page.HasMorePages(); {
		got, err := page.NextPage(ctx)
		if err != nil {
			return judge(fmt.Errorf("list s3://%s/%s: %w", bucket, prefix, err))
		}
		for _, o := range got.Contents {
			if err := each(aws.ToString(o.Key), aws.ToInt64(o.Size)); err != nil {
				return err
			}
		}
	}
	return nil
}

// Get reads an object from an offset on.
func (s S3) Get(ctx context.Context, bucket, key string, offset int64) (io.ReadCloser, error) {
	api, err := s.New(ctx)
	if err != nil {
		return nil, fmt.Errorf("get s3://%s/%s: %w", bucket, key, err)
	}
	in := &s3.GetObjectInput{Bucket: &bucket, Key: &key}
	if offset > 0 {
		in.Range = aws.String(fmt.Sprintf("bytes=%d-", offset))
	}
	got, err := api.GetObject(ctx, in)
	if err != nil {
		return nil, judge(fmt.Errorf("get s3://%s/%s: %w", bucket, key, err))
	}
	return got.Body, nil
}

// judge gives an error of S3 a code.
func judge(err error) error {
	api, ok := errors.AsType[smithy.APIError](err)
	if !ok {
		return fault.WithCode(err, fault.Unavailable)
	}
	switch api.ErrorCode() {
	case "NoSuchBucket", "NoSuchKey", "NotFound":
		return fault.WithCode(err, fault.NotFound)
	case "AccessDenied", "Forbidden", "InvalidAccessKeyId", "SignatureDoesNotMatch", "ExpiredToken":
		return fault.WithHint(fault.WithCode(err, fault.PermissionDenied), "The credentials of this process need s3:ListBucket and s3:GetObject there.")
	}
	return fault.WithCode(err, fault.Unavailable)
}
