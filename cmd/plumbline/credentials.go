package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"runtime"
	"strings"
	"time"

	"github.com/plumbline-mcp/plumbline/internal/fault"
)

// authConfig says who asks a cluster. No secret stands in the file: each is the name of an environment variable, of a file, or
// a command that prints it.
type authConfig struct {
	Username        string                  `yaml:"username"`
	PasswordEnv     string                  `yaml:"password_env"`
	PasswordFile    string                  `yaml:"password_file"`
	PasswordCommand string                  `yaml:"password_command"`
	TokenEnv        string                  `yaml:"token_env"` // bearer
	TokenFile       string                  `yaml:"token_file"`
	TokenCommand    string                  `yaml:"token_command"`
	APIKeyEnv       string                  `yaml:"api_key_env"` // Authorization: ApiKey
	APIKeyFile      string                  `yaml:"api_key_file"`
	APIKeyCommand   string                  `yaml:"api_key_command"`
	Headers         map[string]secretConfig `yaml:"headers"`      // header -> where its value is
	AWS             *awsAuthConfig          `yaml:"aws"`          // Signature Version 4
	PassThrough     string                  `yaml:"pass_through"` // header of the HTTP call whose value becomes Authorization
}

type awsAuthConfig struct {
	Service    string `yaml:"service"` // es or aoss; of kind prometheus aps if empty
	Region     string `yaml:"region"`
	Profile    string `yaml:"profile"`
	Role       string `yaml:"role_arn"`
	ExternalID string `yaml:"external_id"`
}

// tlsConfig is empty for a cluster whose certificate the system trusts.
type tlsConfig struct {
	CAFile     string `yaml:"ca_file"`
	CertFile   string `yaml:"cert_file"`
	KeyFile    string `yaml:"key_file"`
	ServerName string `yaml:"server_name"`
	Insecure   bool   `yaml:"insecure"`
}

// proxyConfig is empty for a direct way.
type proxyConfig struct {
	URL             string `yaml:"url"`
	Username        string `yaml:"username"`
	PasswordEnv     string `yaml:"password_env"`
	PasswordFile    string `yaml:"password_file"`
	PasswordCommand string `yaml:"password_command"`
}

// secretConfig says where a secret is: exactly one of the three.
type secretConfig struct {
	Env     string `yaml:"env"`
	File    string `yaml:"file"`
	Command string `yaml:"command"`
}

func (a authConfig) password() secretConfig {
	return secretConfig{a.PasswordEnv, a.PasswordFile, a.PasswordCommand}
}

func (a authConfig) token() secretConfig {
	return secretConfig{a.TokenEnv, a.TokenFile, a.TokenCommand}
}

func (a authConfig) apiKey() secretConfig {
	return secretConfig{a.APIKeyEnv, a.APIKeyFile, a.APIKeyCommand}
}

func (p proxyConfig) password() secretConfig {
	return secretConfig{p.PasswordEnv, p.PasswordFile, p.PasswordCommand}
}

func (s secretConfig) check(what string) error {
	n := 0
	for _, v := range []string{s.Env, s.File, s.Command} {
		if v != "" {
			n++
		}
	}
	if n > 1 {
		return fault.New(fault.InvalidArgument, "%s: give one of _env, _file and _command", what)
	}
	return nil
}

// reservedHeaders may not carry credentials through: they belong to the protocol or to Plumbline itself.
var reservedHeaders = map[string]bool{"Authorization": true, "Cookie": true, "Host": true, "Content-Type": true, "Content-Length": true}

func (a authConfig) check() error {
	for what, s := range map[string]secretConfig{"auth.password": a.password(), "auth.token": a.token(), "auth.api_key": a.apiKey()} {
		if err := s.check(what); err != nil {
			return err
		}
	}
	for name, s := range a.Headers {
		if err := s.check("auth.headers." + name); err != nil {
			return err
		}
		if s == (secretConfig{}) {
			return fault.New(fault.InvalidArgument, "auth.headers.%s: give env, file or command", name)
		}
	}
	if reservedHeaders[http.CanonicalHeaderKey(a.PassThrough)] {
		return fault.WithHint(fault.New(fault.InvalidArgument, "auth.pass_through: %s belongs to the protocol or to Plumbline itself", a.PassThrough), "Name a header of its own, such as X-OpenSearch-Authorization.")
	}
	return nil
}

// Bounds of what a secret is read from.
const (
	maxSecret      = 64 << 10 // bytes; a token of an identity provider is a few kilobytes
	commandTimeout = 20 * time.Second
)

