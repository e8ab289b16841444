package opensearch_test

import (
	"bytes"
	"context"
	"crypto/sha256"
	"crypto/tls"
	"crypto/x509"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	v4 "github.com/aws/aws-sdk-go-v2/aws/signer/v4"

	"github.com/plumbline-mcp/plumbline/internal/fault"
	"github.com/plumbline-mcp/plumbline/internal/opensearch"
)

// recorder is a cluster that keeps the last request.
type recorder struct {
	*httptest.Server

	last *http.Request
	body []byte
}

func newRecorder(t *testing.T) *recorder {
	t.Helper()
	r := &recorder{}
	r.Server = httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, req *http.Request) {
		r.body, _ = io.ReadAll(req.Body)
		r.last = req.Clone(context.WithoutCancel(req.Context()))
		cluster().ServeHTTP(w, req)
	}))
	t.Cleanup(r.Close)
	return r
}

func TestEachWayOfAuthenticationSendsItsHeader(t *testing.T) {
	srv := newRecorder(t)
	for _, c := range []struct {
		name string
		auth opensearch.Auth
		ctx  context.Context //nolint:containedctx // a case of a table
		want map[string]string
	}{
		{"none", opensearch.Auth{}, t.Context(), map[string]string{"Authorization": ""}},
		{"basic", opensearch.Auth{Username: "ann", Password: secret(password)}, t.Context(), map[string]string{"Authorization": "Basic YW5uOmNvcnJlY3QtaG9yc2UtNw=="}},
		{"bearer, with the newline of a file", opensearch.Auth{Bearer: secret("tok\n")}, t.Context(), map[string]string{"Authorization": "Bearer tok"}},
		{"API key", opensearch.Auth{APIKey: secret("id:key")}, t.Context(), map[string]string{"Authorization": "ApiKey id:key"}},
		{"headers", opensearch.Auth{Headers: map[string]opensearch.Secret{"X-Api-Key": secret("k1")}}, t.Context(), map[string]string{"X-Api-Key": "k1", "Authorization": ""}},
		{"the caller's own", opensearch.Auth{PassThrough: true}, opensearch.WithCaller(t.Context(), "prod", "Basic Y2FsbGVy"), map[string]string{"Authorization": "Basic Y2FsbGVy"}},
		{"never what the caller is at another cluster", opensearch.Auth{Headers: map[string]opensearch.Secret{"X-K": secret("k1")}}, opensearch.WithCaller(t.Context(), "other", "Basic Y2FsbGVy"), map[string]string{"Authorization": ""}},
		{"never the caller's where it is not asked for", opensearch.Auth{}, opensearch.WithCaller(t.Context(), "prod", "Basic Y2FsbGVy"), map[string]string{"Authorization": ""}},
	} {
		t.Run(c.name, func(t *testing.T) {
			client, _ := newClient(t, srv.URL, func(conf *opensearch.Config) { conf.Auth = c.auth })
			if err := search(c.ctx, client); err != nil {
				t.Fatal(err)
			}
			for k, want := range c.want {
				if got := srv.last.Header.Get(k); got != want {
					t.Errorf("%s: %q, want %q", k, got, want)
				}
			}
		})
	}
}

func TestWithoutTheCallersCredentialsNothingIsSent(t *testing.T) {
	srv := newRecorder(t)
	client, _ := newClient(t, srv.URL, func(conf *opensearch.Config) { conf.Auth = opensearch.Auth{PassThrough: true} })
	err := search(t.Context(), client)
	if fault.CodeOf(err) != fault.PermissionDenied || srv.last != nil {
		t.Errorf("%v, sent %v", err, srv.last != nil)
	}
	a, b := client.Caller(opensearch.WithCaller(t.Context(), "prod", "Basic a")), client.Caller(opensearch.WithCaller(t.Context(), "prod", "Basic b"))
	if a == b || a == "" || client.Caller(t.Context()) != "" {
		t.Errorf("callers %q and %q are not told apart", a, b)
	}
}

func TestASecretThatCannotBeHadIsToldWithoutIt(t *testing.T) {
	srv := newRecorder(t)
	client, _ := newClient(t, srv.URL, func(conf *opensearch.Config) {
		conf.Auth = opensearch.Auth{Bearer: func(context.Context) (string, error) { return "", errors.New("vault is sealed") }}
	})
	err := search(t.Context(), client)
	if err == nil || !strings.Contains(err.Error(), "credentials: bearer token: vault is sealed") || srv.last != nil {
		t.Errorf("%v", err)
	}
}

