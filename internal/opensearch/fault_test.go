package opensearch_test

import (
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"errors"
	"fmt"
	"math/big"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"go.uber.org/goleak"

	"github.com/plumbline-mcp/plumbline/internal/fault"
	"github.com/plumbline-mcp/plumbline/internal/live/faultproxy"
	"github.com/plumbline-mcp/plumbline/internal/opensearch"
)

const password = "correct-horse-7"

// cluster is a stand-in that answers searches.
func cluster() http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", "application/json; charset=UTF-8")
		fmt.Fprint(w, `{"took":1,"timed_out":false,"_shards":{"total":2,"successful":2,"skipped":0,"failed":0},"hits":{"total":{"value":3,"relation":"eq"},"hits":[]}}`)
	})
}

func secret(v string) opensearch.Secret {
	return func(context.Context) (string, error) { return v, nil }
}

// waits notes how long the client would have slept.
type waits struct {
	mu  sync.Mutex
	all []time.Duration
}

func (w *waits) sleep(ctx context.Context, d time.Duration) error {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.all = append(w.all, d)
	return ctx.Err()
}

func newClient(t *testing.T, url string, change func(*opensearch.Config)) (*opensearch.Client, *waits) {
	t.Helper()
	w := &waits{}
	conf := opensearch.Config{
		Name: "prod", URLs: []string{url}, Auth: opensearch.Auth{Username: "ann", Password: secret(password)}, Clock: time.Now,
		Sleep: w.sleep, Jitter: func() float64 { return 0 }, ConnectTimeout: 500 * time.Millisecond, Timeout: 2 * time.Second,
	}
	if change != nil {
		change(&conf)
	}
	c, err := opensearch.New(conf)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := c.Close(); err != nil {
			t.Error(err)
		}
	})
	return c, w
}

func search(ctx context.Context, c *opensearch.Client) error {
	_, err := c.Search(ctx, opensearch.Search{Index: "logs", Body: []byte(`{"size":0}`)})
	return err
}

const page = "<!DOCTYPE html><html><head><title>Bad\n gateway</title></head><body>nginx " + password + "</body></html>"

func html(status int) faultproxy.Fault {
	return faultproxy.Fault{Status: status, Body: page, Header: http.Header{"Content-Type": {"text/html"}}}
}

func TestEachFaultGivesAShortErrorAndTheClientGoesOn(t *testing.T) {
	proxy := faultproxy.New(cluster())
	defer proxy.Close()
	for _, c := range []struct {
		name     string
		fault    faultproxy.Fault
		code     fault.Code
		says     string
		requests int
	}{
		{"slower than the time limit", faultproxy.Fault{Delay: time.Second}, fault.Timeout, "no full answer within", 1},
		{"never answers", faultproxy.Fault{Hang: true}, fault.Timeout, "no full answer within", 1},
		{"drips a byte at a time", faultproxy.Fault{Drip: 50 * time.Millisecond}, fault.Timeout, "no full answer within", 1},
		{"resets before the answer", faultproxy.Fault{Reset: true}, fault.Unavailable, "closed without an answer", 4},
		{"resets in the middle of the body", faultproxy.Fault{Reset: true, CutAfter: 20}, fault.Unavailable, "broke off after 20 bytes", 4},
		{"ends in the middle of the body", faultproxy.Fault{CleanCut: true, CutAfter: 20}, fault.Unavailable, "broke off after 20 bytes", 4},
		{"truncates gzip", faultproxy.Fault{Gzip: true, CleanCut: true, CutAfter: 60}, fault.Unavailable, "broke off", 4},
		{"says gzip and is none", faultproxy.Fault{Header: http.Header{"Content-Encoding": {"gzip"}}}, fault.Unavailable, "broke off", 4},
		{"429 for good", faultproxy.Fault{Status: 429, Body: `{"error":{"type":"x","reason":"rejected execution"},"status":429}`}, fault.Unavailable, "429 Too Many Requests: x: rejected execution", 4},
		{"503 for good", html(503), fault.Unavailable, `503 Service Unavailable: an HTML page "Bad gateway"`, 4},
		{"401 with a page", html(401), fault.PermissionDenied, "401 Unauthorized", 1},
		{"403 with a page", html(403), fault.PermissionDenied, "403 Forbidden", 1},
		{"404 with a page", html(404), fault.NotFound, "404 Not Found", 1},
		{"500 with a page", html(500), fault.Unavailable, "500 Internal Server Error", 1},
		{"200 with a page", html(200), fault.Unavailable, `an HTML page "Bad gateway" instead of JSON`, 1},
		{"200 with something else", faultproxy.Fault{Status: 200, Body: "pong", Header: http.Header{"Content-Type": {"text/plain"}}}, fault.Unavailable, "text/plain that is no JSON", 1},
		{"redirects", faultproxy.Fault{Status: 302, Header: http.Header{"Location": {"https://u:" + password + "@login.example/x?token=1"}}}, fault.Unavailable, "redirected to https://login.example/x", 1},
		{"an error of its own", faultproxy.Fault{Status: 404, Body: `{"error":{"root_cause":[{"type":"index_not_found_exception","reason":"no such index [logs]"}],"type":"x","reason":"y"},"status":404}`}, fault.NotFound, "index_not_found_exception: no such index [logs]", 1},
		{"an error that tells the password", faultproxy.Fault{Status: 400, Body: `{"error":{"type":"a","reason":"bad header ` + password + `"}}`}, fault.InvalidArgument, "bad header [secret]", 1},
		{"too much", faultproxy.Fault{Status: 200, Body: `{"a":"` + strings.Repeat("x", 5000) + `"}`}, fault.TooLarge, "over 4096 bytes", 1},
		{"too much, packed", faultproxy.Fault{Status: 200, Gzip: true, Body: `{"a":"` + strings.Repeat("x", 5_000_000) + `"}`}, fault.TooLarge, "over 4096 bytes", 1},
	} {
		t.Run(c.name, func(t *testing.T) {
			client, _ := newClient(t, proxy.URL, func(conf *opensearch.Config) {
				conf.MaxBytes = 4096
				if c.code == fault.Timeout {
					conf.Timeout = 300 * time.Millisecond
				}
			})
			proxy.Set(c.fault)
			err := search(t.Context(), client)
			if err == nil {
				t.Fatal("no error")
			}
			if got := fault.CodeOf(err); got != c.code {
				t.Errorf("code %s, want %s: %v", got, c.code, err)
			}
			judge(t, err, c.says)
			if got := len(proxy.Requests()); got != c.requests {
				t.Errorf("%d requests, want %d", got, c.requests)
			}
			proxy.Set(faultproxy.Fault{})
			if err := search(t.Context(), client); err != nil {
				t.Errorf("afterwards: %v", err)
			}
		})
	}
}