// vault reads secrets where a configuration says they are.
type vault struct {
	env  func(string) string
	base string // relative files start here
}

// secret returns the function that reads a secret, nil when the configuration names none.
func (v vault) secret(s secretConfig) func(context.Context) (string, error) {
	switch {
	case s.Env != "":
		return func(context.Context) (string, error) {
			if value := v.env(s.Env); value != "" {
				return value, nil
			}
			return "", fault.WithHint(fault.New(fault.InvalidArgument, "environment variable %s is not set", s.Env), "Set %s in the environment of the server: agents pass it as env of the MCP server's entry.", s.Env)
		}
	case s.File != "":
		return func(context.Context) (string, error) { return readSecret(v.at(s.File)) }
	case s.Command != "":
		return func(ctx context.Context) (string, error) { return runSecret(ctx, s.Command) }
	}
	return nil
}

// at resolves a file of the configuration.
func (v vault) at(name string) string {
	if name == "" || filepath.IsAbs(name) {
		return name
	}
	return filepath.Join(v.base, name)
}

func readSecret(name string) (string, error) {
	f, err := os.Open(name)
	if err != nil {
		return "", fault.WithCode(fmt.Errorf("read the secret: %w", err), fault.InvalidArgument)
	}
	defer f.Close()
	b, err := io.ReadAll(io.LimitReader(f, maxSecret+1))
	if err != nil {
		return "", fmt.Errorf("read the secret: %w", err)
	}
	if len(b) > maxSecret {
		return "", fault.New(fault.InvalidArgument, "%s is over %d bytes: no secret", name, maxSecret)
	}
	return string(b), nil
}

// runSecret runs a command of the configuration. Nothing that it prints goes into an error: its output is the secret.
func runSecret(ctx context.Context, command string) (string, error) {
	ctx, cancel := context.WithTimeout(ctx, commandTimeout)
	defer cancel()
	shell, flag := "sh", "-c"
	if runtime.GOOS == "windows" {
		shell, flag = "cmd", "/C"
	}
	c := exec.CommandContext(ctx, shell, flag, command) //nolint:gosec // the user's own command
	var out bytes.Buffer
	c.Stdout = &limitedBuffer{to: &out, left: maxSecret}
	c.WaitDelay = time.Second
	err := c.Run()
	if ctx.Err() != nil {
		return "", fault.New(fault.Timeout, "the command for the secret took over %s", commandTimeout)
	}
	var exit *exec.ExitError
	switch {
	case errors.As(err, &exit):
		return "", fault.WithHint(fault.New(fault.PermissionDenied, "the command for the secret ended with %d", exit.ExitCode()), "Run it in a terminal: it must print the secret and nothing else.")
	case err != nil:
		return "", fault.New(fault.PermissionDenied, "run the command for the secret: %w", err)
	}
	return out.String(), nil
}

// limitedBuffer refuses what is over its limit.
type limitedBuffer struct {
	to   *bytes.Buffer
	left int
}

// Write implements io.Writer.
func (l *limitedBuffer) Write(p []byte) (int, error) {
	if len(p) > l.left {
		return 0, errors.New("too long for a secret")
	}
	l.left -= len(p)
	return l.to.Write(p)
}

// inlineSecret finds a secret that was written into the file.
var inlineSecret = regexp.MustCompile(`(?i)(["']?[\w.-]*(?:password|passwd|secret|token|api_?key|credential|authorization)[\w.-]*["']?\s*:\s*)([^\s,}][^,}\n]*)`)

// names of settings that say where a secret is, which may be shown.
var secretPlace = regexp.MustCompile(`(?i)(_env|_file|_command)["']?\s*:`)

// urlSecret finds a password in a URL.
var urlSecret = regexp.MustCompile(`(://[^/\s:@]*:)[^@\s/]+@`)

// withoutSecrets blots out of a piece of the file what must not be shown.
func withoutSecrets(text string) string {
	text = urlSecret.ReplaceAllString(text, "${1}[not shown]@")
	return inlineSecret.ReplaceAllStringFunc(text, func(m string) string {
		if secretPlace.MatchString(m) {
			return m
		}
		parts := inlineSecret.FindStringSubmatch(m)
		return parts[1] + "[not shown]"
	})
}

// secretSetting reports whether an unknown setting is a secret written into the file.
func secretSetting(name string) bool {
	switch strings.ToLower(name) {
	case "password", "token", "api_key", "apikey", "secret", "passwd", "access_key", "secret_key":
		return true
	}
	return false
}
