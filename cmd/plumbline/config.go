package main

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"maps"
	"net/url"
	"os"
	"path/filepath"
	"reflect"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/goccy/go-yaml"
	"github.com/spf13/pflag"

	"github.com/plumbline-mcp/plumbline/internal/agent"
	"github.com/plumbline-mcp/plumbline/internal/fault"
	"github.com/plumbline-mcp/plumbline/internal/ppl"
	"github.com/plumbline-mcp/plumbline/tools"
)

// config is plumbline.yaml. Each scalar can be overridden by the environment and by a flag: see options.
type config struct {
	Sources   map[string]sourceConfig `yaml:"sources"`
	Source    string                  `yaml:"source"` // used when a call names none
	Serve     serveConfig             `yaml:"serve"`
	Engine    engineConfig            `yaml:"engine"`
	Cache     cacheConfig             `yaml:"cache"`
	Telemetry telemetryConfig         `yaml:"telemetry"`
	Hooks     hooksConfig             `yaml:"hooks"`
	Knowledge knowledgeConfig         `yaml:"knowledge"`
	Listen    listenConfig            `yaml:"listen"`
	Prices    map[string]agent.Price  `yaml:"prices"` // of models, before the built-in table
}

type sourceConfig struct {
	Kind  string `yaml:"kind"`  // files, opensearch, prometheus
	Path  string `yaml:"path"`  // files: a directory, a file or a glob
	URL   string `yaml:"url"`   // opensearch, prometheus
	About string `yaml:"about"` // a sentence for agents

	Dialect dialectConfig `yaml:"dialect"` // files, opensearch: settings of a cluster that change what PPL means

	// The rest is of kind opensearch; auth, tls, timeout and max_answer of kind prometheus as well.
	URLs        []string          `yaml:"urls"`    // further nodes
	Indices     map[string]string `yaml:"indices"` // logs, spans, metrics, service_map -> names and patterns by comma; looked for if empty
	PPL         string            `yaml:"ppl"`     // auto, never: whether the SQL plugin is used
	Auth        authConfig        `yaml:"auth"`
	TLS         tlsConfig         `yaml:"tls"`
	Proxy       proxyConfig       `yaml:"proxy"`
	Timeout     string            `yaml:"timeout"`     // of one request
	MaxAnswer   string            `yaml:"max_answer"`  // size of one answer
	Compression string            `yaml:"compression"` // on, off; on except on loopback if empty
}

// dialectConfig are a cluster's plugins.ppl settings; zero values are the cluster's defaults.
type dialectConfig struct {
	Syntax         string `yaml:"syntax"`          // legacy, modern: plugins.ppl.syntax.legacy.preferred
	ValuesLimit    int    `yaml:"values_limit"`    // most that values() keeps
	SubsearchLimit int    `yaml:"subsearch_limit"` // rows of a sub-search
	JoinLimit      int    `yaml:"join_limit"`      // rows of a join's right side
}

func (d dialectConfig) dialect() ppl.Dialect {
	return ppl.Dialect{Modern: d.Syntax == "modern", ValuesLimit: d.ValuesLimit, SubsearchLimit: d.SubsearchLimit, JoinLimit: d.JoinLimit}
}

func (d dialectConfig) check(source string) error {
	if d.Syntax != "" && d.Syntax != "legacy" && d.Syntax != "modern" {
		return fault.New(fault.InvalidArgument, "sources.%s.dialect.syntax: %q is not legacy or modern", source, d.Syntax)
	}
	if d.ValuesLimit < 0 || d.SubsearchLimit < 0 || d.JoinLimit < 0 {
		return fault.New(fault.InvalidArgument, "sources.%s.dialect: a limit cannot be negative", source)
	}
	return nil
}

type serveConfig struct {
	HTTP         string   `yaml:"http"`
	Toolsets     []string `yaml:"toolsets"`
	AllowWrites  bool     `yaml:"allow_writes"`
	TokenFile    string   `yaml:"token_file"`
	AllowedHosts []string `yaml:"allowed_hosts"`
	Origins      []string `yaml:"allowed_origins"`
}

type engineConfig struct {
	Memory       string `yaml:"memory"`
	Threads      int    `yaml:"threads"`
	QueryTimeout string `yaml:"query_timeout"`
}

type cacheConfig struct {
	Dir   string `yaml:"dir"`
	Limit string `yaml:"limit"`
}

type telemetryConfig struct {
	Endpoint  string `yaml:"endpoint"`
	TraceFile string `yaml:"trace_file"`
	Sign      string `yaml:"sign_service"`
	Region    string `yaml:"sign_region"`
}

