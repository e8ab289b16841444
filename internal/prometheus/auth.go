package prometheus

import (
	"context"
	"crypto/sha256"
	"encoding/base64"
	"encoding/hex"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	v4 "github.com/aws/aws-sdk-go-v2/aws/signer/v4"
	awsconfig "github.com/aws/aws-sdk-go-v2/config"
	"github.com/aws/aws-sdk-go-v2/credentials/stscreds"
	"github.com/aws/aws-sdk-go-v2/service/sts"

	"github.com/plumbline-mcp/plumbline/internal/fault"
)

// signingService is Amazon Managed Service for Prometheus.
const signingService = "aps"

// minScrubbed is the shortest secret that is blotted out of texts: shorter ones would blot out words.
const minScrubbed = 4

// maxScrubbed bounds the secrets remembered: rotated ones age out.
const maxScrubbed = 64

// door puts credentials on requests and blots them out of texts.
type door struct {
	auth Auth
	name string
	host string
	now  func() time.Time

	mu     sync.Mutex
	shown  []string
	chain  aws.CredentialsProvider
	region string
}

// authorize puts the credentials on a request whose URL is final.
func (d *door) authorize(ctx context.Context, r *http.Request, body []byte) error {
	for name, s := range d.auth.Headers {
		v, err := d.secret(ctx, "header "+name, s)
		if err != nil {
			return err
		}
		r.Header.Set(name, v)
	}
	switch {
	case d.auth.AWS != nil:
		return d.sign(ctx, r, body)
	case d.auth.Bearer != nil:
		v, err := d.secret(ctx, "bearer token", d.auth.Bearer)
		if err != nil {
			return err
		}
		r.Header.Set("Authorization", "Bearer "+v)
	case d.auth.Username != "":
		v, err := d.secret(ctx, "password", d.auth.Password)
		if err != nil {
			return err
		}
		d.hide(base64.StdEncoding.EncodeToString([]byte(d.auth.Username + ":" + v)))
		r.SetBasicAuth(d.auth.Username, v)
	}
	return nil
}

// secret asks for a secret; each request does, so that a rotated one is used at once.
func (d *door) secret(ctx context.Context, what string, s Secret) (string, error) {
	v, err := s(ctx)
	if err != nil {
		return "", fmt.Errorf("source %s: %s: %w", d.name, what, err)
	}
	v = strings.TrimSpace(v)
	switch {
	case v == "":
		return "", fault.New(fault.InvalidArgument, "source %s: %s is empty", d.name, what)
	case strings.ContainsAny(v, "\r\n"):
		return "", fault.New(fault.InvalidArgument, "source %s: %s has several lines", d.name, what)
	}
	d.hide(v)
	return v, nil
}

func (d *door) hide(v string) {
	d.mu.Lock()
	defer d.mu.Unlock()
	if len(v) < minScrubbed {
		return
	}
	if slices.Contains(d.shown, v) {
		return
	}
	d.shown = append(d.shown, v)
	if len(d.shown) > maxScrubbed {
		d.shown = d.shown[1:]
	}
}

// scrub blots out every secret that was used.
func (d *door) scrub(text string) string {
	d.mu.Lock()
	defer d.mu.Unlock()
	for _, v := range d.shown {
		text = strings.ReplaceAll(text, v, "[secret]")
	}
	return text
}

// sign puts the headers of Signature Version 4 on r.
func (d *door) sign(ctx context.Context, r *http.Request, body []byte) error {
	provider, region, err := d.load(ctx)
	if err != nil {
		return err
	}
	got, err := provider.Retrieve(ctx)
	if err != nil {
		return fault.WithHint(fault.New(fault.PermissionDenied, "source %s: AWS credentials: %s", d.name, line(err.Error(), maxReason)),
			"Check the AWS environment variables, the profile, or the role of this machine: `aws sts get-caller-identity` must work here.")
	}
	sum := sha256.Sum256(body)
	hash := hex.EncodeToString(sum[:])
	r.Header.Set("X-Amz-Content-Sha256", hash)
	service := d.auth.AWS.Service
	if service == "" {
		service = signingService
	}
	if err := v4.NewSigner().SignHTTP(ctx, got, r, hash, service, region, d.now()); err != nil {
		return fault.New(fault.Internal, "source %s: sign the request: %w", d.name, err)
	}
	return nil
}

// load makes the chain at the first request, since it may ask the network, which no start may do.
func (d *door) load(ctx context.Context) (aws.CredentialsProvider, string, error) {
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.chain != nil {
		return d.chain, d.region, nil
	}
	a := d.auth.AWS
	var opts []func(*awsconfig.LoadOptions) error
	if a.Profile != "" {
		opts = append(opts, awsconfig.WithSharedConfigProfile(a.Profile))
	}
	if a.Region != "" {
		opts = append(opts, awsconfig.WithRegion(a.Region))
	}
	// The chain outlives the request that loads it: it must not keep that request's deadline.
	loaded, err := awsconfig.LoadDefaultConfig(context.WithoutCancel(ctx), opts...)
	if err != nil {
		return nil, "", fault.WithHint(fault.New(fault.InvalidArgument, "source %s: AWS configuration: %s", d.name, line(err.Error(), maxReason)), "Check the profile's name and ~/.aws/config.")
	}
	region := a.Region
	if region == "" {
		region = regionOf(d.host)
	}
	if region == "" {
		region = loaded.Region
	}
	if region == "" {
		return nil, "", fault.WithHint(fault.New(fault.InvalidArgument, "source %s: no AWS region", d.name), "Give auth.aws.region, or set AWS_REGION.")
	}
	if loaded.Region == "" {
		loaded.Region = region
	}
	provider := a.Credentials
	if provider == nil {
		provider = loaded.Credentials
	}
	if a.Role != "" {
		provider = stscreds.NewAssumeRoleProvider(sts.NewFromConfig(loaded), a.Role, func(o *stscreds.AssumeRoleOptions) {
			o.RoleSessionName = "plumbline"
			if a.ExternalID != "" {
				o.ExternalID = aws.String(a.ExternalID)
			}
		})
	}
	d.chain, d.region = aws.NewCredentialsCache(provider), region
	return d.chain, d.region, nil
}

// regionOf reads the region out of aps-workspaces.us-east-1.amazonaws.com, with or without -fips, vpce and .cn.
func regionOf(host string) string {
	parts := strings.Split(strings.ToLower(host), ".")
	for i, p := range parts {
		if strings.HasPrefix(p, "aps-workspaces") && i+1 < len(parts) {
			return parts[i+1]
		}
	}
	return ""
}
