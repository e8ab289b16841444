package main

import (
	"bytes"
	"encoding/json"
	"os"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

// The budget of the catalogue: what every client reads in every session.
const (
	maxTools      = 30
	maxToolsBytes = 24_000
)

func listed(t *testing.T) []byte {
	t.Helper()
	var out bytes.Buffer
	h := host{in: &out, out: &out, err: os.Stderr, env: func(string) string { return "" }, now: time.Now}
	if code := execute(t.Context(), h, []string{"tools", "--json", "--cache-dir", t.TempDir()}); code != exitOK {
		t.Fatalf("exit %d", code)
	}
	return bytes.TrimSpace(out.Bytes())
}

func TestTheCatalogueKeepsItsBudgetAndIsAsRecorded(t *testing.T) {
	raw := listed(t)
	var list struct{ Tools []json.RawMessage }
	if err := json.Unmarshal(raw, &list); err != nil {
		t.Fatal(err)
	}
	if len(list.Tools) == 0 || len(list.Tools) > maxTools || len(raw) > maxToolsBytes {
		t.Errorf("%d tools in %d bytes, want at most %d in %d", len(list.Tools), len(raw), maxTools, maxToolsBytes)
	}
	var pretty bytes.Buffer
	if err := json.Indent(&pretty, raw, "", " "); err != nil {
		t.Fatal(err)
	}
	pretty.WriteByte('\n')
	const golden = "testdata/tools.json"
	if os.Getenv("UPDATE") == "1" {
		if err := os.WriteFile(golden, pretty.Bytes(), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(golden)
	if err != nil {
		t.Fatal(err)
	}
	if d := cmp.Diff(string(want), pretty.String()); d != "" {
		t.Errorf("the catalogue changed; if meant, run with UPDATE=1: %s", d)
	}
}

func TestEveryToolIsNamedTitledHintedAndTyped(t *testing.T) {
	var list struct {
		Tools []struct {
			Name, Title, Description string
			Annotations              map[string]any
			InputSchema              map[string]any
			OutputSchema             map[string]any
		}
	}
	if err := json.Unmarshal(listed(t), &list); err != nil {
		t.Fatal(err)
	}
	name := regexp.MustCompile(`^[a-z]+(_[a-z]+){1,2}$`)
	for _, tool := range list.Tools {
		if !name.MatchString(tool.Name) || tool.Title == "" || len(tool.Description) > 600 {
			t.Errorf("%s: title %q, description of %d bytes", tool.Name, tool.Title, len(tool.Description))
		}
		for _, hint := range []string{"readOnlyHint", "destructiveHint", "idempotentHint", "openWorldHint"} {
			if _, ok := tool.Annotations[hint].(bool); !ok {
				t.Errorf("%s: %s is not set", tool.Name, hint)
			}
		}
		if tool.Annotations["readOnlyHint"] != true {
			t.Errorf("%s is in the default catalogue and writes", tool.Name)
		}
		if tool.InputSchema["additionalProperties"] != false || tool.OutputSchema["type"] != "object" {
			t.Errorf("%s: its input is open or its output no object", tool.Name)
		}
		portable(t, tool.Name+".input", tool.InputSchema)
		portable(t, tool.Name+".output", tool.OutputSchema)
		for arg, p := range tool.InputSchema["properties"].(map[string]any) {
			if p.(map[string]any)["description"] == nil && !strings.HasSuffix(arg, "end") { // a window is described at its start
				t.Errorf("%s: argument %s has no description", tool.Name, arg)
			}
		}
	}
}

// TestNoArgumentIsHiddenByAFlag keeps `call TOOL --name value` unambiguous: Plumbline's own flags are read first.
func TestNoArgumentIsHiddenByAFlag(t *testing.T) {
	var list struct {
		Tools []struct {
			Name        string
			InputSchema struct{ Properties map[string]any }
		}
	}
	if err := json.Unmarshal(listed(t), &list); err != nil {
		t.Fatal(err)
	}
	taken := map[string]bool{"config": true, "json": true, "output": true, "help": true}
	for _, o := range options() {
		taken[strings.ReplaceAll(o.flag, "-", "_")] = true
	}
	for _, tool := range list.Tools {
		for arg := range tool.InputSchema.Properties {
			if taken[arg] {
				t.Errorf("%s: argument %s is also a flag of Plumbline", tool.Name, arg)
			}
		}
	}
}

// portable refuses what some client cannot read: unions of types, references, schemas that are a bare boolean or empty.
func portable(t *testing.T, path string, s map[string]any) {
	t.Helper()
	if _, ok := s["type"].(string); !ok && s["anyOf"] == nil {
		t.Errorf("%s: type is %v", path, s["type"])
	}
	if s["$ref"] != nil {
		t.Errorf("%s: a reference", path)
	}
	for _, key := range []string{"items", "additionalProperties"} {
		switch inner := s[key].(type) {
		case map[string]any:
			portable(t, path+"."+key, inner)
		case bool:
			if key == "items" || inner {
				t.Errorf("%s.%s is a bare boolean", path, key)
			}
		}
	}
	properties, _ := s["properties"].(map[string]any)
	for name, p := range properties {
		inner, ok := p.(map[string]any)
		if !ok {
			t.Errorf("%s.%s is no schema", path, name)
			continue
		}
		portable(t, path+"."+name, inner)
	}
}
