package opensearch

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

	"github.com/plumbline-mcp/plumbline/internal/fault"
)

// Auth says who asks. At most one of Username, Bearer, APIKey, AWS and PassThrough is set; the zero value is nobody.
// A client certificate stands in TLS and goes with any of them.
type Auth struct {
	Username string // basic, with Password
	Password Secret
	Bearer   Secret            // Authorization: Bearer TOKEN
	APIKey   Secret            // Authorization: ApiKey KEY
	Headers  map[string]Secret // further headers, for gateways that want their own
	AWS      *AWS              // Signature Version 4
	// PassThrough sends what the caller of this very request authenticated with (see WithCaller) and nothing of our own.
	PassThrough bool
}

func (a Auth) check(cluster string) error {
	var kinds []string
	add := func(set bool, name string) {
		if set {
			kinds = append(kinds, name)
		}
	}
	add(a.Username != "" || a.Password != nil, "basic")
	add(a.Bearer != nil, "bearer")
	add(a.APIKey != nil, "api_key")
	add(a.AWS != nil, "aws")
	add(a.PassThrough, "pass_through")
	switch {
	case len(kinds) > 1:
		return fault.New(fault.InvalidArgument, "cluster %s: auth names %s: choose one", cluster, strings.Join(kinds, " and "))
	case (a.Username == "") != (a.Password == nil):
		return fault.New(fault.InvalidArgument, "cluster %s: basic authentication needs a username and a password", cluster)
	case a.AWS != nil:
		return a.AWS.check(cluster)
	}
	return nil
}

// Kind names the way of authentication, for people: "none", "basic", "bearer", "api_key", "aws", "pass_through".
func (a Auth) Kind() string {
	switch {
	case a.AWS != nil:
		return "aws"
	case a.PassThrough:
		return "pass_through"
	case a.Bearer != nil:
		return "bearer"
	case a.APIKey != nil:
		return "api_key"
	case a.Username != "":
		return "basic"
	}
	return "none"
}

// callerKey finds the caller's credentials for a cluster in a context.
type callerKey struct{ cluster string }

// WithCaller puts what the caller of this request is known by at a cluster, an Authorization value, into the context. Only a
// cluster of that name with PassThrough sends it.
func WithCaller(ctx context.Context, cluster, authorization string) context.Context {
	return context.WithValue(ctx, callerKey{cluster}, authorization)
}

// Caller identifies the caller whose credentials ctx carries, without giving them away: what was learned for one caller must
// not answer another. It is "" where the cluster's own credentials are used.
func (c *Client) Caller(ctx context.Context) string {
	v, ok := ctx.Value(callerKey{c.Name()}).(string)
	if !c.config.Auth.PassThrough || !ok {
		return ""
	}
	sum := sha256.Sum256([]byte(v))
	return hex.EncodeToString(sum[:8])
}

// secretTTL is how long a secret is kept before it is asked for again: tokens in files are rotated every few minutes or hours.
const secretTTL = time.Minute

// minScrubbed is the shortest secret that is blotted out of texts: shorter ones would blot out words.
const minScrubbed = 4

// keeper keeps secrets for a while and knows which texts must never be shown.
type keeper struct {
	mu    sync.Mutex
	now   func() time.Time
	kept  map[string]kept
	shown []string // what scrub blots out
}

type kept struct {
	value  string
	at     time.Time
	secret Secret
}

// get returns a secret by its name, asking for it when it is old.
func (k *keeper) get(ctx context.Context, name string, s Secret) (string, error) {
	k.mu.Lock()
	defer k.mu.Unlock()
	now := k.now()
	if old, ok := k.kept[name]; ok && now.Sub(old.at) < secretTTL {
		return old.value, nil
	}
	v, err := s.ask(ctx)
	if err != nil {
		return "", fmt.Errorf("%s: %w", name, err)
	}
	k.kept[name] = kept{v, now, s}
	k.hide(v)
	return v, nil
}

