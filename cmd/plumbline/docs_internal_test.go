package main

import (
	"bytes"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/plumbline-mcp/plumbline/internal/ppl/command"
	"github.com/plumbline-mcp/plumbline/internal/ppl/function"
)

const docs = "../../docs"

// pages lists the pages of docs and the README.
func pages(t *testing.T) []string {
	t.Helper()
	list, err := filepath.Glob(filepath.Join(docs, "*.md"))
	if err != nil || len(list) == 0 {
		t.Fatalf("%d pages: %v", len(list), err)
	}
	return append(list, "../../README.md")
}

func page(t *testing.T, path string) string {
	t.Helper()
	raw, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	return string(raw)
}

// example is one command of a page and what it is said to print.
type example struct {
	line    int
	command string
	want    []string
}

// examples reads the blocks of the language console, fenced by four backticks for answers hold three: lines after "$ " are commands, the lines below are their output.
func examples(text string) []example {
	var out []example
	inside := false
	for i, l := range strings.Split(text, "\n") {
		switch {
		case l == "````console":
			inside = true
		case l == "````":
			inside = false
		case inside && strings.HasPrefix(l, "$ "):
			out = append(out, example{line: i + 1, command: l[2:]})
		case inside && len(out) > 0:
			last := &out[len(out)-1]
			if n := len(last.command); last.want == nil && strings.HasSuffix(last.command, "\\") {
				last.command = last.command[:n-1] + l
				continue
			}
			last.want = append(last.want, l)
		}
	}
	return out
}

// fits makes a pattern of the output that a page shows: "..." stands for any text, as a line of its own for any lines.
func fits(want []string) *regexp.Regexp {
	var b strings.Builder
	b.WriteString(`(?s)\A`)
	for _, l := range want {
		if strings.TrimSpace(l) == "..." {
			b.WriteString(`(?:[^\n]*\n)*?`)
			continue
		}
		b.WriteString(strings.ReplaceAll(regexp.QuoteMeta(strings.TrimRight(l, " ")), `\.\.\.`, `[^\n]*`) + ` *\n`)
	}
	b.WriteString(`\z`)
	return regexp.MustCompile(b.String())
}

// TestDocsExamplesPrintWhatTheyShow runs every console block, each page in a directory of its own that holds the demo's recording as shop.
func TestDocsExamplesPrintWhatTheyShow(t *testing.T) {
	cache := t.TempDir()
	for _, path := range pages(t) {
		list := examples(page(t, path))
		if len(list) == 0 {
			continue
		}
		t.Run(filepath.Base(path), func(t *testing.T) {
			dir := t.TempDir()
			if err := os.CopyFS(filepath.Join(dir, "shop"), os.DirFS("recording/shop")); err != nil {
				t.Fatal(err)
			}
			for _, e := range list {
				cmd := exec.CommandContext(t.Context(), "sh", "-c", e.command)
				cmd.Dir = dir
				cmd.Env = []string{"PATH=" + os.Getenv("PATH"), "HOME=" + dir, "PLUMBLINE_CACHE_DIR=" + cache, "TZ=UTC"}
				out, _ := cmd.CombinedOutput() // a failure is part of what is shown: its error and the exit code by echo $?
				got := strings.Trim(string(out), "\n") + "\n"
				if got == "\n" {
					got = ""
				}
				if !fits(e.want).MatchString(got) {
					t.Errorf("%s:%d: $ %s\nprints:\n%s\n(-shown +printed):\n%s", path, e.line, e.command, got, cmp.Diff(strings.Join(e.want, "\n")+"\n", got))
				}
			}
		})
	}
}

// generated are the parts of pages that are printed, not written: between "<!-- NAME: made -->" and "<!-- end -->".
func generated(t *testing.T) map[string]string {
	t.Helper()
	var commands strings.Builder
	commands.WriteString("| command | what it does |\n|---|---|\n")
	for _, c := range command.All() {
		name := "`" + strings.ReplaceAll(c.Syntax, "|", "\\|") + "`"
		fmt.Fprintf(&commands, "| %s | %s |\n", name, strings.ReplaceAll(c.Doc, "|", "\\|"))
	}
	names := slices.Sorted(slices.Values(function.Names()))
	return map[string]string{
		"settings":  printed(t, "config", "schema"),
		"commands":  commands.String(),
		"functions": "`" + strings.Join(slices.Compact(names), "` `") + "`\n",
	}
}

// printed is what a command prints.
func printed(t *testing.T, args ...string) string {
	t.Helper()
	var out bytes.Buffer
	h := host{in: &out, out: &out, err: os.Stderr, env: func(string) string { return "" }, now: time.Now}
	if code := execute(t.Context(), h, append(args, "--cache-dir", t.TempDir())); code != exitOK {
		t.Fatalf("plumbline %v: exit %d", args, code)
	}
	return out.String()
}

var madePart = regexp.MustCompile(`(?s)(<!-- (\w+): made -->\n).*?(<!-- end -->)`)

func TestGeneratedPartsOfTheDocsAreFresh(t *testing.T) {
	parts := generated(t)
	seen := map[string]bool{}
	fresh := map[string]string{filepath.Join(docs, "tools.md"): printed(t, "tools", "--markdown")}
	for _, path := range pages(t) {
		if fresh[path] == "" {
			fresh[path] = madePart.ReplaceAllStringFunc(page(t, path), func(old string) string {
				m := madePart.FindStringSubmatch(old)
				seen[m[2]] = true
				return m[1] + parts[m[2]] + m[3]
			})
		}
	}
	for path, want := range fresh {
		if os.Getenv("UPDATE") == "1" {
			if err := os.WriteFile(path, []byte(want), 0o600); err != nil {
				t.Fatal(err)
			}
		}
		if diff := cmp.Diff(page(t, path), want); diff != "" {
			t.Errorf("%s is stale; run with UPDATE=1 (-is +should be):\n%s", path, diff)
		}
	}
	for name := range parts {
		if !seen[name] {
			t.Errorf("no page holds the part %q", name)
		}
	}
}

var pageLink = regexp.MustCompile(`\]\(([^)#\s]+)(?:#[^)]*)?\)`)

func TestDocsLinkToWhatIsThere(t *testing.T) {
	for _, path := range pages(t) {
		for _, m := range pageLink.FindAllStringSubmatch(page(t, path), -1) {
			if strings.Contains(m[1], "://") {
				continue
			}
			if _, err := os.Stat(filepath.Join(filepath.Dir(path), m[1])); err != nil {
				t.Errorf("%s: %v", path, err)
			}
		}
	}
}
