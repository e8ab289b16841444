// Package docs_test holds the pages of this directory to the product.
//
// A block of a page between ````console and ```` is an example that is run. Lines that begin with "$ " are commands (one that ends in a
// backslash goes on in the next line), run by sh in a directory of the page's own that holds the demo's recording as shop;
// what follows up to the next command is what it prints on both outputs. In it a line "…" stands for any number of lines, and
// "…" within a line for any text. A command must succeed; one that fails is written `command; echo "exit $?"`.
//
// What stands between <!-- generated: COMMAND --> and <!-- end --> is made by the product. UPDATE=1 writes it anew.
package docs_test

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	gocmp "github.com/google/go-cmp/cmp"

	"github.com/plumbline-mcp/plumbline/internal/ppl/command"
	"github.com/plumbline-mcp/plumbline/internal/ppl/function"
)

// binary is the directory of the program that the examples run.
var binary string

func TestMain(m *testing.M) { os.Exit(run(m)) }

func run(m *testing.M) int {
	dir, err := os.MkdirTemp("", "plumbline-docs-")
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	defer os.RemoveAll(dir)
	binary = dir
	if out, err := exec.CommandContext(context.Background(), "go", "build", "-trimpath", "-ldflags", "-s -w", "-o", filepath.Join(dir, "plumbline"), "../cmd/plumbline").CombinedOutput(); err != nil {
		fmt.Fprintf(os.Stderr, "build: %v\n%s", err, out)
		return 1
	}
	return m.Run()
}

// shell runs a command in a directory, with nothing of the user's settings, and returns what it prints.
func shell(t *testing.T, dir, command string) (string, error) {
	t.Helper()
	c := exec.CommandContext(t.Context(), "sh", "-c", command)
	c.Dir = dir
	c.Env = []string{"PATH=" + binary + string(os.PathListSeparator) + os.Getenv("PATH"), "HOME=" + filepath.Join(dir, ".home"), "TERM=dumb", "TMPDIR=" + os.TempDir()}
	out, err := c.CombinedOutput()
	return string(out), err
}

func pages(t *testing.T) []string {
	t.Helper()
	all, err := filepath.Glob("*.md")
	if err != nil || len(all) < 8 {
		t.Fatalf("%d pages, %v", len(all), err)
	}
	return all
}

func read(t *testing.T, page string) string {
	t.Helper()
	raw, err := os.ReadFile(page)
	if err != nil {
		t.Fatal(err)
	}
	return string(raw)
}

var console = regexp.MustCompile("(?ms)^````console\n(.*?)^````$")

// example is one command of a block and what the page says it prints.
type example struct{ command, want string }

func examples(block string) []example {
	var out []example
	more := false
	for line := range strings.Lines(block) {
		switch {
		case more:
			out[len(out)-1].command += line
		case strings.HasPrefix(line, "$ "):
			out = append(out, example{command: strings.TrimPrefix(line, "$ ")})
		case len(out) > 0:
			out[len(out)-1].want += line
			continue
		default:
			out = append(out, example{want: line}) // no command: it will not match
			continue
		}
		more = strings.HasSuffix(line, "\\\n")
	}
	return out
}

// fits reports whether text is what want says.
func fits(want, text string) bool {
	var b strings.Builder
	b.WriteString(`\A`)
	for line := range strings.Lines(want) {
		if line == "…\n" {
			b.WriteString(`(?:.*\n)*?`)
			continue
		}
		b.WriteString(strings.ReplaceAll(regexp.QuoteMeta(line), "…", ".*"))
	}
	return regexp.MustCompile(b.String() + `\z`).MatchString(text)
}

func TestEveryExampleDoesWhatItsPageSays(t *testing.T) {
	for _, page := range pages(t) {
		text := read(t, page)
		blocks := console.FindAllStringSubmatch(text, -1)
		if n := strings.Count(text, "```console"); n != len(blocks) {
			t.Errorf("%s: %d blocks marked console, %d between four backticks", page, n, len(blocks))
		}
		if len(blocks) == 0 {
			continue
		}
		t.Run(page, func(t *testing.T) {
			dir := t.TempDir()
			if err := os.CopyFS(filepath.Join(dir, "shop"), os.DirFS("../cmd/plumbline/recording/shop")); err != nil {
				t.Fatal(err)
			}
			if err := os.CopyFS(dir, os.DirFS("testdata")); err != nil {
				t.Fatal(err)
			}
			for _, b := range blocks {
				for _, e := range examples(b[1]) {
					got, err := shell(t, dir, e.command)
					if err != nil || !fits(e.want, got) {
						t.Errorf("$ %s%v\ngot:\n%s\nwant:\n%s", e.command, errors.Join(err), got, e.want)
					}
				}
			}
		})
	}
}

func TestAnExampleThatSaysOtherwiseIsNoticed(t *testing.T) {
	for _, c := range []struct {
		want, text string
		fits       bool
	}{
		{"a\nb\n", "a\nb\n", true},
		{"a\nb\n", "a\nb\nc\n", false},
		{"a\n…\n", "a\nb\nc\n", true},
		{"a\n…\nc\n", "a\nc\n", true},
		{"a\n…\nc\n", "a\nb\n", false},
		{"took … ms\n", "took 5 ms\n", true},
		{"took … ms\n", "took 5 s\n", false},
		{"", "", true},
		{"", "x\n", false},
	} {
		if got := fits(c.want, c.text); got != c.fits {
			t.Errorf("%q against %q: %v", c.want, c.text, got)
		}
	}
	got := examples("$ a \\\n  b\nc\n$ d\n")
	if diff := gocmp.Diff([]example{{"a \\\n  b\n", "c\n"}, {"d\n", ""}}, got, gocmp.AllowUnexported(example{})); diff != "" {
		t.Error(diff)
	}
}

