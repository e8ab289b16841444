package main

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"os"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/plumbline-mcp/plumbline/internal/fault"
	"github.com/plumbline-mcp/plumbline/internal/otlp"
)

// listenConfig is the section listen of plumbline.yaml: the receiver of OTLP and its store.
type listenConfig struct {
	Address string `yaml:"address"` // of serve: receive OTLP there
	Dir     string `yaml:"dir"`
	MaxSize string `yaml:"max_size"`
	MaxAge  string `yaml:"max_age"`
}

// listenOptions are the settings of the section.
func listenOptions() []option {
	return []option{
		textOption("listen.address", "PLUMBLINE_OTLP", "otlp", "receive OTLP (gRPC and HTTP) on these addresses, by comma; listen takes 127.0.0.1:4317,127.0.0.1:4318 if empty, serve does not receive", func(c *config) *string { return &c.Listen.Address }),
		textOption("listen.dir", "PLUMBLINE_LISTEN_DIR", "listen-dir", "where what is received is kept, the source named listen; below the user's data directory if empty", func(c *config) *string { return &c.Listen.Dir }),
		textOption("listen.max_size", "PLUMBLINE_LISTEN_MAX_SIZE", "listen-max-size", "size of that directory, beyond which the oldest goes; 1GiB if empty", func(c *config) *string { return &c.Listen.MaxSize }),
		textOption("listen.max_age", "PLUMBLINE_LISTEN_MAX_AGE", "listen-max-age", "age beyond which it goes, such as 12h; 168h if empty", func(c *config) *string { return &c.Listen.MaxAge }),
	}
}

// listenAddresses are OTLP's own ports: 4317 is where senders by gRPC look, 4318 those by HTTP. Both take both.
const listenAddresses = "127.0.0.1:4317,127.0.0.1:4318"

func listenCommand(s *settings) *cobra.Command {
	return &cobra.Command{
		Use: "listen [DIR]", Short: "Receive OpenTelemetry data into a local store that every tool can ask at once",
		Long: `Receive OTLP over gRPC and HTTP (traces, logs, metrics; protobuf and JSON; gzip) into a bounded local store. It is the source
named "listen" for every tool, while it is being written:

  plumbline listen                                      in one terminal
  OTEL_EXPORTER_OTLP_ENDPOINT=http://127.0.0.1:4318     for the program to look at
  plumbline call agents_runs --source listen            in another

The addresses are on loopback unless --otlp says otherwise; off loopback a bearer token is required (--token-file or
PLUMBLINE_TOKEN; senders give it by OTEL_EXPORTER_OTLP_HEADERS="Authorization=Bearer ...").`,
		Args: cobra.MaximumNArgs(1),
		RunE: func(c *cobra.Command, args []string) error { return listen(c.Context(), s, args) },
	}
}

func listen(ctx context.Context, s *settings, args []string) (err error) {
	c, file, err := s.load()
	if err != nil {
		return err
	}
	if len(args) > 0 {
		c.Listen.Dir = args[0]
	}
	p := &process{host: s.host, config: c, file: file, logger: slog.New(slog.NewTextHandler(s.host.err, nil))}
	address := c.Listen.Address
	if address == "" {
		address = listenAddresses
	}
	l, err := p.startListening(ctx, address)
	if err != nil {
		return err
	}
	for _, a := range l.addresses {
		fmt.Fprintf(s.host.out, "receiving OTLP (gRPC and HTTP) on %s\n", a)
	}
	fmt.Fprintf(s.host.out, "store: %s\nask it: plumbline call agents_runs --source %s\nsend to it: OTEL_EXPORTER_OTLP_ENDPOINT=http://%s\n", l.store.Dir(), sourceOf(args), l.addresses[len(l.addresses)-1])
	<-ctx.Done()
	err = l.close()
	st := l.store.Stats()
	fmt.Fprintf(s.host.out, "received %d spans, %d log records, %d metric points in %d exports; refused %d, rejected %d records, dropped %d segments\n",
		st.Spans, st.Logs, st.Points, st.Exports, st.Refused, st.Rejected, st.Dropped)
	return err
}

func sourceOf(args []string) string {
	if len(args) > 0 {
		return args[0]
	}
	return listenSource
}

// listener is a running receiver.
type listener struct {
	store     *otlp.Store
	web       *http.Server
	addresses []string
	served    chan error
}

