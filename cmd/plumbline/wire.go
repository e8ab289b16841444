package main

import (
	"context"
	"errors"
	"log/slog"
	"maps"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	awsconfig "github.com/aws/aws-sdk-go-v2/config"

	"github.com/plumbline-mcp/plumbline/internal/embed"
	"github.com/plumbline-mcp/plumbline/internal/engine"
	"github.com/plumbline-mcp/plumbline/internal/engine/local"
	"github.com/plumbline-mcp/plumbline/internal/fault"
	"github.com/plumbline-mcp/plumbline/internal/knowledge"
	"github.com/plumbline-mcp/plumbline/internal/ppl"
	"github.com/plumbline-mcp/plumbline/internal/rows"
	"github.com/plumbline-mcp/plumbline/telemetry"
	"github.com/plumbline-mcp/plumbline/tools"
)

// process is everything that one run holds: made once, closed once.
type process struct {
	host      host
	config    config
	file      string // the configuration file in force, "" for none
	logger    *slog.Logger
	telemetry *telemetry.Telemetry
	store     *local.Store
	clusters  *clusters
	sources   sources
	metrics   *metricSources
	embedder  embed.Embedder // loads its model at the first text
	knowledge *knowledge.Store
	catalogue *tools.Catalogue
}

func newProcess(ctx context.Context, s *settings) (*process, error) {
	c, file, err := s.load()
	if err != nil {
		return nil, err
	}
	return newProcessOf(ctx, s.host, c, file)
}

// newProcessOf is newProcess with the configuration given.
func newProcessOf(ctx context.Context, h host, c config, file string) (p *process, err error) {
	p = &process{host: h, config: c, file: file, logger: slog.New(slog.NewTextHandler(h.err, &slog.HandlerOptions{Level: slog.LevelWarn}))}
	if c.Serve.HTTP != "" {
		p.logger = slog.New(slog.NewTextHandler(h.err, nil))
	}
	if p.telemetry, err = telemetry.Setup(ctx, telemetryOf(h, c, p.logger)); err != nil {
		return nil, err
	}
	if p.store, err = newStore(h, c, p.logger); err != nil {
		return nil, err
	}
	p.clusters = &clusters{host: h, config: c, base: filepath.Dir(file), telemetry: p.telemetry, logger: p.logger}
	p.sources = sources{config: c, base: filepath.Dir(file), store: p.store, clusters: p.clusters, telemetry: p.telemetry, listen: listenPath(h, c)}
	p.metrics = &metricSources{sources: p.sources, host: h}
	if p.embedder, err = newEmbedder(h, c.Knowledge.Embedder); err != nil {
		return nil, err
	}
	p.knowledge = newKnowledge(h, c, p.embedder, p.clusters)
	all := p.toolsets()
	p.catalogue, err = tools.NewCatalogue(all, tools.Selection{Toolsets: c.Serve.Toolsets, AllowWrites: c.Serve.AllowWrites})
	return p, err
}

func (p *process) close() error {
	ctx, cancel := context.WithTimeout(context.Background(), shutdownTimeout)
	defer cancel()
	return errors.Join(p.store.Close(), p.knowledge.Close(), p.clusters.close(), p.telemetry.Shutdown(ctx))
}

func telemetryOf(h host, c config, logger *slog.Logger) telemetry.Config {
	return telemetry.Config{
		Service: "plumbline", Version: version(), Endpoint: c.Telemetry.Endpoint, Env: h.env, TraceFile: c.Telemetry.TraceFile,
		SigningService: c.Telemetry.Sign, SigningRegion: c.Telemetry.Region, Now: h.now, Logger: logger,
		Credentials: aws.NewCredentialsCache(aws.CredentialsProviderFunc(func(ctx context.Context) (aws.Credentials, error) {
			// Loaded at the first export: the chain may ask the network, which no start may do.
			loaded, err := awsconfig.LoadDefaultConfig(ctx)
			if err != nil {
				return aws.Credentials{}, err
			}
			return loaded.Credentials.Retrieve(ctx)
		})),
	}
}

// sources opens what a call names: a configured source or a path.
type sources struct {
	config    config
	base      string // directory of the configuration file: its relative paths start there
	store     *local.Store
	clusters  *clusters
	telemetry *telemetry.Telemetry
	listen    string // directory of the store of plumbline listen
}