func TestConfigurationsThatCannotBeMeant(t *testing.T) {
	basic := opensearch.Auth{Username: "a", Password: secret("b")}
	for name, c := range map[string]struct {
		conf opensearch.Config
		says string
	}{
		"no URL":                     {opensearch.Config{}, "no URL"},
		"a password in the URL":      {opensearch.Config{URLs: []string{"https://u:hunter2@h:9200"}}, "holds a user or password"},
		"no scheme":                  {opensearch.Config{URLs: []string{"h:9200"}}, "no http or https URL"},
		"two ways":                   {opensearch.Config{Auth: opensearch.Auth{Username: "a", Password: secret("b"), Bearer: secret("c")}}, "choose one"},
		"a user without a password":  {opensearch.Config{Auth: opensearch.Auth{Username: "a"}}, "needs a username and a password"},
		"an unknown signing service": {opensearch.Config{Auth: opensearch.Auth{AWS: &opensearch.AWS{Service: "s3"}}}, "unknown signing service"},
		"a CA that is not there":     {opensearch.Config{Auth: basic, TLS: opensearch.TLS{CAFile: "/no/such"}}, "read the authority"},
		"a key without certificate":  {opensearch.Config{TLS: opensearch.TLS{KeyFile: "x"}}, "both cert_file and key_file"},
		"a password in the proxy":    {opensearch.Config{Proxy: opensearch.Proxy{URL: "http://u:hunter2@p:1"}}, "proxy's URL holds"},
		"a compression nobody knows": {opensearch.Config{Compression: "lz4"}, "neither on nor off"},
	} {
		t.Run(name, func(t *testing.T) {
			c.conf.Name = "prod"
			if c.conf.URLs == nil && name != "no URL" {
				c.conf.URLs = []string{"https://h:9200"}
			}
			_, err := opensearch.New(c.conf)
			if err == nil || !strings.Contains(err.Error(), c.says) || strings.Contains(err.Error(), "hunter2") || fault.CodeOf(err) != fault.InvalidArgument {
				t.Errorf("got %v, want %q", err, c.says)
			}
		})
	}
}

func TestAClientCertificateIsShown(t *testing.T) {
	own, ownFile := certificate(t, "127.0.0.1", time.Now().Add(time.Hour))
	pool := x509.NewCertPool()
	raw, err := os.ReadFile(ownFile)
	if err != nil {
		t.Fatal(err)
	}
	pool.AppendCertsFromPEM(raw)
	srv := httptest.NewUnstartedServer(cluster())
	srv.TLS = &tls.Config{Certificates: []tls.Certificate{own}, ClientAuth: tls.RequireAndVerifyClientCert, ClientCAs: pool, MinVersion: tls.VersionTLS12}
	srv.StartTLS()
	defer srv.Close()
	client, _ := newClient(t, srv.URL, func(c *opensearch.Config) {
		c.Auth = opensearch.Auth{}
		c.TLS = opensearch.TLS{CAFile: ownFile, CertFile: ownFile, KeyFile: filepath.Join(filepath.Dir(ownFile), "key.pem")}
	})
	if err := search(t.Context(), client); err != nil {
		t.Error(err)
	}
}

func TestAProxyStandsBetween(t *testing.T) {
	srv := newRecorder(t)
	var auth string
	proxy := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		auth = r.Header.Get("Proxy-Authorization")
		if auth == "" {
			w.WriteHeader(http.StatusProxyAuthRequired)
			return
		}
		srv.Config.Handler.ServeHTTP(w, r)
	}))
	defer proxy.Close()
	// A name that only the proxy knows.
	client, _ := newClient(t, "http://inside.invalid:9200", func(c *opensearch.Config) {
		c.Proxy = opensearch.Proxy{URL: proxy.URL, Username: "p", Password: secret(password)}
	})
	if err := search(t.Context(), client); err != nil {
		t.Fatal(err)
	}
	if auth == "" || srv.last.Header.Get("Authorization") == "" {
		t.Errorf("proxy credentials %q, own %q", auth, srv.last.Header.Get("Authorization"))
	}
	bare, _ := newClient(t, "http://inside.invalid:9200", func(c *opensearch.Config) { c.Proxy = opensearch.Proxy{URL: proxy.URL} })
	if err := search(t.Context(), bare); err == nil || !strings.Contains(err.Error(), "407") {
		t.Errorf("a proxy that refuses: %v", err)
	}
}

