package skills

import (
	"archive/tar"
	"bytes"
	"compress/gzip"
	"encoding/json"
	"fmt"
	"io/fs"
	"path"
	"time"
)

// discoverySchema names the form of a Discovery index.
const discoverySchema = "https://schemas.agentskills.io/discovery/0.2.0/schema.json"

// Archive returns a skill as a gzipped tar whose paths are relative to the skill's directory. The same files give the same bytes:
// no times, no owners.
func Archive(tree fs.FS, s Skill) ([]byte, error) {
	var out bytes.Buffer
	z := gzip.NewWriter(&out)
	t := tar.NewWriter(z)
	for _, f := range s.Files {
		raw, err := Read(tree, f)
		if err != nil {
			return nil, err
		}
		h := &tar.Header{Name: f[len(path.Dir(s.Path))+1:], Mode: 0o644, Size: int64(len(raw)), ModTime: time.Unix(0, 0), Format: tar.FormatUSTAR}
		if err := t.WriteHeader(h); err != nil {
			return nil, fmt.Errorf("pack %s: %w", f, err)
		}
		if _, err := t.Write(raw); err != nil {
			return nil, fmt.Errorf("pack %s: %w", f, err)
		}
	}
	if err := t.Close(); err != nil {
		return nil, fmt.Errorf("pack %s: %w", s.Name, err)
	}
	if err := z.Close(); err != nil {
		return nil, fmt.Errorf("pack %s: %w", s.Name, err)
	}
	return out.Bytes(), nil
}

// Discovery returns what a site serves below /.well-known/agent-skills/, by file name: index.json and an archive for each skill.
func Discovery(tree fs.FS) (map[string][]byte, error) {
	type listed struct {
		Name        string `json:"name"`
		Type        string `json:"type"`
		Description string `json:"description"`
		URL         string `json:"url"` // relative to the index
		Digest      string `json:"digest"`
	}
	all, err := List(tree)
	if err != nil {
		return nil, err
	}
	out, index := map[string][]byte{}, make([]listed, 0, len(all))
	for _, s := range all {
		raw, err := Archive(tree, s)
		if err != nil {
			return nil, err
		}
		file := s.Name + ".tar.gz"
		out[file] = raw
		index = append(index, listed{s.Name, "archive", s.Description, file, digest(raw)})
	}
	out["index.json"], err = json.MarshalIndent(map[string]any{"$schema": discoverySchema, "skills": index}, "", "  ")
	return out, err
}