// fallback is the source of a call that names none: the configured default, or the only source there is; "" for neither.
func (s sources) fallback() string {
	if s.config.Source == "" && len(s.config.Sources) == 1 {
		return slices.Collect(maps.Keys(s.config.Sources))[0]
	}
	return s.config.Source
}

// Open returns the engine of a source. The empty name is the configured default, or the only source there is.
func (s sources) Open(ctx context.Context, name string) (engine.Engine, error) {
	names := slices.Sorted(maps.Keys(s.config.Sources))
	if name == "" {
		name = s.fallback()
	}
	if name == "" {
		err := fault.New(fault.InvalidArgument, "no source named")
		if len(names) == 0 {
			return nil, fault.WithHint(err, "Give source: a path to a file or directory of logs, spans or metrics.")
		}
		return nil, fault.WithHint(err, "Give source: one of %s, or a path.", strings.Join(names, ", "))
	}
	src, ok := s.config.Sources[name]
	switch {
	case !ok:
		src = sourceConfig{Kind: kindFiles, Path: s.orListen(name)}
	case !filepath.IsAbs(src.Path) && src.Kind == kindFiles:
		src.Path = filepath.Join(s.base, src.Path)
	}
	if src.Kind == kindPrometheus {
		return nil, fault.WithHint(fault.New(fault.Unsupported, "source %s is a Prometheus server: it has metrics alone", name),
			"Ask it with metrics_query, metrics_find or services_health.")
	}
	if src.Kind == kindOpenSearch {
		e, err := s.clusters.engine(ctx, name)
		if err != nil {
			return nil, err
		}
		return traced{e, kindOpenSearch, s.telemetry, src.timeout(s.config.queryTimeout())}, nil
	}
	e, err := s.store.OpenAs(ctx, src.Path, src.Dialect.dialect())
	if err != nil {
		if !ok && len(names) > 0 && fault.CodeOf(err) == fault.NotFound {
			err = fault.WithHint(err, "No configured source has this name either; they are: %s.", strings.Join(names, ", "))
		}
		return nil, err
	}
	return traced{e, localSystem, s.telemetry, s.config.queryTimeout()}, nil
}

// traced puts a CLIENT span around each request to an engine.
type traced struct {
	engine.Engine

	system  string // db.system.name
	t       *telemetry.Telemetry
	timeout time.Duration // of a query whose caller names none
}

func (e traced) limits(lim engine.Limits) engine.Limits {
	if lim.Timeout == 0 {
		lim.Timeout = e.timeout
	}
	return lim
}

const localSystem = "duckdb"

func (e traced) Tables(ctx context.Context) (out []engine.Table, err error) {
	ctx, done := e.t.Backend(ctx, telemetry.Request{System: e.system, Operation: "tables"})
	defer func() { done(err) }()
	return e.Engine.Tables(ctx)
}

func (e traced) Fields(ctx context.Context, table string) (out []engine.Field, err error) {
	ctx, done := e.t.Backend(ctx, telemetry.Request{System: e.system, Operation: "fields"})
	defer func() { done(err) }()
	return e.Engine.Fields(ctx, table)
}

func (e traced) Query(ctx context.Context, query string, lim engine.Limits) (out *rows.Result, err error) {
	ctx, done := e.t.Backend(ctx, e.request("query", query))
	defer func() { done(err) }()
	return e.Engine.Query(ctx, query, e.limits(lim))
}

func (e traced) Stream(ctx context.Context, query string, lim engine.Limits, each func([]any) error) (out []rows.Column, err error) {
	ctx, done := e.t.Backend(ctx, e.request("stream", query))
	defer func() { done(err) }()
	return e.Engine.Stream(ctx, query, e.limits(lim), each)
}

// request names a request to the engine. Its query is read only when somebody looks.
func (e traced) request(operation, query string) telemetry.Request {
	r := telemetry.Request{System: e.system, Operation: operation}
	if e.t.Tracing() {
		words := ppl.Words(query)
		r.Summary = strings.Join(words[:min(len(words), maxSummary)], " ")
	}
	return r
}

// maxSummary bounds the commands a summary names, so that it stays of low cardinality.
const maxSummary = 6