// judge holds an error to what every one must be.
func judge(t *testing.T, err error, says string) {
	t.Helper()
	text := err.Error() + " " + fault.HintOf(err)
	if !strings.Contains(err.Error(), says) {
		t.Errorf("got %q, want it to say %q", err, says)
	}
	if !strings.HasPrefix(err.Error(), "cluster prod: ") {
		t.Errorf("the cluster is not named: %q", err)
	}
	if fault.HintOf(err) == "" && fault.CodeOf(err) != fault.InvalidArgument && fault.CodeOf(err) != fault.Canceled {
		t.Errorf("nothing to check: %q", err)
	}
	if strings.Contains(text, password) || strings.Contains(text, "YW5uOm") || len(text) > 600 {
		t.Errorf("too long, or tells the credentials: %q", text)
	}
}

func TestAReadIsSentAgainAndAWriteIsNot(t *testing.T) {
	proxy := faultproxy.New(cluster())
	defer proxy.Close()
	client, w := newClient(t, proxy.URL, nil)
	for _, status := range []int{429, 502, 503, 504} {
		proxy.Set(faultproxy.Fault{Times: 2, Status: status, Body: `{}`})
		w.all = nil
		if err := search(t.Context(), client); err != nil {
			t.Errorf("%d twice: %v", status, err)
		}
		if got, want := fmt.Sprint(w.all), "[200ms 400ms]"; got != want {
			t.Errorf("%d: waits %s, want %s", status, got, want)
		}
		proxy.Set(faultproxy.Fault{Times: 1, Status: status, Body: `{}`})
		_, err := client.Do(t.Context(), opensearch.Request{Method: http.MethodPost, Path: "/logs/_doc", Body: []byte(`{}`)})
		if err == nil || len(proxy.Requests()) != 1 {
			t.Errorf("%d for a write: %v after %d requests", status, err, len(proxy.Requests()))
		}
	}
	proxy.Set(faultproxy.Fault{Times: 1, Reset: true})
	if _, err := client.Do(t.Context(), opensearch.Request{Method: http.MethodPost, Path: "/logs/_doc", Body: []byte(`{}`)}); err == nil || len(proxy.Requests()) != 1 {
		t.Errorf("a write was repeated after a reset: %v, %d requests", err, len(proxy.Requests()))
	}
}