// startListening opens the store and serves it on addresses until close.
func (p *process) startListening(ctx context.Context, addresses string) (_ *listener, err error) {
	token, err := p.token()
	if err != nil {
		return nil, err
	}
	size, age, err := p.config.Listen.bounds()
	if err != nil {
		return nil, err
	}
	list := splitList(addresses)
	if len(list) == 0 {
		return nil, usagef("listen: no address")
	}
	l := &listener{served: make(chan error, len(list))}
	var lns []net.Listener
	defer func() {
		if err != nil {
			for _, ln := range lns {
				err = errors.Join(err, ln.Close())
			}
		}
	}()
	bound := ""
	for _, addr := range list {
		ln, host, err := bind(ctx, strings.TrimSpace(addr), token)
		if err != nil {
			return nil, err
		}
		bound = host
		lns = append(lns, ln)
		l.addresses = append(l.addresses, ln.Addr().String())
	}
	if l.store, err = otlp.Open(otlp.Config{
		Dir: listenPath(p.host, p.config), MaxBytes: size, MaxAge: age, PID: os.Getpid(), Now: p.host.now, Logger: p.logger,
	}); err != nil {
		return nil, err
	}
	protocols := &http.Protocols{}
	protocols.SetHTTP1(true)
	protocols.SetUnencryptedHTTP2(true) // gRPC without TLS
	l.web = &http.Server{
		Handler:           listenGuard{guard{hosts: p.config.Serve.AllowedHosts, origins: p.config.Serve.Origins, bound: bound, token: token}, otlp.NewReceiver(l.store)},
		ReadHeaderTimeout: readHeaderTimeout, ReadTimeout: readTimeout, IdleTimeout: idleTimeout, MaxHeaderBytes: maxHeader, Protocols: protocols,
		ErrorLog: slog.NewLogLogger(p.logger.Handler(), slog.LevelWarn),
	}
	for _, ln := range lns {
		go func() { l.served <- l.web.Serve(ln) }()
	}
	return l, nil
}

// bounds reads the section's size and age; 0 leaves them to the store.
func (c listenConfig) bounds() (size int64, age time.Duration, err error) {
	if c.MaxSize != "" {
		if size, err = bytesOf(c.MaxSize); err != nil || size <= 0 {
			return 0, 0, usagef("listen.max_size: %q is no size such as 1GiB", c.MaxSize)
		}
	}
	if c.MaxAge != "" {
		if age, err = time.ParseDuration(c.MaxAge); err != nil || age <= 0 {
			return 0, 0, usagef("listen.max_age: %q is no duration such as 12h", c.MaxAge)
		}
	}
	return size, age, nil
}

// bind listens on an address; off loopback only with a token.
func bind(ctx context.Context, addr, token string) (net.Listener, string, error) {
	if strings.HasPrefix(addr, ":") {
		addr = "127.0.0.1" + addr // no host named: loopback, never every interface
	}
	host, _, err := net.SplitHostPort(addr)
	if err != nil {
		return nil, "", usageError{fault.WithHint(fault.New(fault.InvalidArgument, "listen on %q: %w", addr, err), "Give host and port: --otlp 127.0.0.1:4318.")}
	}
	if !loopback(host) && token == "" {
		return nil, "", usageError{fault.WithHint(fault.New(fault.PermissionDenied, "listen on %s: off loopback a bearer token is required", addr),
			"Put a token into a file and give --token-file, or set PLUMBLINE_TOKEN.")}
	}
	ln, err := (&net.ListenConfig{}).Listen(ctx, "tcp", addr)
	if err != nil {
		return nil, "", fault.WithHint(fmt.Errorf("listen on %s: %w", addr, err), "A collector may have the port already; choose another: --otlp 127.0.0.1:14318.")
	}
	return ln, host, nil
}

// close ends the server, then the store: what was acknowledged is written.
func (l *listener) close() error {
	ctx, cancel := context.WithTimeout(context.Background(), shutdownTimeout)
	defer cancel()
	err := l.web.Shutdown(ctx)
	if errors.Is(err, context.DeadlineExceeded) {
		err = l.web.Close()
	}
	for range l.addresses {
		if serr := <-l.served; !errors.Is(serr, http.ErrServerClosed) {
			err = errors.Join(err, serr)
		}
	}
	return errors.Join(err, l.store.Close())
}

// listenGuard keeps forged Host and Origin headers and callers without the token from the receiver. The receiver bounds the body.
type listenGuard struct {
	guard

	next http.Handler
}

// ServeHTTP implements http.Handler.
func (g listenGuard) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	host := hostname(r.Host)
	switch {
	case !g.hostAllowed(host):
		http.Error(w, "host not allowed; see --allowed-hosts", http.StatusForbidden)
	case !g.originAllowed(r.Header.Get("Origin"), host):
		http.Error(w, "origin not allowed; see --allowed-origins", http.StatusForbidden)
	case !g.authorized(r):
		w.Header().Set("WWW-Authenticate", `Bearer realm="plumbline"`)
		http.Error(w, "bearer token required", http.StatusUnauthorized)
	default:
		g.next.ServeHTTP(w, r)
	}
}
