package replay_test

import (
	"bufio"
	"bytes"
	"cmp"
	"encoding/json"
	"fmt"
	"maps"
	"net/http"
	"net/http/httptest"
	"os"
	"slices"
	"strings"
	"testing"

	gocmp "github.com/google/go-cmp/cmp"

	"github.com/plumbline-mcp/plumbline/internal/ppl/suite/replay"
)

const (
	// conformance is where the conformance suite lies beside the checkout.
	conformance = "../../../../../shared/fixtures/ppl"
	// ownCases is the case directory of this repository.
	ownCases = "../testdata/cases"
	// leastPercent is the share of comparable cases that must pass.
	leastPercent = 98.5
	// clock is the queries' clock: fixed, so that answers do not change from day to day.
	clock = "2026-05-27 18:20:00.000000"
)

func load(t *testing.T, dir string) *replay.Suite {
	t.Helper()
	s, err := replay.Load(os.DirFS(dir))
	if err != nil {
		t.Fatal(err)
	}
	return s
}

func local(t *testing.T) *replay.Local {
	t.Helper()
	l, err := replay.NewLocal(t.Context(), func() string { return clock })
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = l.Close() })
	return l
}

func TestOwnCasesAllPassOnTheLocalEngine(t *testing.T) {
	outcomes, err := load(t, ownCases).Run(t.Context(), local(t), replay.Filter{})
	if err != nil {
		t.Fatal(err)
	}
	const fewest = 40
	if len(outcomes) < fewest {
		t.Fatalf("only %d cases", len(outcomes))
	}
	for _, o := range outcomes {
		if o.Diff != "" {
			t.Errorf("%s: %s\n%s", o.Case.ID, o.Case.Query, o.Diff)
		}
	}
}

// knownFailures reads the reviewed list: an id and the reason on each line.
func knownFailures(t *testing.T) map[string]string {
	t.Helper()
	data, err := os.ReadFile("../known_failures.txt")
	if err != nil {
		t.Fatal(err)
	}
	known := map[string]string{}
	sc := bufio.NewScanner(bytes.NewReader(data))
	for sc.Scan() {
		line := strings.TrimSpace(sc.Text())
		if line == "" || strings.HasPrefix(line, "#") {
			continue
		}
		id, reason, _ := strings.Cut(line, " ")
		if strings.TrimSpace(reason) == "" {
			t.Errorf("known_failures.txt: %s has no reason", id)
		}
		known[id] = reason
	}
	return known
}

// TestTheConformanceSuitePassesButForTheReviewedList replays all comparable cases and prints the table by command and origin. The
// directory of other cases of the same format is PPL_SUITE, the URL of a cluster to ask instead of the local engine
// PPL_SUITE_ENGINE; the reviewed list is then not held against the outcomes.
func TestTheConformanceSuitePassesButForTheReviewedList(t *testing.T) {
	dir := cmp.Or(os.Getenv("PPL_SUITE"), conformance)
	if _, err := os.Stat(dir); err != nil {
		if os.Getenv("REQUIRE_LIVE") == "1" {
			t.Fatalf("the conformance suite is not at %s", dir)
		}
		t.Skipf("the conformance suite is not at %s; PPL_SUITE names another directory", dir)
	}
	var eng replay.Engine = local(t)
	url := os.Getenv("PPL_SUITE_ENGINE")
	if url != "" {
		eng = replay.NewCluster(url, http.DefaultClient)
	}
	outcomes, err := load(t, dir).Run(t.Context(), eng, replay.Filter{})
	if err != nil {
		t.Fatal(err)
	}
	var table strings.Builder
	if err := replay.Report(&table, outcomes, false); err != nil {
		t.Fatal(err)
	}
	t.Log("\n" + table.String())
	passed := 0
	for _, o := range outcomes {
		if o.Diff == "" {
			passed++
		}
	}
	if percent := 100 * float64(passed) / float64(len(outcomes)); percent < leastPercent {
		t.Errorf("%.1f %% of the comparable cases pass, want at least %.1f %%", percent, leastPercent)
	}
	if dir == conformance && url == "" {
		heldToTheList(t, outcomes)
	}
}

// heldToTheList fails for each outcome that the reviewed list does not foresee.
func heldToTheList(t *testing.T, outcomes []replay.Outcome) {
	t.Helper()
	known := knownFailures(t)
	for _, o := range outcomes {
		_, listed := known[o.Case.ID]
		switch {
		case o.Diff == "" && listed:
			t.Errorf("%s passes now: take it off known_failures.txt", o.Case.ID)
		case o.Diff != "" && !listed:
			t.Errorf("%s (%s): %s\n%s", o.Case.ID, o.Case.Command, o.Diff, o.Case.Query)
		}
	}
}