func TestRetryAfterIsHonoured(t *testing.T) {
	proxy := faultproxy.New(cluster())
	defer proxy.Close()
	client, w := newClient(t, proxy.URL, func(c *opensearch.Config) { c.Timeout = time.Minute })
	for text, want := range map[string]time.Duration{
		"7": 7 * time.Second, "0": 200 * time.Millisecond,
		time.Now().Add(30 * time.Second).UTC().Format(http.TimeFormat): 29 * time.Second,
	} {
		proxy.Set(faultproxy.Fault{Times: 1, Status: 429, Body: `{}`, Header: http.Header{"Retry-After": {text}}})
		w.all = nil
		if err := search(t.Context(), client); err != nil {
			t.Fatalf("%s: %v", text, err)
		}
		if len(w.all) != 1 || w.all[0] < want-2*time.Second || w.all[0] > want+2*time.Second {
			t.Errorf("%s: waits %v, want about %s", text, w.all, want)
		}
	}
	proxy.Set(faultproxy.Fault{Times: 1, Status: 503, Body: `{}`, Header: http.Header{"Retry-After": {"3600"}}})
	if err := search(t.Context(), client); err == nil || len(proxy.Requests()) != 1 {
		t.Errorf("a wait of an hour: %v after %d requests", err, len(proxy.Requests()))
	}
}

func TestARotatedTokenIsReadAgain(t *testing.T) {
	tokens := []string{"old-token", "new-token"}
	asked := 0
	srv := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.Header.Get("Authorization") != "Bearer new-token" {
			w.WriteHeader(http.StatusUnauthorized)
			return
		}
		cluster().ServeHTTP(w, r)
	}))
	defer srv.Close()
	client, _ := newClient(t, srv.URL, func(c *opensearch.Config) {
		c.Auth = opensearch.Auth{Bearer: func(context.Context) (string, error) {
			asked++
			return tokens[min(asked-1, 1)], nil
		}}
	})
	if err := search(t.Context(), client); err != nil {
		t.Error(err)
	}
	if asked != 2 {
		t.Errorf("asked %d times for the token, want 2", asked)
	}
}

func TestNamesCertificatesAndPortsThatDoNotFit(t *testing.T) {
	plain := httptest.NewServer(cluster())
	defer plain.Close()
	secure := faultproxy.NewTLS(cluster())
	defer secure.Close()
	expired, expiredCA := tlsServer(t, "127.0.0.1", time.Now().Add(-time.Hour), nil)
	other, otherCA := tlsServer(t, "db.example", time.Now().Add(time.Hour), nil)
	asking, askingCA := tlsServer(t, "127.0.0.1", time.Now().Add(time.Hour), x509.NewCertPool())
	closed := httptest.NewServer(cluster())
	closed.Close()
	silent := listener(t)
	for _, c := range []struct {
		name, url, ca, says string
		code                fault.Code
	}{
		{"a name that DNS does not know", "http://no-such-host.invalid:9200", "", "no-such-host.invalid is not known", fault.Unavailable},
		{"nothing listens", closed.URL, "", "connection refused", fault.Unavailable},
		{"a port that takes connections and is silent", "https://" + silent, "", "no connection within", fault.Unavailable},
		{"an authority nobody trusts", secure.URL, "", "authority that is not trusted", fault.Unavailable},
		{"a certificate of yesterday", expired, expiredCA, "expired", fault.Unavailable},
		{"a certificate of another name", other, otherCA, "another name", fault.Unavailable},
		{"a cluster that asks for a client certificate", asking, askingCA, "TLS handshake", fault.Unavailable},
		{"plain HTTP where TLS is expected", strings.Replace(plain.URL, "http:", "https:", 1), "", "plain HTTP", fault.Unavailable},
		{"TLS where plain HTTP is expected", strings.Replace(secure.URL, "https:", "http:", 1), "", "", fault.InvalidArgument},
	} {
		t.Run(c.name, func(t *testing.T) {
			client, _ := newClient(t, c.url, func(conf *opensearch.Config) { conf.TLS.CAFile = c.ca })
			err := search(t.Context(), client)
			if err == nil {
				t.Fatal("no error")
			}
			if fault.CodeOf(err) != c.code {
				t.Errorf("code %s, want %s", fault.CodeOf(err), c.code)
			}
			judge(t, err, c.says)
		})
	}
}

