package main

import (
	"bufio"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"strings"

	"github.com/spf13/cobra"

	"github.com/plumbline-mcp/plumbline/internal/embed"
)

// embedBatch is how many lines are embedded at once: enough for the matrix kernels, few enough to answer while a pipe goes on.
const embedBatch = 256

func embedCommand(s *settings) *cobra.Command {
	return &cobra.Command{
		Use: "embed", Short: "Turn lines of text into vectors, one JSON array a line",
		Long: `Turn each line of standard input into a vector, written as a JSON array on a line of its own. The model is the one of the
knowledge bases: all-MiniLM-L6-v2 (384 values, length one) in the process, or what knowledge.embedder in the configuration names.

  plumbline embed < lines.txt > vectors.jsonl`,
		RunE: func(c *cobra.Command, _ []string) error {
			conf, _, err := s.load()
			if err != nil {
				return err
			}
			e, err := newEmbedder(s.host, conf.Knowledge.Embedder)
			if err != nil {
				return err
			}
			return embedLines(c, e, s.host.in, s.host.out)
		},
	}
}

func embedLines(c *cobra.Command, e embed.Embedder, in io.Reader, out io.Writer) error {
	r, w := bufio.NewReaderSize(in, 1<<16), bufio.NewWriter(out)
	for more := true; more; {
		var lines []string
		for len(lines) < embedBatch {
			line, err := r.ReadString('\n')
			if line != "" {
				lines = append(lines, strings.TrimRight(line, "\r\n"))
			}
			if errors.Is(err, io.EOF) {
				more = false
				break
			}
			if err != nil {
				return fmt.Errorf("read lines: %w", err)
			}
		}
		vectors, err := e.Embed(c.Context(), lines)
		if err != nil {
			return err
		}
		enc := json.NewEncoder(w)
		for _, v := range vectors {
			if err := enc.Encode(v); err != nil {
				return fmt.Errorf("write vectors: %w", err)
			}
		}
		if err := w.Flush(); err != nil {
			return fmt.Errorf("write vectors: %w", err)
		}
	}
	return nil
}