// location is where the data is, without a password.
func (s sourceConfig) location() string {
	if s.Path != "" {
		return s.Path
	}
	if s.URL == "" && len(s.URLs) > 0 {
		s.URL = s.URLs[0]
	}
	u, err := url.Parse(s.URL)
	if err != nil {
		return "a URL that does not parse"
	}
	return u.Redacted()
}

// The kinds of sources.
const (
	kindFiles      = "files"
	kindOpenSearch = "opensearch"
	kindPrometheus = "prometheus"
)

// defaults are what holds when nobody says anything.
func defaults() config {
	return config{
		Engine: engineConfig{Memory: "2GiB", QueryTimeout: "60s"},
		Cache:  cacheConfig{Limit: "20GiB"},
	}
}

// option is a setting that the environment and a flag may override; its key is its place in the file.
type option struct {
	key, env, flag, doc string
	set                 func(c *config, value string) error
	get                 func(c *config) string
}

func textOption(key, env, flag, doc string, at func(*config) *string) option {
	return option{
		key, env, flag, doc, func(c *config, v string) error { *at(c) = v; return nil },
		func(c *config) string { return *at(c) },
	}
}

func listOption(key, env, flag, doc string, at func(*config) *[]string) option {
	return option{
		key, env, flag, doc, func(c *config, v string) error { *at(c) = splitList(v); return nil },
		func(c *config) string { return strings.Join(*at(c), ",") },
	}
}

func splitList(v string) []string {
	return slices.DeleteFunc(strings.Split(v, ","), func(s string) bool { return strings.TrimSpace(s) == "" })
}

// options lists every setting that is not a source. The file, the environment and the flags are read by this one table, and
// `plumbline config schema` prints it.
func options() []option {
	return append([]option{
		textOption("source", "PLUMBLINE_SOURCE", "default-source", "source used when a call names none: a configured name or a path", func(c *config) *string { return &c.Source }),
		textOption("serve.http", "PLUMBLINE_HTTP", "http", "serve streamable HTTP on this address instead of stdio, for instance 127.0.0.1:7654", func(c *config) *string { return &c.Serve.HTTP }),
		listOption("serve.toolsets", "PLUMBLINE_TOOLSETS", "toolsets", "toolsets to offer, by comma; all if empty", func(c *config) *[]string { return &c.Serve.Toolsets }),
		{"serve.allow_writes", "PLUMBLINE_ALLOW_WRITES", "allow-writes", "offer tools that change something (off by default)", func(c *config, v string) (err error) {
			c.Serve.AllowWrites, err = strconv.ParseBool(v)
			return err
		}, func(c *config) string { return strconv.FormatBool(c.Serve.AllowWrites) }},
		textOption("serve.token_file", "PLUMBLINE_TOKEN_FILE", "token-file", "file with the bearer token that HTTP clients must send (required off loopback; or PLUMBLINE_TOKEN)", func(c *config) *string { return &c.Serve.TokenFile }),
		listOption("serve.allowed_hosts", "PLUMBLINE_ALLOWED_HOSTS", "allowed-hosts", "further Host header values to accept, by comma", func(c *config) *[]string { return &c.Serve.AllowedHosts }),
		listOption("serve.allowed_origins", "PLUMBLINE_ALLOWED_ORIGINS", "allowed-origins", "Origin header values of browsers to accept, by comma", func(c *config) *[]string { return &c.Serve.Origins }),
		textOption("engine.memory", "PLUMBLINE_MEMORY", "memory", "memory limit of the local engine", func(c *config) *string { return &c.Engine.Memory }),
		{"engine.threads", "PLUMBLINE_THREADS", "threads", "threads of the local engine; 0 = all processors", func(c *config, v string) (err error) {
			c.Engine.Threads, err = strconv.Atoi(v)
			return err
		}, func(c *config) string { return strconv.Itoa(c.Engine.Threads) }},
		textOption("engine.query_timeout", "PLUMBLINE_QUERY_TIMEOUT", "query-timeout", "longest time of one query", func(c *config) *string { return &c.Engine.QueryTimeout }),
		textOption("cache.dir", "PLUMBLINE_CACHE_DIR", "cache-dir", "where files that were read are kept; the user's cache directory if empty", func(c *config) *string { return &c.Cache.Dir }),
		textOption("cache.limit", "PLUMBLINE_CACHE_LIMIT", "cache-limit", "size of that directory at most", func(c *config) *string { return &c.Cache.Limit }),
		textOption("knowledge.dir", "PLUMBLINE_KNOWLEDGE_DIR", "knowledge-dir", "where your own knowledge bases are kept; the user's data directory if empty", func(c *config) *string { return &c.Knowledge.Dir }),
		textOption("telemetry.endpoint", "PLUMBLINE_OTLP_ENDPOINT", "otlp-endpoint", "URL to send Plumbline's own spans to (OTLP over HTTP; OTEL_EXPORTER_OTLP_* work too)", func(c *config) *string { return &c.Telemetry.Endpoint }),
		textOption("telemetry.trace_file", "PLUMBLINE_TRACE_FILE", "trace-file", "file to append Plumbline's own spans to (OTLP JSON lines)", func(c *config) *string { return &c.Telemetry.TraceFile }),
		textOption("telemetry.sign_service", "PLUMBLINE_SIGN_SERVICE", "sign-service", "sign exports with AWS SigV4 for this service, osis for an ingestion pipeline", func(c *config) *string { return &c.Telemetry.Sign }),
		textOption("telemetry.sign_region", "AWS_REGION", "sign-region", "region for signing", func(c *config) *string { return &c.Telemetry.Region }),
	}, slices.Concat(hookOptions(), listenOptions())...)
}

