package opensearch

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"maps"
	"net/http"
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

// The signing services.
const (
	ServiceDomain     = "es"   // an Amazon OpenSearch Service domain
	ServiceServerless = "aoss" // Amazon OpenSearch Serverless
)

// AWS signs requests with Signature Version 4. The credentials come from the SDK's chain: environment, profile, web identity,
// container, instance; then, with Role, from assuming that role.
type AWS struct {
	Service    string // ServiceDomain or ServiceServerless
	Region     string // "" = of the profile or environment, else of the URL
	Profile    string // of the shared configuration; "" = the default one
	Role       string // ARN of a role to assume
	ExternalID string // that the role's trust asks for
	// Credentials replaces the chain; for tests and for callers that have credentials.
	Credentials aws.CredentialsProvider
}

func (a *AWS) check(cluster string) error {
	if a.Service != ServiceDomain && a.Service != ServiceServerless {
		return fault.WithHint(fault.New(fault.InvalidArgument, "cluster %s: unknown signing service %q", cluster, a.Service), "The services are es (a domain) and aoss (Serverless).")
	}
	return nil
}

// awsSigner signs; it loads the chain at the first request, since the chain may ask the network.
type awsSigner struct {
	conf AWS
	host string // of the first URL, whose name holds the region
	now  func() time.Time

	mu          sync.Mutex
	credentials aws.CredentialsProvider
	region      string
}

// sign puts the headers of Signature Version 4 on r. Serverless demands the hash of the body as a header too.
func (s *awsSigner) sign(ctx context.Context, r *http.Request, body []byte) error {
	provider, region, err := s.load(ctx)
	if err != nil {
		return err
	}
	got, err := provider.Retrieve(ctx)
	if err != nil {
		return fault.WithHint(fault.New(fault.PermissionDenied, "AWS credentials: %w", firstLine(err)),
			"Check the AWS environment variables, the profile, or the role of this machine: `aws sts get-caller-identity` must work here.")
	}
	sum := sha256.Sum256(body)
	hash := hex.EncodeToString(sum[:])
	r.Header.Set("X-Amz-Content-Sha256", hash)
	all := r.Header
	r.Header = http.Header{}
	for _, name := range []string{"Content-Type", "X-Amz-Content-Sha256"} { // what lies between may change the others
		if v, ok := all[name]; ok {
			r.Header[name] = v
		}
	}
	if err := v4.NewSigner().SignHTTP(ctx, got, r, hash, s.conf.Service, region, s.now()); err != nil {
		return fault.New(fault.Internal, "sign the request: %w", err)
	}
	maps.Copy(all, r.Header)
	r.Header = all
	return nil
}

func (s *awsSigner) load(ctx context.Context) (aws.CredentialsProvider, string, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.credentials != nil {
		return s.credentials, s.region, nil
	}
	var opts []func(*awsconfig.LoadOptions) error
	if s.conf.Profile != "" {
		opts = append(opts, awsconfig.WithSharedConfigProfile(s.conf.Profile))
	}
	if s.conf.Region != "" {
		opts = append(opts, awsconfig.WithRegion(s.conf.Region))
	}
	// The chain may outlive the request that loads it: it must not keep that request's deadline.
	loaded, err := awsconfig.LoadDefaultConfig(context.WithoutCancel(ctx), opts...)
	if err != nil {
		return nil, "", fault.WithHint(fault.New(fault.InvalidArgument, "AWS configuration: %w", firstLine(err)), "Check the profile's name and ~/.aws/config.")
	}
	region := s.conf.Region
	if region == "" {
		region = regionOf(s.host)
	}
	if region == "" {
		region = loaded.Region
	}
	if region == "" {
		return nil, "", fault.WithHint(fault.New(fault.InvalidArgument, "no AWS region"), "Give auth.region, or AWS_REGION.")
	}
	if loaded.Region == "" {
		loaded.Region = region
	}
	provider := s.conf.Credentials
	if provider == nil {
		provider = loaded.Credentials
	}
	if s.conf.Role != "" {
		provider = stscreds.NewAssumeRoleProvider(sts.NewFromConfig(loaded), s.conf.Role, func(o *stscreds.AssumeRoleOptions) {
			o.RoleSessionName = "plumbline"
			if s.conf.ExternalID != "" {
				o.ExternalID = aws.String(s.conf.ExternalID)
			}
		})
	}
	s.credentials, s.region = aws.NewCredentialsCache(provider), region
	return s.credentials, s.region, nil
}

// regionOf reads the region out of a domain's or collection's host name: search-x.us-east-1.es.amazonaws.com,
// id.eu-west-1.aoss.amazonaws.com, search-x.aos.us-west-2.on.aws.
func regionOf(host string) string {
	labels := strings.Split(strings.ToLower(host), ".")
	n := len(labels)
	switch {
	case n >= 4 && labels[n-1] == "com" && labels[n-2] == "amazonaws" && (labels[n-3] == ServiceDomain || labels[n-3] == ServiceServerless):
		return labels[n-4]
	case n >= 4 && labels[n-1] == "aws" && labels[n-2] == "on":
		return labels[n-3]
	}
	return ""
}