// listener takes connections and says nothing.
func listener(t *testing.T) string {
	t.Helper()
	ln, err := (&net.ListenConfig{}).Listen(t.Context(), "tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { ln.Close() })
	return ln.Addr().String()
}

// tlsServer serves with a certificate of its own, which is its authority too.
func tlsServer(t *testing.T, host string, until time.Time, clients *x509.CertPool) (url, caFile string) {
	t.Helper()
	cert, caFile := certificate(t, host, until)
	srv := httptest.NewUnstartedServer(cluster())
	srv.TLS = &tls.Config{Certificates: []tls.Certificate{cert}, MinVersion: tls.VersionTLS12}
	if clients != nil {
		srv.TLS.ClientAuth, srv.TLS.ClientCAs = tls.RequireAndVerifyClientCert, clients
	}
	srv.StartTLS()
	t.Cleanup(srv.Close)
	return srv.URL, caFile
}

func certificate(t *testing.T, host string, until time.Time) (cert tls.Certificate, pemFile string) {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	form := &x509.Certificate{
		SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: "test"}, NotBefore: until.Add(-24 * time.Hour), NotAfter: until, IsCA: true,
		BasicConstraintsValid: true, KeyUsage: x509.KeyUsageCertSign | x509.KeyUsageDigitalSignature,
		ExtKeyUsage: []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth, x509.ExtKeyUsageClientAuth},
	}
	if ip := net.ParseIP(host); ip != nil {
		form.IPAddresses = []net.IP{ip}
	} else {
		form.DNSNames = []string{host}
	}
	der, err := x509.CreateCertificate(rand.Reader, form, form, &key.PublicKey, key)
	if err != nil {
		t.Fatal(err)
	}
	pkcs8, err := x509.MarshalPKCS8PrivateKey(key)
	if err != nil {
		t.Fatal(err)
	}
	dir := t.TempDir()
	pemFile = filepath.Join(dir, "cert.pem")
	write(t, pemFile, pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der}))
	write(t, filepath.Join(dir, "key.pem"), pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: pkcs8}))
	return tls.Certificate{Certificate: [][]byte{der}, PrivateKey: key}, pemFile
}

func write(t *testing.T, name string, b []byte) {
	t.Helper()
	if err := os.WriteFile(name, b, 0o600); err != nil {
		t.Fatal(err)
	}
}

func TestTheCallersCancellationIsTold(t *testing.T) {
	proxy := faultproxy.New(cluster())
	defer proxy.Close()
	proxy.Set(faultproxy.Fault{Hang: true})
	client, _ := newClient(t, proxy.URL, nil)
	ctx, cancel := context.WithCancel(t.Context())
	time.AfterFunc(50*time.Millisecond, cancel)
	err := search(ctx, client)
	if fault.CodeOf(err) != fault.Canceled || !errors.Is(err, context.Canceled) {
		t.Errorf("%s: %v", fault.CodeOf(err), err)
	}
}

func TestAPathOfTheURLIsKept(t *testing.T) {
	var paths []string
	srv := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		paths = append(paths, r.URL.EscapedPath())
		if len(paths) == 1 {
			w.WriteHeader(http.StatusServiceUnavailable)
			return
		}
		cluster().ServeHTTP(w, r)
	}))
	defer srv.Close()
	client, _ := newClient(t, srv.URL+"/gate/os/", nil)
	if _, err := client.Search(t.Context(), opensearch.Search{Index: "<logs-{now/d}>"}); err != nil {
		t.Fatal(err)
	}
	want := "/gate/os/%3Clogs-%7Bnow%2Fd%7D%3E/_search"
	if len(paths) != 2 || paths[0] != want || paths[1] != want {
		t.Errorf("%q, want %q twice", paths, want)
	}
}

func TestNothingRunsOnAfterClose(t *testing.T) {
	before := goleak.IgnoreCurrent()
	a, b := httptest.NewServer(cluster()), httptest.NewServer(cluster())
	client, err := opensearch.New(opensearch.Config{Name: "prod", URLs: []string{a.URL, b.URL}})
	if err != nil {
		t.Fatal(err)
	}
	for range 4 {
		if err := search(t.Context(), client); err != nil {
			t.Error(err)
		}
	}
	if err := client.Close(); err != nil {
		t.Error(err)
	}
	a.Close()
	b.Close()
	goleak.VerifyNone(t, before)
}

func TestAnotherNodeAnswersForADeadOne(t *testing.T) {
	dead := httptest.NewServer(cluster())
	dead.Close()
	alive := httptest.NewServer(cluster())
	defer alive.Close()
	client, _ := newClient(t, dead.URL, func(c *opensearch.Config) { c.URLs = append(c.URLs, alive.URL) })
	for range 4 {
		if _, err := client.Do(t.Context(), opensearch.Request{Method: http.MethodPost, Path: "/logs/_doc", Body: []byte(`{}`)}); err != nil {
			t.Error(err)
		}
	}
}
