package skills_test

import (
	"archive/tar"
	"bytes"
	"compress/gzip"
	"crypto/sha256"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"path"
	"slices"
	"testing"

	"github.com/plumbline-mcp/plumbline/skills"
)

func TestTheDiscoveryIndexNamesArchivesOfWholeSkillsByDigest(t *testing.T) {
	files, err := skills.Discovery(skills.Tree())
	if err != nil {
		t.Fatal(err)
	}
	again, err := skills.Discovery(skills.Tree())
	if err != nil {
		t.Fatal(err)
	}
	var index struct {
		Schema string `json:"$schema"`
		Skills []struct{ Name, Description, Type, URL, Digest string }
	}
	if err := json.Unmarshal(files["index.json"], &index); err != nil || index.Schema == "" {
		t.Fatal(index, err)
	}
	all, err := skills.List(skills.Tree())
	if err != nil || len(index.Skills) != len(all) {
		t.Fatalf("%d of %d skills, %v", len(index.Skills), len(all), err)
	}
	for i, s := range index.Skills {
		raw := files[s.URL]
		if s.Name != all[i].Name || s.Description != all[i].Description || s.Type != "archive" || s.Digest != fmt.Sprintf("sha256:%x", sha256.Sum256(raw)) || !bytes.Equal(raw, again[s.URL]) {
			t.Errorf("%+v", s)
		}
		var want []string
		for _, f := range all[i].Files {
			want = append(want, f[len(path.Dir(all[i].Path))+1:])
		}
		if got := members(t, raw); !slices.Equal(got, want) {
			t.Errorf("%s holds %v, want %v", s.URL, got, want)
		}
	}
}

func members(t *testing.T, raw []byte) (names []string) {
	t.Helper()
	z, err := gzip.NewReader(bytes.NewReader(raw))
	if err != nil {
		t.Fatal(err)
	}
	for r := tar.NewReader(z); ; {
		h, err := r.Next()
		if errors.Is(err, io.EOF) {
			return names
		}
		if err != nil {
			t.Fatal(err)
		}
		names = append(names, h.Name)
	}
}
