package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"os"
	"path/filepath"
	"time"

	"github.com/plumbline-mcp/plumbline/internal/fault"
	"github.com/plumbline-mcp/plumbline/telemetry"
)

// scoreTimeout bounds one export of an evaluation: a few hundred bytes.
const scoreTimeout = 10 * time.Second

// scores writes evaluations where their runs lie: into the store of plumbline listen, else to the OTLP endpoint.
type scores struct{ p *process }

func (p *process) scores() scores { return scores{p} }

// place returns the directory of the listen store that a source is, or the endpoint.
func (s scores) place(source string) (dir, endpoint string, err error) {
	if source == "" {
		source = s.p.sources.fallback()
	}
	if dir := s.p.sources.listenDir(source); dir != "" {
		return dir, "", nil
	}
	endpoint, _ = telemetry.Endpoints(s.p.config.Telemetry.Endpoint, s.p.host.env)
	if endpoint == "" {
		return "", "", fault.WithHint(fault.New(fault.Unsupported, "score: nowhere to write an evaluation of source %q", source),
			"Give --otlp-endpoint (the pipeline that the source is fed by), or score runs of the store of plumbline listen.")
	}
	return "", endpoint, nil
}

// Target implements agents.Scores.
func (s scores) Target(source string) (string, error) {
	dir, endpoint, err := s.place(source)
	if err != nil || dir != "" {
		return dir, err
	}
	u, err := url.Parse(endpoint)
	if err != nil {
		return "", fault.New(fault.InvalidArgument, "score: the OTLP endpoint is no URL")
	}
	return u.Redacted(), nil
}

// Write implements agents.Scores.
func (s scores) Write(ctx context.Context, source string, export []byte) error {
	dir, endpoint, err := s.place(source)
	if err != nil {
		return err
	}
	if dir != "" {
		return appendScore(filepath.Join(dir, scoresFile), export)
	}
	ctx, cancel := context.WithTimeout(ctx, scoreTimeout)
	defer cancel()
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, endpoint, bytes.NewReader(export))
	if err != nil {
		return fmt.Errorf("write the score: %w", err)
	}
	req.Header.Set("Content-Type", "application/json")
	client, err := telemetry.Client(telemetryOf(s.p.host, s.p.config, s.p.logger))
	if err != nil {
		return err
	}
	reply, err := client.Do(req)
	if err != nil {
		return fault.WithHint(fault.WithCode(fmt.Errorf("write the score: %w", err), fault.Unavailable), "Check that the OTLP endpoint is up; writing again is safe.")
	}
	defer reply.Body.Close()
	if reply.StatusCode >= http.StatusMultipleChoices {
		body, _ := io.ReadAll(io.LimitReader(reply.Body, 200)) // what was read tells enough
		return fault.New(fault.Unavailable, "write the score: the endpoint answered %s %q", reply.Status, body)
	}
	return nil
}

// scoresFile lies beside the segments of a listen store and is read with them.
const scoresFile = "scores.otlp.jsonl"

func appendScore(path string, line []byte) (err error) {
	f, err := os.OpenFile(path, os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o600)
	if err != nil {
		return fmt.Errorf("write the score: %w", err)
	}
	defer func() { err = errors.Join(err, f.Close()) }()
	_, err = f.Write(append(bytes.TrimSpace(line), '\n'))
	return err
}