// commands lists the commands of PPL as a table.
func commands() string {
	var b strings.Builder
	b.WriteString("| command | what it does |\n|---|---|\n")
	for _, s := range command.All() {
		also := ""
		if len(s.Aliases) > 0 {
			also = " (also " + strings.Join(s.Aliases, ", ") + ")"
		}
		fmt.Fprintf(&b, "| `%s`%s | %s |\n", cell(s.Syntax), also, cell(s.Doc))
	}
	return b.String()
}

func cell(s string) string { return strings.ReplaceAll(s, "|", `\|`) }

// functions lists the functions of PPL by class.
func functions() string {
	var b strings.Builder
	for _, class := range []struct {
		title string
		class function.Class
	}{{"Aggregations", function.Aggregate}, {"Functions", function.Scalar}} {
		var all []function.Func
		for _, f := range function.All() {
			if f.Class == class.class {
				all = append(all, f)
			}
		}
		slices.SortStableFunc(all, func(a, b function.Func) int { return cmp.Compare(a.Name, b.Name) })
		fmt.Fprintf(&b, "\n%s (%d):\n", class.title, len(all))
		for i, f := range all {
			sep := ", "
			if i == 0 {
				sep = ""
			}
			fmt.Fprintf(&b, "%s`%s`", sep, f.Name)
			if len(f.Aliases) > 0 {
				fmt.Fprintf(&b, " (%s)", strings.Join(f.Aliases, ", "))
			}
		}
		b.WriteString(".\n")
	}
	return b.String()
}

var generated = regexp.MustCompile(`(?s)<!-- generated: ([^>]*?) -->\n(.*?)<!-- end -->`)

func TestGeneratedPartsAreWhatTheProductSays(t *testing.T) {
	makers := map[string]func() string{"commands of internal/ppl/command": commands, "functions of internal/ppl/function": functions}
	for _, page := range pages(t) {
		text := read(t, page)
		mended := generated.ReplaceAllStringFunc(text, func(part string) string {
			m := generated.FindStringSubmatch(part)
			var want string
			if maker, ok := makers[m[1]]; ok {
				want = maker()
			} else {
				out, err := shell(t, t.TempDir(), m[1])
				if err != nil {
					t.Errorf("%s: %s: %v: %s", page, m[1], err, out)
				}
				want = out
			}
			return "<!-- generated: " + m[1] + " -->\n" + want + "<!-- end -->"
		})
		keep(t, page, text, mended)
	}
}

func TestThePageOfToolsIsWhatTheProductPrints(t *testing.T) {
	want, err := shell(t, t.TempDir(), "plumbline tools --markdown")
	if err != nil {
		t.Fatalf("%v: %s", err, want)
	}
	got, err := os.ReadFile("tools.md")
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		t.Fatal(err)
	}
	keep(t, "tools.md", string(got), want)
}

// keep compares a page with what it should be; UPDATE=1 writes it.
func keep(t *testing.T, page, got, want string) {
	t.Helper()
	if got == want {
		return
	}
	if os.Getenv("UPDATE") != "1" {
		t.Errorf("%s is stale; UPDATE=1 go test ./docs writes it:\n%s", page, gocmp.Diff(want, got))
		return
	}
	if err := os.WriteFile(page, []byte(want), 0o644); err != nil {
		t.Fatal(err)
	}
}

var link = regexp.MustCompile(`\]\(([^)#]+)(#[^)]*)?\)`)

func TestEveryLinkLeadsSomewhere(t *testing.T) {
	for _, page := range append(pages(t), "../README.md") {
		text, err := os.ReadFile(page)
		if errors.Is(err, fs.ErrNotExist) {
			continue
		}
		if err != nil {
			t.Fatal(err)
		}
		for _, m := range link.FindAllStringSubmatch(string(text), -1) {
			if strings.Contains(m[1], "://") {
				continue
			}
			if _, err := os.Stat(filepath.Join(filepath.Dir(page), m[1])); err != nil {
				t.Errorf("%s: %v", page, err)
			}
		}
	}
}

// Each thing that ppl.md says a cluster does otherwise, with a query that would need it.
func TestWhatThePPLPageSaysIsOtherwiseIs(t *testing.T) {
	text := read(t, "ppl.md")
	dir := t.TempDir()
	if err := os.CopyFS(filepath.Join(dir, "shop"), os.DirFS("../cmd/plumbline/recording/shop")); err != nil {
		t.Fatal(err)
	}
	for word, query := range map[string]string{
		"graphlookup batchMode=true": "source=logs | graphlookup logs start=traceId edge=traceId-->spanId batchMode=true as d",
		"ml action='train'":          "source=logs | ml action=predict algorithm=kmeans",
	} {
		if !strings.Contains(text, "`"+word+"`") {
			t.Errorf("the page says nothing of %s", word)
		}
		if out, err := shell(t, dir, "plumbline call logs_query --source shop --query '"+query+"'"); err == nil {
			t.Errorf("%s works now: %s", word, out)
		}
	}
}
