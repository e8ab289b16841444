package telemetry

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"io"
	"net/http"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	v4 "github.com/aws/aws-sdk-go-v2/aws/signer/v4"
)

// signer signs each export with AWS Signature Version 4 over the body as sent (compressed, if it is), as ingestion pipelines
// (service osis) ask.
type signer struct {
	next            http.RoundTripper
	service, region string
	credentials     aws.CredentialsProvider
	now             func() time.Time
}

// RoundTrip signs a copy of the request and sends it.
func (s *signer) RoundTrip(r *http.Request) (*http.Response, error) {
	var body []byte
	if r.Body != nil {
		b, err := io.ReadAll(r.Body)
		if err != nil {
			return nil, fmt.Errorf("sign export: read body: %w", err)
		}
		if err := r.Body.Close(); err != nil {
			return nil, fmt.Errorf("sign export: close body: %w", err)
		}
		body = b
	}
	signed := r.Clone(r.Context())
	signed.Body, signed.ContentLength = io.NopCloser(bytes.NewReader(body)), int64(len(body))
	if err := s.sign(r.Context(), signed, body); err != nil {
		return nil, err
	}
	return s.next.RoundTrip(signed)
}

func (s *signer) sign(ctx context.Context, r *http.Request, body []byte) error {
	c, err := s.credentials.Retrieve(ctx)
	if err != nil {
		return fmt.Errorf("sign export: AWS credentials: %w", err)
	}
	sum := sha256.Sum256(body)
	hash := hex.EncodeToString(sum[:])
	r.Header.Set("X-Amz-Content-Sha256", hash)
	if err := v4.NewSigner().SignHTTP(ctx, c, r, hash, s.service, s.region, s.now()); err != nil {
		return fmt.Errorf("sign export: %w", err)
	}
	return nil
}
