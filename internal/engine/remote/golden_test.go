package remote_test

import (
	"encoding/json"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/rogpeppe/go-internal/txtar"

	"github.com/plumbline-mcp/plumbline/internal/engine"
)

// TestGolden runs the scripts in testdata: the mapping of an index, and queries with the search and the rest of the pipeline
// that they become. It needs no server. UPDATE=1 rewrites what is wanted.
//
// Files of a script: mapping.json (as GET INDEX/_mapping answers), tables.json (kind of table -> index expression; optional),
// facts.json (what the documents say to the first search of a well-known table; optional), then pairs NAME.ppl, NAME.want.
func TestGolden(t *testing.T) {
	scripts, err := filepath.Glob("testdata/*.txtar")
	if err != nil || len(scripts) == 0 {
		t.Fatal("no scripts:", err)
	}
	for _, path := range scripts {
		t.Run(strings.TrimSuffix(filepath.Base(path), ".txtar"), func(t *testing.T) { golden(t, path) })
	}
}

func golden(t *testing.T, path string) {
	t.Helper()
	ar, err := txtar.ParseFile(path)
	if err != nil {
		t.Fatal(err)
	}
	files := map[string]string{}
	for _, f := range ar.Files {
		files[f.Name] = string(f.Data)
	}
	facts := files["facts.json"]
	if facts == "" {
		facts = `{"_shards":{"total":1,"failed":0},"hits":{"total":{"value":0,"relation":"eq"},"hits":[]}}`
	}
	client := fake(t, func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Content-Type", "application/json")
		if strings.HasSuffix(r.URL.Path, "/_mapping") {
			_, _ = w.Write([]byte(files["mapping.json"]))
			return
		}
		_, _ = w.Write([]byte(facts))
	})
	indices := map[engine.Kind]string{}
	if text := files["tables.json"]; text != "" {
		if err := json.Unmarshal([]byte(text), &indices); err != nil {
			t.Fatal(err)
		}
	}
	eng := newEngine(t, client, indices)
	var out []txtar.File
	changed := false
	for _, f := range ar.Files {
		name, isQuery := strings.CutSuffix(f.Name, ".ppl")
		if strings.HasSuffix(f.Name, ".want") {
			continue
		}
		out = append(out, f)
		if !isQuery {
			continue
		}
		got := explained(t, eng, string(f.Data))
		out = append(out, txtar.File{Name: name + ".want", Data: []byte(got)})
		if diff := cmp.Diff(files[name+".want"], got); diff != "" {
			changed = true
			if os.Getenv("UPDATE") != "1" {
				t.Errorf("%s (-want +got):\n%s", name, diff)
			}
		}
	}
	if changed && os.Getenv("UPDATE") == "1" {
		ar.Files = out
		if err := os.WriteFile(path, txtar.Format(ar), 0o600); err != nil {
			t.Fatal(err)
		}
	}
}

// explained is the plan of a query as people read it: the search as one line of JSON, then what is done where.
func explained(t *testing.T, eng engine.Engine, query string) string {
	t.Helper()
	x, err := eng.Explain(t.Context(), strings.TrimSpace(query))
	if err != nil {
		return "error: " + err.Error() + "\n"
	}
	var b strings.Builder
	for part := range strings.SplitSeq(x.SQL, "POST ") {
		if part = strings.TrimSpace(part); part == "" {
			continue
		}
		where, body, _ := strings.Cut(part, "\n")
		var v any
		if err := json.Unmarshal([]byte(body), &v); err != nil {
			t.Fatalf("the plan is no JSON: %v\n%s", err, body)
		}
		var line strings.Builder
		enc := json.NewEncoder(&line)
		enc.SetEscapeHTML(false)
		if err := enc.Encode(v); err != nil {
			t.Fatal(err)
		}
		b.WriteString("POST " + where + " " + line.String())
	}
	for _, n := range x.Notes {
		b.WriteString("# " + n + "\n")
	}
	return b.String()
}