// ask returns the secret on one line.
func (s Secret) ask(ctx context.Context) (string, error) {
	v, err := s(ctx)
	if err != nil {
		return "", err
	}
	v = strings.TrimSpace(v)
	switch {
	case v == "":
		return "", fault.New(fault.InvalidArgument, "it is empty")
	case strings.ContainsAny(v, "\r\n"):
		return "", fault.New(fault.InvalidArgument, "it has several lines")
	}
	return v, nil
}

// maxHidden bounds the texts remembered: rotated tokens age out.
const maxHidden = 64

func (k *keeper) hide(v string) {
	if len(v) < minScrubbed {
		return
	}
	k.shown = append(k.shown, v)
	if len(k.shown) > maxHidden {
		k.shown = k.shown[len(k.shown)-maxHidden:]
	}
}

// renew asks for every kept secret again, after the cluster refused what was sent. It reports whether any is another now: the
// same one is not tried twice, since clusters lock users out.
func (k *keeper) renew(ctx context.Context) bool {
	k.mu.Lock()
	defer k.mu.Unlock()
	changed := false
	for name, old := range k.kept {
		v, err := old.secret.ask(ctx)
		if err != nil || v == old.value {
			continue
		}
		k.kept[name] = kept{v, k.now(), old.secret}
		k.hide(v)
		changed = true
	}
	return changed
}

// scrub blots out every secret that was ever used.
func (k *keeper) scrub(text string) string {
	k.mu.Lock()
	defer k.mu.Unlock()
	for _, v := range k.shown {
		text = strings.ReplaceAll(text, v, "[secret]")
	}
	return text
}

// authorize puts the credentials on a request whose URL is final.
func (c *Client) authorize(ctx context.Context, r *http.Request, body []byte) error {
	a := c.config.Auth
	for name, s := range a.Headers {
		v, err := c.secrets.get(ctx, "header "+name, s)
		if err != nil {
			return err
		}
		r.Header.Set(name, v)
	}
	switch {
	case a.AWS != nil:
		return c.signer.sign(ctx, r, body)
	case a.PassThrough:
		return c.passThrough(ctx, r)
	case a.Bearer != nil:
		return c.token(ctx, r, "Bearer", "bearer token", a.Bearer)
	case a.APIKey != nil:
		return c.token(ctx, r, "ApiKey", "API key", a.APIKey)
	case a.Username != "":
		v, err := c.secrets.get(ctx, "password", a.Password)
		if err != nil {
			return err
		}
		c.secrets.hideMore(base64.StdEncoding.EncodeToString([]byte(a.Username + ":" + v)))
		r.SetBasicAuth(a.Username, v)
	}
	return nil
}

func (k *keeper) hideMore(v string) {
	k.mu.Lock()
	defer k.mu.Unlock()
	if !slices.Contains(k.shown, v) {
		k.hide(v)
	}
}

func (c *Client) token(ctx context.Context, r *http.Request, scheme, name string, s Secret) error {
	v, err := c.secrets.get(ctx, name, s)
	if err != nil {
		return err
	}
	r.Header.Set("Authorization", scheme+" "+v)
	return nil
}

func (c *Client) passThrough(ctx context.Context, r *http.Request) error {
	v, ok := ctx.Value(callerKey{c.Name()}).(string)
	if !ok || v == "" {
		return fault.WithHint(fault.New(fault.PermissionDenied, "no credentials came with the call"),
			"This cluster takes the caller's own credentials: serve over HTTP and send them in the header that the configuration names.")
	}
	if strings.ContainsAny(v, "\r\n") {
		return fault.New(fault.InvalidArgument, "the caller's credentials have several lines")
	}
	c.secrets.hideMore(v)
	if _, rest, ok := strings.Cut(v, " "); ok {
		c.secrets.hideMore(strings.TrimSpace(rest))
	}
	r.Header.Set("Authorization", v)
	return nil
}
