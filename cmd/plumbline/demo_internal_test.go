package main

import (
	"bytes"
	"compress/gzip"
	"encoding/json"
	"io"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/plumbline-mcp/plumbline/internal/investigate"
)

// truth is what recording/truth.json says of the fault that was injected.
type truth struct {
	Window    struct{ Start, End time.Time }
	RootCause struct{ Service, Component string } `json:"root_cause"`
	Affected  []string                            `json:"affected_services"`
	Marks     []struct {
		Key   string
		Value any
	} `json:"discriminating_attributes"`
}

func TestTheVerdictOnTheDemosRecordingIsTheTruth(t *testing.T) {
	var want truth
	raw, err := os.ReadFile("recording/truth.json")
	if err != nil {
		t.Fatal(err)
	}
	if err := json.Unmarshal(raw, &want); err != nil {
		t.Fatal(err)
	}
	var out, complaints bytes.Buffer
	home := t.TempDir()
	env := func(k string) string { return map[string]string{"HOME": home, "PLUMBLINE_CACHE_DIR": home}[k] }
	code := execute(t.Context(), host{in: strings.NewReader(""), out: &out, err: &complaints, env: env, now: time.Now},
		[]string{"call", "incident_investigate", "--json", `{"source":"recording/shop","alert_file":"recording/shop/alert.json"}`})
	if code != exitOK {
		t.Fatalf("exit %d: %s%s", code, out.String(), complaints.String())
	}
	var got investigate.Report
	if err := json.Unmarshal(out.Bytes(), &got); err != nil {
		t.Fatal(err)
	}
	first := got.Suspects[0]
	if first.Service != want.RootCause.Service || first.Component != want.RootCause.Component {
		t.Errorf("first suspect %s, %s; the truth is %s, %s", first.Service, first.Component, want.RootCause.Service, want.RootCause.Component)
	}
	if d := got.Onset.Sub(want.Window.Start).Abs(); d > 90*time.Second {
		t.Errorf("onset %v, %v off", got.Onset, d)
	}
	for _, m := range want.Marks {
		value := strings.Trim(string(mustJSON(t, m.Value)), `"`)
		if !slices.Contains(first.Attributes, investigate.Attribute{Key: m.Key, Value: value}) {
			t.Errorf("attributes %v lack %s=%s", first.Attributes, m.Key, value)
		}
	}
	slices.Sort(want.Affected)
	if diff := cmp.Diff(got.BlastRadius.Services, want.Affected); diff != "" {
		t.Errorf("who suffers (-got +want):\n%s", diff)
	}
}

func mustJSON(t *testing.T, v any) []byte {
	t.Helper()
	b, err := json.Marshal(v)
	if err != nil {
		t.Fatal(err)
	}
	return b
}

func TestTheDemosRecordingIsSmallAndHoldsNoTruth(t *testing.T) {
	const limit = 4 << 20
	size := int64(0)
	err := fs.WalkDir(recording, ".", func(path string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return err
		}
		if strings.Contains(path, "truth") {
			t.Errorf("%s is embedded", path)
		}
		info, err := d.Info()
		if err == nil {
			size += info.Size()
		}
		return err
	})
	if err != nil || size == 0 || size > limit {
		t.Errorf("the recording has %d bytes, at most %d are allowed (%v)", size, limit, err)
	}
}

// generator makes recordings; it is no part of a clone.
const generator = "../../../shared/fixtures/incidents/generator/incidentgen.py"

var madeBy = regexp.MustCompile(`(?m)^ +python3 incidentgen.py (make .*) --out shop$`)

func TestTheCommandInTheRecordingsReadmeMakesItAgain(t *testing.T) {
	require := t.Skipf
	if os.Getenv("REQUIRE_LIVE") == "1" {
		require = t.Fatalf
	}
	if _, err := os.Stat(generator); err != nil {
		require("generator of recordings: %v", err)
	}
	if _, err := exec.LookPath("python3"); err != nil {
		require("generator of recordings: %v", err)
	}
	readme, err := os.ReadFile("recording/README.md")
	if err != nil {
		t.Fatal(err)
	}
	command := madeBy.FindSubmatch(readme)
	if command == nil {
		t.Fatal("the README names no command")
	}
	dir := t.TempDir()
	args := append([]string{generator}, strings.Fields(string(command[1]))...)
	made := exec.CommandContext(t.Context(), "python3", append(args, "--out", dir)...)
	made.Env = append(os.Environ(), "PYTHONDONTWRITEBYTECODE=1")
	if out, err := made.CombinedOutput(); err != nil {
		t.Fatalf("%v: %s", err, out)
	}
	err = fs.WalkDir(os.DirFS("recording/shop"), ".", func(path string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return err
		}
		if !bytes.Equal(content(t, filepath.Join("recording/shop", path)), content(t, filepath.Join(dir, path))) {
			t.Errorf("%s differs", path)
		}
		return nil
	})
	if err != nil {
		t.Error(err)
	}
	if !bytes.Equal(content(t, "recording/truth.json"), content(t, filepath.Join(dir, "truth.json"))) {
		t.Error("truth.json differs")
	}
}

// content reads a file, unpacked: zlib versions pack differently.
func content(t *testing.T, path string) []byte {
	t.Helper()
	raw, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if !strings.HasSuffix(path, ".gz") {
		return raw
	}
	z, err := gzip.NewReader(bytes.NewReader(raw))
	if err != nil {
		t.Fatal(err)
	}
	out, err := io.ReadAll(z)
	if err != nil {
		t.Fatal(err)
	}
	return out
}
