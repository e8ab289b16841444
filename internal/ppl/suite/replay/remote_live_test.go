package replay_test

import (
	"net/http"
	"os"
	"testing"
	"time"

	"github.com/plumbline-mcp/plumbline/internal/engine/remote"
	"github.com/plumbline-mcp/plumbline/internal/live"
	"github.com/plumbline-mcp/plumbline/internal/ppl/suite/replay"
)

// suitePrefix keeps the suite's indices apart from others of the cluster.
const suitePrefix = "os_b_suite_"

// TestLiveSuiteBySearch replays the cases on a real cluster by its search API alone: what passes on files passes there, but for the
// same reviewed list.
func TestLiveSuiteBySearch(t *testing.T) {
	url := live.Need(t, live.OpenSearchURL)
	r, err := replay.NewRemote(url, suitePrefix, http.DefaultClient, remote.PluginNever, time.Now)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = r.Close() })
	known := knownFailures(t)
	for name, dir := range map[string]string{"own cases": ownCases, "conformance suite": conformance} {
		t.Run(name, func(t *testing.T) {
			if _, err := os.Stat(dir); err != nil && os.Getenv("REQUIRE_LIVE") != "1" {
				t.Skipf("no cases at %s", dir)
			}
			outcomes, err := load(t, dir).Run(t.Context(), r, replay.Filter{})
			if err != nil {
				t.Fatal(err)
			}
			passed, judged := 0, 0
			for _, o := range outcomes {
				if !o.Comparable {
					continue
				}
				judged++
				if o.Diff == "" {
					passed++
				} else if known[o.Case.ID] == "" {
					t.Errorf("%s: %s\n%s", o.Case.ID, o.Case.Query, o.Diff)
				}
			}
			t.Logf("passed %d of %d comparable", passed, judged)
		})
	}
}