func TestTheReportEndsWithTheCount(t *testing.T) {
	a, b := &replay.Case{ID: "a", Command: "where", Origin: "x"}, &replay.Case{ID: "b", Command: "where", Origin: "x", Query: "source=t"}
	var out bytes.Buffer
	if err := replay.Report(&out, []replay.Outcome{{Case: a, Comparable: true}, {Case: b, Comparable: true, Diff: "2 rows, want 1"}, {Case: b, Diff: "not judged"}}, true); err != nil {
		t.Fatal(err)
	}
	lines := strings.Split(strings.TrimSpace(out.String()), "\n")
	if got := lines[len(lines)-1]; got != "passed 1 of 2 comparable" {
		t.Errorf("last line is %q", got)
	}
	if !strings.Contains(out.String(), "FAIL b (where): 2 rows, want 1") {
		t.Errorf("the failure is not listed:\n%s", out.String())
	}
}

// fakeCluster keeps what was loaded and answers every query with the documents' field n.
func fakeCluster(t *testing.T) (*httptest.Server, *[]string) {
	t.Helper()
	var calls []string
	srv := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		calls = append(calls, r.Method+" "+r.URL.Path)
		var body bytes.Buffer
		_, _ = body.ReadFrom(r.Body)
		switch {
		case r.Method == http.MethodDelete:
			w.WriteHeader(http.StatusNotFound)
		case strings.HasSuffix(r.URL.Path, "_bulk"):
			fmt.Fprint(w, `{"errors": false}`)
		case strings.HasSuffix(r.URL.Path, "_ppl") && strings.Contains(body.String(), "broken"):
			w.WriteHeader(http.StatusBadRequest)
			fmt.Fprint(w, `{"error": {"reason": "Invalid Query", "details": "Field [broken] not found."}, "status": 400}`)
		case strings.HasSuffix(r.URL.Path, "_ppl"):
			fmt.Fprint(w, `{"schema": [{"name": "n", "type": "bigint"}], "datarows": [[1], [2]], "total": 2, "size": 2}`)
		default:
			fmt.Fprint(w, `{"acknowledged": true}`)
		}
	}))
	t.Cleanup(srv.Close)
	return srv, &calls
}

func TestAClusterIsLoadedAskedAndCleaned(t *testing.T) {
	srv, calls := fakeCluster(t)
	dir := t.TempDir()
	write := func(name string, lines ...any) {
		var b bytes.Buffer
		for _, l := range lines {
			data, err := json.Marshal(l)
			if err != nil {
				t.Fatal(err)
			}
			b.Write(append(data, '\n'))
		}
		if err := os.WriteFile(dir+"/"+name, b.Bytes(), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	doc := map[string]any{"n": 1}
	write("d.ndjson", doc, doc)
	write("datasets.json", map[string]any{"o/d": map[string]any{"file": "d.ndjson"}})
	base := map[string]any{"origin": "o", "command": "fields", "commands": []string{"search", "fields"}, "value_form": "json"}
	with := func(more map[string]any) map[string]any {
		c := map[string]any{}
		for _, m := range []map[string]any{base, more} {
			maps.Copy(c, m)
		}
		return c
	}
	write("cases_o.jsonl",
		with(map[string]any{"id": "right", "query": "source=d | fields n", "rows": [][]any{{2}, {1}}, "row_order": "bag", "columns": []any{map[string]any{"name": "n", "type": "bigint"}}}),
		with(map[string]any{"id": "wrong-order", "query": "source=d | fields n", "rows": [][]any{{2}, {1}}, "row_order": "ordered"}),
		with(map[string]any{"id": "wrong-type", "query": "source=d | fields n", "rows": [][]any{{1}, {2}}, "columns": []any{map[string]any{"name": "n", "type": "int"}}}),
		with(map[string]any{"id": "total", "query": "source=d | fields n", "total": 2}),
		with(map[string]any{"id": "refused", "query": "source=d | fields broken", "error": "Field [broken] not found"}),
		with(map[string]any{"id": "clock", "query": "source=d | eval t = now()", "volatile": true}),
		with(map[string]any{"id": "set-up", "query": "source=own", "total": 2, "setup": []any{map[string]any{"index": "own", "mapping": nil, "docs": []any{doc}}}}),
	)
	s := load(t, dir)
	outcomes, err := s.Run(t.Context(), replay.NewCluster(srv.URL, srv.Client()), replay.Filter{})
	if err != nil {
		t.Fatal(err)
	}
	got := map[string]string{}
	for _, o := range outcomes {
		got[o.Case.ID] = o.Diff
	}
	want := map[string]string{
		"right": "", "wrong-order": "row 1: cell 1 is 1, want 2", "wrong-type": "column n is bigint, want int", "total": "", "refused": "", "set-up": "",
	}
	if diff := gocmp.Diff(want, got); diff != "" {
		t.Errorf("outcomes (-want +got):\n%s", diff)
	}
	for _, call := range []string{"PUT /d", "POST /d/_bulk", "POST /_plugins/_ppl", "PUT /own", "DELETE /own", "DELETE /d"} {
		if !slices.Contains(*calls, call) {
			t.Errorf("no call %s in %v", call, *calls)
		}
	}
}
