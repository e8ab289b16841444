package prompt_test

import (
	"bytes"
	"context"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/plumbline-mcp/plumbline/cmd/plumbline/internal/prompt"
	"github.com/plumbline-mcp/plumbline/internal/engine"
	"github.com/plumbline-mcp/plumbline/internal/engine/local"
)

const lines = `{"@timestamp":"2026-05-01T12:00:00Z","severityText":"INFO","body":"order 1, placed","serviceName":"cart","traceId":"a","spanId":"b"}
{"@timestamp":"2026-05-01T12:00:01Z","severityText":"ERROR","body":"payment \"failed\"","serviceName":"payment","traceId":"a","spanId":"c"}
`

func session(t *testing.T) (s *prompt.Session, out, beside *bytes.Buffer) {
	t.Helper()
	dir := t.TempDir()
	if err := os.WriteFile(filepath.Join(dir, "logs.jsonl"), []byte(lines), 0o600); err != nil {
		t.Fatal(err)
	}
	store, err := local.New(local.Config{CacheDir: t.TempDir(), Now: time.Now})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = store.Close() })
	open := func(ctx context.Context, source string) (engine.Engine, error) { return store.Open(ctx, source) }
	eng, err := open(t.Context(), dir)
	if err != nil {
		t.Fatal(err)
	}
	out, beside = &bytes.Buffer{}, &bytes.Buffer{}
	return &prompt.Session{
		Engine: eng, Source: dir, Out: out, Err: beside, Open: open, Now: time.Now,
		Parquet: func(ctx context.Context, jsonLines, out string, a *prompt.Answer) error {
			return local.WriteParquet(ctx, jsonLines, out, a.Columns)
		},
	}, out, beside
}

func TestAScriptRunsItsStatementsInOrder(t *testing.T) {
	s, out, _ := session(t)
	script := `// how many
source=logs
| stats count() by severityText;

\format csv
source=logs | sort severityText | fields body, serviceName

\format json
source=logs | where severityText = 'INFO' | fields serviceName, body
\quit
source=logs | never`
	if err := s.Script(t.Context(), strings.NewReader(script)); err != nil {
		t.Fatal(err)
	}
	want := `count()  severityText
-------  ------------
      1  ERROR
      1  INFO
body,serviceName
"payment ""failed""",payment
"order 1, placed",cart
{"serviceName":"cart","body":"order 1, placed"}
`
	if d := cmp.Diff(want, out.String()); d != "" {
		t.Error(d)
	}
	if err := s.Script(t.Context(), strings.NewReader("\n\nsource=logs | nope")); err == nil || !strings.HasPrefix(err.Error(), "line 3: ") {
		t.Errorf("got %v", err)
	}
}

func TestAnswersGoWholeIntoFiles(t *testing.T) {
	s, _, beside := session(t)
	dir := t.TempDir()
	for _, name := range []string{"a.csv", "a.jsonl", "a.parquet"} {
		file := filepath.Join(dir, name)
		for _, statement := range []string{`\out ` + file, "source=logs | fields `@timestamp`, body"} {
			if err := s.Run(t.Context(), statement); err != nil {
				t.Fatalf("%s: %v", statement, err)
			}
		}
		if name == "a.csv" {
			raw, err := os.ReadFile(file)
			if err != nil || strings.Count(string(raw), "\n") != 3 {
				t.Errorf("%q, %v", raw, err)
			}
			continue
		}
		eng, err := s.Open(t.Context(), file)
		if err != nil {
			t.Fatal(err)
		}
		tables, err := eng.Tables(t.Context())
		if err != nil || len(tables) != 1 || tables[0].Rows != 2 {
			t.Errorf("%s: %+v, %v", name, tables, err)
		}
	}
	if !strings.Contains(beside.String(), "2 rows written to") {
		t.Errorf("said %q", beside)
	}
	left, err := filepath.Glob(filepath.Join(dir, "*.part*"))
	if err != nil || len(left) > 0 {
		t.Errorf("left over: %v, %v", left, err)
	}
	if err := s.Run(t.Context(), `\out x.doc`); err == nil {
		t.Error("no error")
	}
}

func TestCompletionOffersWhatMayStandThere(t *testing.T) {
	s, _, _ := session(t)
	for before, want := range map[string]string{
		"sou":                                 "source=",
		"source=lo":                           "logs",
		"source=logs | timec":                 "timechart ",
		"source=logs | where sever":           "severityText",
		"source=logs | stats count() by serv": "serviceName",
		"source=logs | where severityText = 'ERR": "ERROR",
		"source=logs | eval x = substri":          "substring(",
		`\tab`:                                    "tables",
	} {
		got, _ := s.Complete(t.Context(), before)
		if !slices.Contains(got, want) {
			t.Errorf("%q: got %q, want %q among them", before, got, want)
		}
	}
	if got := prompt.Common([]string{"severityText", "severityNumber"}); got != "severity" {
		t.Errorf("common: %q", got)
	}
}

// line is a terminal that types.
type line struct {
	io.Reader
	io.Writer
}

func TestThePromptEditsCompletesAndShowsErrorsWithTheirFix(t *testing.T) {
	s, _, _ := session(t)
	var screen bytes.Buffer
	typed := "source=lo\t | stats count()\r" + "source=logs |\rhead 1 | fields body\r" + "source=logs | limit 1\r" + "\\plan\rsource=logs | head 1\r\x04"
	history := prompt.NewHistory(filepath.Join(t.TempDir(), "history"))
	err := s.Interactive(t.Context(), line{strings.NewReader(typed), &screen}, history, func() (int, int) { return 200, 50 })
	if err != nil {
		t.Fatal(err)
	}
	for _, want := range []string{"count()", "      2", "order 1, placed", "unknown command: limit", "This runs: source=logs | head 1", "SELECT"} {
		if !strings.Contains(screen.String(), want) {
			t.Errorf("the screen lacks %q:\n%s", want, screen.String())
		}
	}
	if history.Len() != 6 || history.At(5) != "source=logs | stats count()" {
		t.Errorf("history of %d, first %q", history.Len(), history.At(history.Len()-1))
	}
}

func TestCommandsSayWhatIsWrong(t *testing.T) {
	s, out, _ := session(t)
	for _, bad := range []string{`\nothing`, `\limit 0`, `\limit many`, `\format xml`, `\fields`, `\fields nothing`, `\source /not/there`} {
		if err := s.Run(t.Context(), bad); err == nil {
			t.Errorf("%s: no error", bad)
		}
	}
	for _, good := range []string{`\tables`, `\fields logs`, `\help`, `\limit 5`, `\timing`, `\source`} {
		if err := s.Run(t.Context(), good); err != nil {
			t.Errorf("%s: %v", good, err)
		}
	}
	for _, want := range []string{"logs", "2 rows", "severityText", "ERROR (1)"} {
		if !strings.Contains(out.String(), want) {
			t.Errorf("lacks %q: %s", want, out)
		}
	}
}
