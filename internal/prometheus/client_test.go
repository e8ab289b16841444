package prometheus_test

import (
	"compress/gzip"
	"context"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/hex"
	"encoding/pem"
	"fmt"
	"io"
	"math"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/google/go-cmp/cmp"
	"go.uber.org/goleak"

	"github.com/plumbline-mcp/plumbline/internal/fault"
	"github.com/plumbline-mcp/plumbline/internal/prometheus"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

func now() time.Time { return time.Date(2026, 5, 1, 12, 0, 0, 0, time.UTC) }

const vector = `{"status":"success","data":{"resultType":"vector","result":[{"metric":{"__name__":"up","job":"a"},"value":[1777636800.123,"1"]}]},"warnings":["w"]}`

// ask makes a client of a handler and asks it one query. Waits between tries are counted, not slept.
func ask(t *testing.T, change func(*prometheus.Config), handler http.HandlerFunc) (*prometheus.Answer, []time.Duration, error) {
	t.Helper()
	web := httptest.NewServer(handler)
	defer web.Close()
	var waits []time.Duration
	conf := prometheus.Config{
		Name: "prod", URL: web.URL, Now: now, Jitter: func() float64 { return 0 },
		Sleep: func(_ context.Context, d time.Duration) error { waits = append(waits, d); return nil },
	}
	if change != nil {
		change(&conf)
	}
	c, err := prometheus.New(conf)
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	a, err := c.Query(t.Context(), `sum(up{job="a"})`, now())
	return a, waits, err
}

func reply(body string) http.HandlerFunc {
	return func(w http.ResponseWriter, _ *http.Request) {
		_, _ = io.WriteString(w, body)
	}
}

func TestAQueryIsSentAsAFormAndItsAnswerRead(t *testing.T) {
	a, _, err := ask(t, func(c *prometheus.Config) { c.URL += "/prefix/api/v1/query" }, func(w http.ResponseWriter, r *http.Request) {
		if r.Method != http.MethodPost || r.URL.Path != "/prefix/api/v1/query" || r.FormValue("query") != `sum(up{job="a"})` || r.FormValue("time") != "1777636800.000" {
			t.Errorf("%s %s %v", r.Method, r.URL, r.Form)
		}
		w.Header().Set("Content-Encoding", "gzip")
		z := gzip.NewWriter(w)
		_, _ = io.WriteString(z, vector)
		z.Close()
	})
	if err != nil {
		t.Fatal(err)
	}
	want := &prometheus.Answer{Type: "vector", Series: []prometheus.Series{{Metric: map[string]string{"__name__": "up", "job": "a"}, Value: &prometheus.Point{At: 1777636800123, V: 1}}}, Warnings: []string{"w"}}
	if d := cmp.Diff(want, a); d != "" {
		t.Error(d)
	}
}

func TestAnswersOfEveryTypeAreRead(t *testing.T) {
	for body, check := range map[string]func(*prometheus.Answer) bool{
		`{"status":"success","data":{"resultType":"scalar","result":[1.5,"NaN"]}}`:   func(a *prometheus.Answer) bool { return math.IsNaN(a.Scalar.V) && a.Scalar.At == 1500 },
		`{"status":"success","data":{"resultType":"string","result":[1.5,"hello"]}}`: func(a *prometheus.Answer) bool { return a.Text == "hello" },
		`{"status":"success","data":{"resultType":"matrix","result":[{"metric":{},"values":[[1,"+Inf"],[2,"-2.5e3"]]}]}}`: func(a *prometheus.Answer) bool {
			return math.IsInf(a.Series[0].Values[0].V, 1) && a.Series[0].Values[1].V == -2500
		},
		`{"status":"success","data":{"resultType":"vector","result":[]},"infos":["i"]}`:                                                            func(a *prometheus.Answer) bool { return len(a.Series) == 0 && a.Warnings[0] == "i" },
		`{"status":"success","data":{"resultType":"vector","result":[{"metric":{"a":"b"},"histogram":[1,{"count":"3","sum":"4","buckets":[]}]}]}}`: func(a *prometheus.Answer) bool { return a.Series[0].Value == nil },
	} {
		a, _, err := ask(t, nil, reply(body))
		if err != nil || !check(a) {
			t.Errorf("%s: %+v, %v", body, a, err)
		}
	}
}

func TestCredentialsAreSentAndNeverShown(t *testing.T) {
	secret := func(v string) prometheus.Secret {
		return func(context.Context) (string, error) { return v + "\n", nil }
	}
	for name, c := range map[string]struct {
		auth         prometheus.Auth
		header, want string
	}{
		"bearer": {prometheus.Auth{Bearer: secret("s3cr3t-token")}, "Authorization", "Bearer s3cr3t-token"},
		"basic":  {prometheus.Auth{Username: "u", Password: secret("s3cr3t-word")}, "Authorization", "Basic dTpzM2NyM3Qtd29yZA=="},
		"header": {prometheus.Auth{Headers: map[string]prometheus.Secret{"X-Scope-OrgID": secret("tenant-7")}}, "X-Scope-OrgID", "tenant-7"},
	} {
		_, _, err := ask(t, func(p *prometheus.Config) { p.Auth = c.auth }, func(w http.ResponseWriter, r *http.Request) {
			if got := r.Header.Get(c.header); got != c.want {
				t.Errorf("%s: %s = %q", name, c.header, got)
			}
			w.WriteHeader(http.StatusUnauthorized)
			fmt.Fprintf(w, "you sent %s", r.Header.Get(c.header))
		})
		text := err.Error() + fault.HintOf(err)
		if fault.CodeOf(err) != fault.PermissionDenied || strings.Contains(text, "s3cr3t") || strings.Contains(text, "tenant-7") || strings.Contains(text, "dTpz") || !strings.Contains(text, "prod") {
			t.Errorf("%s: %v, hint %q", name, err, fault.HintOf(err))
		}
	}
	_, _, err := ask(t, func(p *prometheus.Config) {
		p.Auth.Bearer = func(context.Context) (string, error) {
			return "", fault.New(fault.InvalidArgument, "environment variable TOKEN is not set")
		}
	}, reply(vector))
	if err == nil || !strings.Contains(err.Error(), "source prod: bearer token: environment variable TOKEN is not set") {
		t.Errorf("%v", err)
	}
}

// verify reckons the Signature Version 4 of a request anew, as AWS documents it, and compares.
func verify(t *testing.T, r *http.Request, body []byte, key, region, service string) {
	t.Helper()
	auth := r.Header.Get("Authorization")
	_, rest, _ := strings.Cut(auth, "SignedHeaders=")
	signed, signature, _ := strings.Cut(rest, ", Signature=")
	names := strings.Split(signed, ";")
	if !slices.Contains(names, "host") || !slices.Contains(names, "x-amz-date") {
		t.Errorf("signed headers %q", signed)
	}
	var canonical strings.Builder
	fmt.Fprintf(&canonical, "%s\n%s\n%s\n", r.Method, r.URL.EscapedPath(), r.URL.RawQuery)
	for _, n := range names {
		v := r.Header.Get(n)
		switch n {
		case "host":
			v = r.Host
		case "content-length":
			v = strconv.Itoa(len(body))
		}
		fmt.Fprintf(&canonical, "%s:%s\n", n, strings.TrimSpace(v))
	}
	fmt.Fprintf(&canonical, "\n%s\n%s", signed, sum(body))
	day, scope := "20260501", "20260501/"+region+"/"+service+"/aws4_request"
	text := "AWS4-HMAC-SHA256\n20260501T120000Z\n" + scope + "\n" + sum([]byte(canonical.String()))
	k := []byte("AWS4" + key)
	for _, part := range []string{day, region, service, "aws4_request", text} {
		h := hmac.New(sha256.New, k)
		h.Write([]byte(part))
		k = h.Sum(nil)
	}
	if got := hex.EncodeToString(k); got != signature || !strings.Contains(auth, "Credential=AKID/"+scope) {
		t.Errorf("Authorization %q, want signature %s", auth, got)
	}
}

func sum(b []byte) string {
	s := sha256.Sum256(b)
	return hex.EncodeToString(s[:])
}

func TestRequestsToAmazonAreSigned(t *testing.T) {
	chain := aws.CredentialsProviderFunc(func(context.Context) (aws.Credentials, error) {
		return aws.Credentials{AccessKeyID: "AKID", SecretAccessKey: "wJalrXUtnFEMI", SessionToken: "session"}, nil
	})
	for name, c := range map[string]struct {
		conf            prometheus.AWS
		region, service string
	}{
		"region given":  {prometheus.AWS{Region: "eu-west-1", Credentials: chain}, "eu-west-1", "aps"},
		"service given": {prometheus.AWS{Region: "us-east-1", Service: "monitoring", Credentials: chain}, "us-east-1", "monitoring"},
	} {
		t.Run(name, func(t *testing.T) {
			_, _, err := ask(t, func(p *prometheus.Config) { p.Auth.AWS = &c.conf; p.URL += "/workspaces/ws-1" }, func(w http.ResponseWriter, r *http.Request) {
				body, err := io.ReadAll(r.Body)
				if err != nil {
					t.Error(err)
				}
				if r.URL.Path != "/workspaces/ws-1/api/v1/query" || r.Header.Get("X-Amz-Security-Token") != "session" {
					t.Errorf("%s, token %q", r.URL, r.Header.Get("X-Amz-Security-Token"))
				}
				verify(t, r, body, "wJalrXUtnFEMI", c.region, c.service)
				_, _ = io.WriteString(w, vector)
			})
			if err != nil {
				t.Fatal(err)
			}
		})
	}
}

func TestTheChainOfAWSIsUsed(t *testing.T) {
	t.Setenv("AWS_ACCESS_KEY_ID", "AKID")
	t.Setenv("AWS_SECRET_ACCESS_KEY", "fromenv")
	t.Setenv("AWS_SESSION_TOKEN", "")
	t.Setenv("AWS_REGION", "ap-south-1")
	t.Setenv("AWS_EC2_METADATA_DISABLED", "true")
	_, _, err := ask(t, func(p *prometheus.Config) { p.Auth.AWS = &prometheus.AWS{} }, func(w http.ResponseWriter, r *http.Request) {
		body, _ := io.ReadAll(r.Body)
		verify(t, r, body, "fromenv", "ap-south-1", "aps")
		_, _ = io.WriteString(w, vector)
	})
	if err != nil {
		t.Fatal(err)
	}
}

func TestReadsAreRetriedAsFarAsItHelps(t *testing.T) {
	for name, c := range map[string]struct {
		status int
		body   string
		header string
		tries  int32
		waits  []time.Duration
		code   fault.Code
	}{
		"too many requests":       {status: 429, tries: 4, waits: []time.Duration{200e6, 400e6, 800e6}, code: fault.Unavailable},
		"asked to wait":           {status: 429, header: "3", tries: 4, waits: []time.Duration{3e9, 3e9, 3e9}, code: fault.Unavailable},
		"asked to wait too long":  {status: 503, header: "3600", tries: 1, code: fault.Unavailable},
		"bad gateway":             {status: 502, body: "<html>", tries: 4, waits: []time.Duration{200e6, 400e6, 800e6}, code: fault.Unavailable},
		"a query that times out":  {status: 503, body: `{"status":"error","errorType":"timeout","error":"query timed out"}`, tries: 1, code: fault.Timeout},
		"a query that is wrong":   {status: 400, body: `{"status":"error","errorType":"bad_data","error":"parse error"}`, tries: 1, code: fault.InvalidQuery},
		"a query that fails":      {status: 422, body: `{"status":"error","errorType":"execution","error":"many-to-many"}`, tries: 1, code: fault.InvalidQuery},
		"too much":                {status: 422, body: `{"status":"error","errorType":"execution","error":"query processing would load too many samples"}`, tries: 1, code: fault.TooLarge},
		"a wrong path":            {status: 404, body: "404 page not found", tries: 1, code: fault.NotFound},
		"refused":                 {status: 403, body: `{"message":"Missing Authentication Token"}`, tries: 1, code: fault.PermissionDenied},
		"an error with status OK": {status: 200, body: `{"status":"error","errorType":"bad_data","error":"no"}`, tries: 1, code: fault.InvalidQuery},
		"a page instead of JSON":  {status: 200, body: "<html>login</html>", tries: 1, code: fault.Unavailable},
		"a redirect to a login":   {status: 302, tries: 1, code: fault.Unavailable},
	} {
		t.Run(name, func(t *testing.T) {
			var tries atomic.Int32
			_, waits, err := ask(t, nil, func(w http.ResponseWriter, _ *http.Request) {
				tries.Add(1)
				w.Header().Set("Retry-After", c.header)
				if c.status == 302 {
					w.Header().Set("Location", "https://login.example/?token=abc")
				}
				w.WriteHeader(c.status)
				_, _ = io.WriteString(w, c.body)
			})
			if tries.Load() != c.tries || fault.CodeOf(err) != c.code || !strings.HasPrefix(err.Error(), "source prod: query: ") || len(err.Error()) > 600 || strings.Contains(err.Error(), "token=abc") {
				t.Errorf("%d tries, code %s: %v\nhint: %s", tries.Load(), fault.CodeOf(err), err, fault.HintOf(err))
			}
			if d := cmp.Diff(c.waits, waits); d != "" {
				t.Error(d)
			}
		})
	}
	var n atomic.Int32
	a, _, err := ask(t, nil, func(w http.ResponseWriter, r *http.Request) {
		if n.Add(1) == 1 {
			w.WriteHeader(http.StatusServiceUnavailable)
			return
		}
		reply(vector)(w, r)
	})
	if err != nil || len(a.Series) != 1 {
		t.Errorf("the second try: %v, %v", a, err)
	}
}

func TestAServerThatTakesNoPOSTIsAskedByGET(t *testing.T) {
	a, _, err := ask(t, nil, func(w http.ResponseWriter, r *http.Request) {
		if r.Method != http.MethodGet {
			w.WriteHeader(http.StatusMethodNotAllowed)
			return
		}
		if r.URL.Query().Get("query") != `sum(up{job="a"})` {
			t.Errorf("query %q", r.URL.RawQuery)
		}
		reply(vector)(w, r)
	})
	if err != nil || len(a.Series) != 1 {
		t.Errorf("%v, %v", a, err)
	}
}

func TestAnswersAreBounded(t *testing.T) {
	_, _, err := ask(t, func(c *prometheus.Config) { c.MaxBytes = 1000 }, func(w http.ResponseWriter, _ *http.Request) {
		_, _ = io.WriteString(w, `{"status":"success","data":{"resultType":"vector","result":[`+strings.Repeat(`{"metric":{},"value":[1,"1"]},`, 1000))
	})
	if fault.CodeOf(err) != fault.TooLarge || !strings.Contains(err.Error(), "over 1000 bytes") {
		t.Error(err)
	}
}

func TestTLSIsVerifiedUnlessAnAuthorityIsGiven(t *testing.T) {
	web := httptest.NewTLSServer(reply(vector))
	defer web.Close()
	file := filepath.Join(t.TempDir(), "ca.pem")
	if err := os.WriteFile(file, pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: web.Certificate().Raw}), 0o600); err != nil {
		t.Fatal(err)
	}
	for ca, want := range map[string]fault.Code{"": fault.Unavailable, file: ""} {
		c, err := prometheus.New(prometheus.Config{Name: "prod", URL: web.URL, TLS: prometheus.TLS{CAFile: ca}})
		if err != nil {
			t.Fatal(err)
		}
		_, err = c.Query(t.Context(), "up", now())
		c.Close()
		if (err == nil) != (want == "") || err != nil && (fault.CodeOf(err) != want || !strings.Contains(fault.HintOf(err), "tls.ca_file")) {
			t.Errorf("authority %q: %v, hint %q", ca, err, fault.HintOf(err))
		}
	}
}

func TestAWrongConfigurationIsRefusedWithoutEchoingIt(t *testing.T) {
	for _, c := range []prometheus.Config{
		{URL: "http://user:hunter2@host"},
		{URL: "ftp://hunter2"},
		{URL: "http://ho st/hunter2"},
		{URL: "http://host", Auth: prometheus.Auth{Username: "hunter2"}},
		{URL: "http://host", TLS: prometheus.TLS{CAFile: "/nosuch"}},
		{URL: "http://host", Auth: prometheus.Auth{AWS: &prometheus.AWS{}, Bearer: func(context.Context) (string, error) { return "", nil }}},
	} {
		_, err := prometheus.New(c)
		if fault.CodeOf(err) != fault.InvalidArgument || strings.Contains(err.Error(), "user:hunter2") {
			t.Errorf("%q: %v", c.URL, err)
		}
	}
	c, err := prometheus.New(prometheus.Config{Name: "prod", URL: "http://127.0.0.1:1", Retries: -1})
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	if _, err = c.Query(t.Context(), "up", now()); fault.CodeOf(err) != fault.Unavailable || !strings.Contains(fault.HintOf(err), "Nothing listens there") {
		t.Errorf("%v, hint %q", err, fault.HintOf(err))
	}
}
