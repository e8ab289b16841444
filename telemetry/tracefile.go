package telemetry

import (
	"bytes"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"os"
	"sync"

	"github.com/plumbline-mcp/plumbline/internal/fault"
)

// maxTraceFile bounds the trace file. A call's spans take about 1 kB, so this holds some 100,000 calls.
const maxTraceFile = 128 << 20

// traceFile appends each OTLP/JSON body as one line, in the place of a collector: the exporter believes it speaks HTTP, so
// encoding, batching and retries are the library's.
type traceFile struct {
	mu     sync.Mutex
	file   *os.File
	size   int64
	full   bool
	logger *slog.Logger
}

func openTraceFile(path string, logger *slog.Logger) (*traceFile, error) {
	f, err := os.OpenFile(path, os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o600)
	if err != nil {
		return nil, fault.WithHint(fault.New(fault.InvalidArgument, "open the trace file: %w", err), "Give a path in a directory that exists and may be written.")
	}
	info, err := f.Stat()
	if err != nil {
		return nil, fmt.Errorf("open the trace file: %w", err)
	}
	return &traceFile{file: f, size: info.Size(), logger: logger}, nil
}

// RoundTrip writes the body as a line and answers as a collector that took it.
func (t *traceFile) RoundTrip(r *http.Request) (*http.Response, error) {
	body, err := io.ReadAll(r.Body)
	if err != nil {
		return nil, fmt.Errorf("write the trace file: %w", err)
	}
	if err := r.Body.Close(); err != nil {
		return nil, fmt.Errorf("write the trace file: %w", err)
	}
	if err := t.append(append(bytes.TrimSpace(body), '\n')); err != nil {
		return nil, err
	}
	return &http.Response{
		StatusCode: http.StatusOK, Proto: "HTTP/1.1", ProtoMajor: 1, ProtoMinor: 1, Request: r,
		Header: http.Header{"Content-Type": {"application/json"}}, Body: io.NopCloser(bytes.NewReader([]byte("{}"))),
	}, nil
}

func (t *traceFile) append(line []byte) error {
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.size+int64(len(line)) > maxTraceFile {
		if !t.full {
			t.full = true
			t.logger.Warn("trace file is full; later spans are not written", slog.Int64("bytes", t.size), slog.Int64("limit", maxTraceFile))
		}
		return nil
	}
	n, err := t.file.Write(line)
	t.size += int64(n)
	if err != nil {
		return fmt.Errorf("write the trace file: %w", err)
	}
	return nil
}

// Close closes the file.
func (t *traceFile) Close() error { return t.file.Close() }