// settings reads the configuration once the command line is known: file, then environment, then flags.
type settings struct {
	host  host
	file  string
	flags *pflag.FlagSet
}

func (s *settings) bind(flags *pflag.FlagSet) {
	flags.StringVar(&s.file, "config", "", "configuration file (default ./plumbline.yaml, then the user's configuration directory)")
	for _, o := range options() {
		if o.key == "serve.allow_writes" {
			flags.Bool(o.flag, false, o.doc)
			continue
		}
		flags.String(o.flag, "", o.doc)
	}
	s.flags = flags
}

// load returns the configuration in force and the file it came from, "" if there is none.
func (s *settings) load() (config, string, error) {
	c := defaults()
	path, err := s.path()
	if err != nil {
		return c, "", err
	}
	if path != "" {
		if err := readConfig(path, &c); err != nil {
			return c, path, err
		}
	}
	for _, o := range options() {
		if v := s.host.env(o.env); v != "" {
			if err := o.set(&c, v); err != nil {
				return c, path, usagef("environment %s=%q: %w", o.env, v, err)
			}
		}
		if f := s.flags.Lookup(o.flag); f != nil && f.Changed {
			if err := o.set(&c, f.Value.String()); err != nil {
				return c, path, usagef("flag --%s %q: %w", o.flag, f.Value.String(), err)
			}
		}
	}
	return c, path, c.check(path)
}

// path finds the file: as named, else ./plumbline.yaml, else the user's.
func (s *settings) path() (string, error) {
	if s.file == "" {
		s.file = s.host.env("PLUMBLINE_CONFIG")
	}
	if s.file != "" {
		if _, err := os.Stat(s.file); err != nil {
			return "", usageError{fault.WithHint(fault.New(fault.NotFound, "read configuration: %w", err), "Check the path given by --config or PLUMBLINE_CONFIG.")}
		}
		return s.file, nil
	}
	places := []string{"plumbline.yaml"}
	if dir, err := os.UserConfigDir(); err == nil {
		places = append(places, filepath.Join(dir, "plumbline", "plumbline.yaml"))
	}
	for _, p := range places {
		if _, err := os.Stat(p); err == nil {
			return p, nil
		} else if !errors.Is(err, fs.ErrNotExist) && !errors.Is(err, fs.ErrPermission) {
			return "", fmt.Errorf("read configuration: %w", err)
		}
	}
	return "", nil
}

func readConfig(path string, c *config) error {
	raw, err := os.ReadFile(path)
	if err != nil {
		return fmt.Errorf("read configuration: %w", err)
	}
	next := *c
	err = yaml.NewDecoder(bytes.NewReader(raw), yaml.Strict()).Decode(&next)
	switch {
	case errors.Is(err, io.EOF): // nothing in it but comments
		return nil
	case err == nil:
		*c = next
		return nil
	}
	bad := fault.New(fault.InvalidArgument, "%s: %s", path, withoutSecrets(strings.TrimSpace(yaml.FormatError(err, false, true))))
	var unknown *yaml.UnknownFieldError
	if errors.As(err, &unknown) && unknown.Token != nil {
		if name := unknown.Token.Value; secretSetting(name) {
			return fault.WithHint(bad, "No secret stands in the file: give %[1]s_env (a variable), %[1]s_file or %[1]s_command.", name)
		}
		if near := tools.Nearest(unknown.Token.Value, settingNames(reflect.TypeFor[config]())); near != "" {
			return fault.WithHint(bad, "Did you mean %s? `plumbline config schema` lists every setting.", near)
		}
	}
	return fault.WithHint(bad, "`plumbline config schema` lists every setting.")
}

