package main

import (
	"bytes"
	"cmp"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"io"
	"maps"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	v4 "github.com/aws/aws-sdk-go-v2/aws/signer/v4"
	awsconfig "github.com/aws/aws-sdk-go-v2/config"

	"github.com/plumbline-mcp/plumbline/internal/embed"
	"github.com/plumbline-mcp/plumbline/internal/embed/minilm"
	"github.com/plumbline-mcp/plumbline/internal/fault"
	store "github.com/plumbline-mcp/plumbline/internal/knowledge"
	"github.com/plumbline-mcp/plumbline/internal/knowledge/knn"
	"github.com/plumbline-mcp/plumbline/knowledge"
)

// knowledgeConfig says where the knowledge bases are and what embeds them.
type knowledgeConfig struct {
	Dir      string                `yaml:"dir"`
	Bases    map[string]baseConfig `yaml:"bases"`
	Embedder embedderConfig        `yaml:"embedder"`
	Store    chunkStoreConfig      `yaml:"store"`
}

// chunkStoreConfig keeps words and vectors of the user's bases in an OpenSearch cluster instead of the file: for more than 200,000
// chunks.
type chunkStoreConfig struct {
	Source string `yaml:"source"` // a configured source of kind opensearch; empty = the file
	Index  string `yaml:"index"`  // beginning of the index names; plumbline-knowledge if empty
}

// baseConfig is a base that `plumbline knowledge update` keeps; it gives a team one list.
type baseConfig struct {
	Path    string   `yaml:"path"` // relative to the configuration file
	Git     string   `yaml:"git"`
	Include []string `yaml:"include"` // patterns of paths; empty = all
}

// embedderConfig says what turns texts into vectors.
type embedderConfig struct {
	Kind      string `yaml:"kind"`      // local (default), openai, bedrock, ml_commons
	URL       string `yaml:"url"`       // openai: up to /embeddings; ml_commons: the cluster's; bedrock: an own endpoint
	Model     string `yaml:"model"`     // name or id
	Dimension int    `yaml:"dimension"` // 0 = the model's own
	Region    string `yaml:"region"`    // bedrock
	KeyEnv    string `yaml:"key_env"`   // openai: variable that holds the key; ml_commons: one that holds user:password
}

// The kinds of embedders.
const (
	embedLocal     = "local"
	embedOpenAI    = "openai"
	embedBedrock   = "bedrock"
	embedMLCommons = "ml_commons"
)

func (k *knowledgeConfig) check() error {
	for _, name := range slices.Sorted(maps.Keys(k.Bases)) {
		b := k.Bases[name]
		if !sourceName.MatchString(name) || name == store.Bundled {
			return fault.New(fault.InvalidArgument, "knowledge.bases.%s: a name has letters, digits, dots, hyphens and underscores, and is not %s", name, store.Bundled)
		}
		if (b.Path == "") == (b.Git == "") {
			return fault.New(fault.InvalidArgument, "knowledge.bases.%s: give either path or git", name)
		}
	}
	e := k.Embedder
	switch e.Kind {
	case "", embedLocal:
		return nil
	case embedOpenAI, embedMLCommons:
		if e.URL == "" || e.Model == "" {
			return fault.New(fault.InvalidArgument, "knowledge.embedder: kind %s needs url and model", e.Kind)
		}
	case embedBedrock:
		if e.Model == "" || e.Region == "" && e.URL == "" {
			return fault.New(fault.InvalidArgument, "knowledge.embedder: kind %s needs model and region", e.Kind)
		}
	default:
		return fault.WithHint(fault.New(fault.InvalidArgument, "knowledge.embedder: unknown kind %q", e.Kind), "The kinds are: local, openai, bedrock, ml_commons.")
	}
	return nil
}

// sources are the configured bases; base is the directory that relative paths start at.
func (k *knowledgeConfig) sources(base string) []store.Source {
	var out []store.Source
	for _, name := range slices.Sorted(maps.Keys(k.Bases)) {
		b := k.Bases[name]
		src := store.Source{Name: name, Kind: store.KindGit, Location: b.Git, Include: b.Include}
		if b.Path != "" {
			src.Kind, src.Location = store.KindPath, b.Path
			if !filepath.IsAbs(src.Location) {
				src.Location = filepath.Join(base, src.Location)
			}
		}
		out = append(out, src)
	}
	return out
}

// newKnowledge makes the store of the bases. It opens nothing: files and the model wait for the first question.
func newKnowledge(h host, c config, e embed.Embedder, clusters *clusters) *store.Store {
	carried, ok := e.(*minilm.Encoder)
	if !ok {
		carried = minilm.New(minilm.Config{})
	}
	dir := c.Knowledge.Dir
	if dir == "" {
		dir = filepath.Join(userData(h), "plumbline")
	}
	var lists store.Lists
	if at := c.Knowledge.Store; at.Source != "" {
		lists = knn.New(func() (knn.Cluster, error) { return clusters.client(at.Source) }, cmp.Or(at.Index, "plumbline-knowledge"))
	}
	return store.New(store.Config{
		Lists: lists, File: filepath.Join(dir, "knowledge.db"), Repos: filepath.Join(dir, "repositories"), Bundled: knowledge.Index(),
		Embedder: e, Carried: carried, Count: carried.Count, Now: h.now,
	})
}