// verify signs the request again with the same credentials and compares.
func verify(t *testing.T, srv *recorder, access, service, region string) {
	t.Helper()
	r := srv.last
	sum := sha256.Sum256(srv.body)
	hash := hex.EncodeToString(sum[:])
	if r.Header.Get("X-Amz-Content-Sha256") != hash {
		t.Errorf("hash of the body %q, want %q", r.Header.Get("X-Amz-Content-Sha256"), hash)
	}
	got := r.Header.Get("Authorization")
	if want := fmt.Sprintf("Credential=%s/%s/%s/%s/aws4_request", access, r.Header.Get("X-Amz-Date")[:8], region, service); !strings.Contains(got, want) {
		t.Fatalf("%q, want it to hold %q", got, want)
	}
	at, err := time.Parse("20060102T150405Z", r.Header.Get("X-Amz-Date"))
	if err != nil {
		t.Fatal(err)
	}
	again, err := http.NewRequestWithContext(t.Context(), r.Method, "http://"+r.Host+r.URL.RequestURI(), bytes.NewReader(srv.body))
	if err != nil {
		t.Fatal(err)
	}
	_, list, _ := strings.Cut(got, "SignedHeaders=")
	list, _, _ = strings.Cut(list, ",")
	if want := "content-length;content-type;host;x-amz-content-sha256;x-amz-date"; strings.TrimSuffix(list, ";x-amz-security-token") != want {
		t.Errorf("signed %s, want %s: proxies change the others", list, want)
	}
	if r.Header.Get("Accept") == "" || r.Header.Get("User-Agent") == "" {
		t.Errorf("headers that are not signed are lost: %v", r.Header)
	}
	for h := range strings.SplitSeq(list, ";") {
		if h != "host" && h != "content-length" {
			again.Header.Set(h, r.Header.Get(h))
		}
	}
	creds := aws.Credentials{AccessKeyID: access, SecretAccessKey: "sk-" + access, SessionToken: r.Header.Get("X-Amz-Security-Token")}
	if err := v4.NewSigner().SignHTTP(t.Context(), creds, again, hash, service, region, at); err != nil {
		t.Fatal(err)
	}
	if want := again.Header.Get("Authorization"); got != want {
		t.Errorf("signature\n got %s\nwant %s", got, want)
	}
}

func isolate(t *testing.T) {
	t.Helper()
	for _, kv := range os.Environ() {
		if name, _, _ := strings.Cut(kv, "="); strings.HasPrefix(name, "AWS_") {
			t.Setenv(name, "")
			os.Unsetenv(name)
		}
	}
	t.Setenv("AWS_EC2_METADATA_DISABLED", "true")
	t.Setenv("AWS_CONFIG_FILE", filepath.Join(t.TempDir(), "none"))
	t.Setenv("AWS_SHARED_CREDENTIALS_FILE", filepath.Join(t.TempDir(), "none"))
	t.Setenv("AWS_REGION", "eu-west-1")
}

// sts stands for the Security Token Service, and for the metadata endpoints of containers and instances.
func sts(t *testing.T) (*httptest.Server, *[]string) {
	t.Helper()
	var seen []string
	until := time.Now().Add(time.Hour).UTC().Format(time.RFC3339)
	srv := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		_ = r.ParseForm()
		seen = append(seen, r.URL.Path+" "+r.Form.Get("Action")+" "+r.Form.Get("RoleArn")+" "+r.Form.Get("ExternalId")+" "+r.Form.Get("WebIdentityToken"))
		keys := func(access string) string {
			return fmt.Sprintf(`{"AccessKeyId":%q,"SecretAccessKey":%q,"Token":"tok","Expiration":%q,"Code":"Success"}`, access, "sk-"+access, until)
		}
		switch {
		case r.URL.Path == "/creds":
			fmt.Fprint(w, keys("CONTAINER"))
		case r.URL.Path == "/latest/api/token":
			w.Header().Set("X-Aws-Ec2-Metadata-Token-Ttl-Seconds", "300")
			fmt.Fprint(w, "imds")
		case strings.HasSuffix(r.URL.Path, "/security-credentials/"):
			fmt.Fprint(w, "role")
		case strings.HasSuffix(r.URL.Path, "/security-credentials/role"):
			fmt.Fprint(w, keys("INSTANCE"))
		case r.Form.Get("Action") != "":
			a := r.Form.Get("Action")
			fmt.Fprintf(w, `<%[1]sResponse xmlns="https://sts.amazonaws.com/doc/2011-06-15/"><%[1]sResult><Credentials><AccessKeyId>%[2]s</AccessKeyId><SecretAccessKey>sk-%[2]s</SecretAccessKey><SessionToken>tok</SessionToken><Expiration>%[3]s</Expiration></Credentials></%[1]sResult></%[1]sResponse>`, a, strings.ToUpper(a), until)
		default:
			http.NotFound(w, r)
		}
	}))
	t.Cleanup(srv.Close)
	return srv, &seen
}

