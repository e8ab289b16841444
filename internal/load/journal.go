package load

import (
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
)

// Files is a journal in a directory: a file a plan, written beside and renamed.
type Files struct{ Dir string }

func (f Files) path(plan string) string { return filepath.Join(f.Dir, plan+".json") }

// Acknowledged reads a plan's file; without one nothing is acknowledged.
func (f Files) Acknowledged(plan string) (map[string]int64, error) {
	raw, err := os.ReadFile(f.path(plan))
	if errors.Is(err, fs.ErrNotExist) {
		return map[string]int64{}, nil
	}
	if err != nil {
		return nil, fmt.Errorf("read the journal: %w", err)
	}
	out := map[string]int64{}
	if err := json.Unmarshal(raw, &out); err != nil {
		return nil, fmt.Errorf("read the journal %s: %w", f.path(plan), err)
	}
	return out, nil
}

// Acknowledge writes a plan's file.
func (f Files) Acknowledge(plan string, rows map[string]int64) error {
	raw, err := json.Marshal(rows)
	if err != nil {
		return fmt.Errorf("write the journal: %w", err)
	}
	if err := os.MkdirAll(f.Dir, 0o700); err != nil {
		return fmt.Errorf("write the journal: %w", err)
	}
	beside := f.path(plan) + ".new"
	if err := os.WriteFile(beside, raw, 0o600); err != nil {
		return fmt.Errorf("write the journal: %w", err)
	}
	return os.Rename(beside, f.path(plan))
}