// meaning lets tools ask how near texts are to a question.
type meaning struct{ e embed.Embedder }

func (m meaning) Similarities(ctx context.Context, question string, texts []string) ([]float64, error) {
	return embed.Similarities(ctx, m.e, question, texts)
}

// userData is the user's directory for data that is not a cache.
func userData(h host) string {
	if dir := h.env("XDG_DATA_HOME"); filepath.IsAbs(dir) {
		return dir
	}
	home, err := os.UserHomeDir()
	if err != nil { // no home directory: what is kept lasts until the machine restarts
		return os.TempDir()
	}
	return filepath.Join(home, ".local", "share")
}

// embedTimeout bounds one request to a service that embeds.
const embedTimeout = 60 * time.Second

func newEmbedder(h host, c embedderConfig) (embed.Embedder, error) {
	client := &http.Client{Timeout: embedTimeout}
	switch c.Kind {
	case "", embedLocal:
		return minilm.New(minilm.Config{}), nil
	case embedOpenAI:
		return embed.NewOpenAI(embed.OpenAIConfig{URL: c.URL, Key: h.env(c.KeyEnv), Model: c.Model, Dimension: c.Dimension, HTTP: client}), nil
	case embedBedrock:
		url := c.URL
		if url == "" {
			url = "https://bedrock-runtime." + c.Region + ".amazonaws.com"
		}
		return embed.NewBedrock(embed.BedrockConfig{URL: url, Model: c.Model, Dimension: c.Dimension, HTTP: &bedrockSigner{client, c.Region, h.now}}), nil
	case embedMLCommons:
		return embed.NewMLCommons(embed.MLCommonsConfig{URL: c.URL, Model: c.Model, Dimension: c.Dimension, HTTP: &basicAuth{client, h.env(c.KeyEnv)}}), nil
	}
	return nil, (&knowledgeConfig{Embedder: c}).check()
}

// basicAuth sends user:password.
type basicAuth struct {
	client  *http.Client
	account string
}

func (b *basicAuth) Do(r *http.Request) (*http.Response, error) {
	if user, password, ok := strings.Cut(b.account, ":"); ok {
		r.SetBasicAuth(user, password)
	}
	return b.client.Do(r) //nolint:gosec // the configuration names the service
}

// bedrockSigner signs requests with the machine's AWS credentials, loaded at the first one.
type bedrockSigner struct {
	client *http.Client
	region string
	now    func() time.Time
}

func (b *bedrockSigner) Do(r *http.Request) (*http.Response, error) {
	body, err := io.ReadAll(r.Body)
	if err != nil {
		return nil, err
	}
	loaded, err := awsconfig.LoadDefaultConfig(r.Context(), awsconfig.WithRegion(b.region))
	if err != nil {
		return nil, fmt.Errorf("AWS configuration: %w", err)
	}
	credentials, err := loaded.Credentials.Retrieve(r.Context())
	if err != nil {
		return nil, fault.WithHint(fault.New(fault.PermissionDenied, "AWS credentials: %w", err), "`aws sts get-caller-identity` must work here.")
	}
	sum := sha256.Sum256(body)
	if err := v4.NewSigner().SignHTTP(r.Context(), credentials, r, hex.EncodeToString(sum[:]), "bedrock", loaded.Region, b.now()); err != nil {
		return nil, fmt.Errorf("sign the request: %w", err)
	}
	r.Body = io.NopCloser(bytes.NewReader(body))
	return b.client.Do(r) //nolint:gosec // the configuration names the service
}

// printJSON writes a value as indented JSON.
func printJSON(w io.Writer, v any) error {
	enc := json.NewEncoder(w)
	enc.SetEscapeHTML(false)
	enc.SetIndent("", "  ")
	return enc.Encode(v)
}

// updateAll brings the named bases up to date, or all when none is named: those that were added, those of the configuration.
func updateAll(ctx context.Context, s *store.Store, configured []store.Source, names []string, each func(store.Report, error)) error {
	have, err := s.Bases(ctx)
	if err != nil {
		return err
	}
	all := map[string]store.Source{}
	for _, b := range have {
		if b.Name != store.Bundled {
			all[b.Name] = store.Source{Name: b.Name, Kind: b.Kind, Location: b.Location, Include: b.Include}
		}
	}
	for _, c := range configured {
		all[c.Name] = c
	}
	known := slices.Sorted(maps.Keys(all))
	if len(names) == 0 {
		names = known
	}
	var failed error
	for _, n := range names {
		src, ok := all[n]
		if !ok {
			return fault.WithHint(fault.New(fault.NotFound, "no knowledge base %q", n), "The bases are: %s.", strings.Join(known, ", "))
		}
		report, err := s.Update(ctx, src)
		each(report, err)
		if err != nil {
			failed = err
		}
	}
	return failed
}