func TestTheWholeAWSChainSigns(t *testing.T) {
	srv := newRecorder(t)
	for _, c := range []struct {
		name   string
		set    func(t *testing.T, url string) *opensearch.AWS
		access string
	}{
		{"environment", func(t *testing.T, _ string) *opensearch.AWS {
			t.Helper()
			t.Setenv("AWS_ACCESS_KEY_ID", "ENVKEY")
			t.Setenv("AWS_SECRET_ACCESS_KEY", "sk-ENVKEY")
			return &opensearch.AWS{Service: "es"}
		}, "ENVKEY"},
		{"profile", func(t *testing.T, _ string) *opensearch.AWS {
			t.Helper()
			file := filepath.Join(t.TempDir(), "credentials")
			write(t, file, []byte("[ops]\naws_access_key_id=PROFILE\naws_secret_access_key=sk-PROFILE\n"))
			t.Setenv("AWS_SHARED_CREDENTIALS_FILE", file)
			return &opensearch.AWS{Service: "es", Profile: "ops"}
		}, "PROFILE"},
		{"role", func(t *testing.T, url string) *opensearch.AWS {
			t.Helper()
			t.Setenv("AWS_ACCESS_KEY_ID", "ENVKEY")
			t.Setenv("AWS_SECRET_ACCESS_KEY", "sk-ENVKEY")
			t.Setenv("AWS_ENDPOINT_URL_STS", url)
			return &opensearch.AWS{Service: "es", Role: "arn:aws:iam::1:role/reader", ExternalID: "x9"}
		}, "ASSUMEROLE"},
		{"web identity", func(t *testing.T, url string) *opensearch.AWS {
			t.Helper()
			file := filepath.Join(t.TempDir(), "token")
			write(t, file, []byte("jwt"))
			t.Setenv("AWS_WEB_IDENTITY_TOKEN_FILE", file)
			t.Setenv("AWS_ROLE_ARN", "arn:aws:iam::1:role/pod")
			t.Setenv("AWS_ENDPOINT_URL_STS", url)
			return &opensearch.AWS{Service: "es"}
		}, "ASSUMEROLEWITHWEBIDENTITY"},
		{"container", func(t *testing.T, url string) *opensearch.AWS {
			t.Helper()
			t.Setenv("AWS_CONTAINER_CREDENTIALS_FULL_URI", url+"/creds")
			return &opensearch.AWS{Service: "aoss"}
		}, "CONTAINER"},
		{"instance", func(t *testing.T, url string) *opensearch.AWS {
			t.Helper()
			t.Setenv("AWS_EC2_METADATA_DISABLED", "false")
			t.Setenv("AWS_EC2_METADATA_SERVICE_ENDPOINT", url)
			return &opensearch.AWS{Service: "es", Region: "ap-south-1"}
		}, "INSTANCE"},
	} {
		t.Run(c.name, func(t *testing.T) {
			isolate(t)
			tokens, seen := sts(t)
			conf := c.set(t, tokens.URL)
			client, _ := newClient(t, srv.URL, func(o *opensearch.Config) { o.Auth = opensearch.Auth{AWS: conf} })
			for range 2 {
				q := url.Values{"filter_path": {"hits.total,took"}, "q": {"a b+c&ü*"}}
				if _, err := client.Search(t.Context(), opensearch.Search{Index: "logs-*,spans", Body: []byte(`{"size":1}`), Query: q}); err != nil {
					t.Fatal(err)
				}
				region := conf.Region
				if region == "" {
					region = "eu-west-1"
				}
				verify(t, srv, c.access, conf.Service, region)
			}
			if conf.Role != "" && strings.Join(*seen, ";") != "/ AssumeRole arn:aws:iam::1:role/reader x9 " {
				t.Errorf("asked %q", *seen)
			}
		})
	}
}

func TestWithoutAWSCredentialsItSaysSo(t *testing.T) {
	isolate(t)
	srv := newRecorder(t)
	client, _ := newClient(t, srv.URL, func(o *opensearch.Config) { o.Auth = opensearch.Auth{AWS: &opensearch.AWS{Service: "es"}} })
	err := search(t.Context(), client)
	if fault.CodeOf(err) != fault.PermissionDenied || !strings.Contains(fault.HintOf(err), "get-caller-identity") || strings.Contains(err.Error(), "\n") {
		t.Errorf("%v (%s)", err, fault.HintOf(err))
	}
}

func TestTheRegionIsReadFromTheHost(t *testing.T) {
	for host, want := range map[string]string{
		"search-logs-abc.us-east-2.es.amazonaws.com": "us-east-2", "x1.eu-central-1.aoss.amazonaws.com": "eu-central-1",
		"vpc-x.aos.us-west-2.on.aws": "us-west-2", "logs.example.com": "", "localhost": "",
	} {
		if got := opensearch.RegionOf(host); got != want {
			t.Errorf("%s: %q, want %q", host, got, want)
		}
	}
}