// settingNames lists every key that the file may hold.
func settingNames(t reflect.Type) []string {
	var out []string
	switch t.Kind() {
	case reflect.Map, reflect.Pointer:
		return settingNames(t.Elem())
	case reflect.Struct:
		for f := range t.Fields() {
			out = append(append(out, f.Tag.Get("yaml")), settingNames(f.Type)...)
		}
	default: // a value, no more keys below
	}
	return out
}

// queryTimeout returns engine.query_timeout, which check has read once.
func (c *config) queryTimeout() time.Duration {
	d, err := time.ParseDuration(c.Engine.QueryTimeout)
	if err != nil {
		return 0
	}
	return d
}

var sourceName = regexp.MustCompile(`^[A-Za-z0-9][A-Za-z0-9_.-]*$`)

func (c *config) check(path string) error {
	for _, name := range slices.Sorted(maps.Keys(c.Sources)) {
		s := c.Sources[name]
		if err := s.check(name); err != nil {
			return fmt.Errorf("%s: %w", path, err)
		}
	}
	for name, price := range c.Prices {
		if err := price.Check(); err != nil {
			return usagef("%s: prices.%s: %w", path, name, err)
		}
	}
	if err := c.Knowledge.check(); err != nil {
		return fmt.Errorf("%s: %w", path, err)
	}
	if _, err := bytesOf(c.Engine.Memory); err != nil {
		return usagef("engine.memory: %w", err)
	}
	if _, err := bytesOf(c.Cache.Limit); err != nil {
		return usagef("cache.limit: %w", err)
	}
	if d, err := time.ParseDuration(c.Engine.QueryTimeout); err != nil || d <= 0 {
		return usagef("engine.query_timeout: %q is no duration such as 60s", c.Engine.QueryTimeout)
	}
	if c.Engine.Threads < 0 {
		return usagef("engine.threads: %d is below 0", c.Engine.Threads)
	}
	return nil
}

func (s sourceConfig) check(name string) error {
	switch {
	case !sourceName.MatchString(name):
		return fault.New(fault.InvalidArgument, "sources.%s: a name has letters, digits, dots, hyphens and underscores", name)
	case s.Kind == kindFiles && s.Path == "":
		return fault.New(fault.InvalidArgument, "sources.%s: kind files needs a path", name)
	case (s.Kind == kindOpenSearch && len(s.nodes()) == 0) || (s.Kind == kindPrometheus && s.URL == ""):
		return fault.New(fault.InvalidArgument, "sources.%s: kind %s needs a url", name, s.Kind)
	case s.Kind != kindFiles && s.Kind != kindOpenSearch && s.Kind != kindPrometheus:
		return fault.WithHint(fault.New(fault.InvalidArgument, "sources.%s: unknown kind %q", name, s.Kind), "The kinds are: files, opensearch, prometheus.")
	case s.Kind == kindPrometheus:
		return errors.Join(s.checkCluster(name), s.checkServer(name))
	case s.Kind == kindOpenSearch:
		return errors.Join(s.checkCluster(name), s.Dialect.check(name))
	}
	return s.Dialect.check(name)
}

// sourceNames lists the configured sources in order.
func (c *config) sourceNames() []string { return slices.Sorted(maps.Keys(c.Sources)) }

var sizeForm = regexp.MustCompile(`(?i)^\s*(\d+(?:\.\d+)?)\s*([kmgt]?)(i?)b?\s*$`)

// bytesOf reads a size such as 2GiB, 500MB or 1048576.
func bytesOf(text string) (int64, error) {
	m := sizeForm.FindStringSubmatch(text)
	if m == nil {
		return 0, fault.New(fault.InvalidArgument, "%q is no size such as 2GiB or 500MB", text)
	}
	n, err := strconv.ParseFloat(m[1], 64)
	if err != nil {
		return 0, fault.New(fault.InvalidArgument, "%q is no size: %w", text, err)
	}
	base := 1000.0
	if m[3] != "" {
		base = 1024
	}
	for range strings.Index(" kmgt", strings.ToLower(m[2] + " ")[:1]) {
		n *= base
	}
	return int64(n), nil
}
