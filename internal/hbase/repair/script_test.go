package repair_test

import (
	"bytes"
	"context"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/plumbline-mcp/plumbline/internal/hbase/check"
	"github.com/plumbline-mcp/plumbline/internal/hbase/repair"
)

// lab is a directory whose bin holds an hbase and an hdfs that keep a region's state in a file and log what they are asked.
type lab struct{ dir string }

func newLab(t *testing.T, state string) lab {
	t.Helper()
	l := lab{t.TempDir()}
	for name, script := range map[string]string{
		"hbase": `case "$1 $2" in
"shell -n") read -r line; echo "$line" >>"$LAB/asked"
  case $line in
  "scan 'hbase:meta'"*) echo " t,,1.` + encA + `. column=info:state, timestamp=1, value=$(cat "$LAB/state")"; echo "1 row(s)" ;;
  list_procedures) echo "0 row(s)" ;;
  catalogjanitor_run) echo "=> true" ;;
  esac ;;
"hbck -details") echo "0 inconsistencies detected."; echo "Status: OK" ;;
"hbck -j") shift 3; echo "$*" >>"$LAB/asked"
  case $1 in assigns) [ -e "$LAB/broken" ] || echo OPEN >"$LAB/state"; echo "[7]" ;; filesystem) if [ -e "$LAB/old" ]; then echo "ERROR: Unrecognized command: filesystem"; exit 1; fi; rm -f "$LAB/broken"; echo OPEN >"$LAB/state" ;; *) exit 1 ;; esac ;;
esac`,
		"hdfs": `echo "hdfs $*" >>"$LAB/asked"; case $2 in -mv) echo OPEN >"$LAB/state" ;; esac`,
	} {
		if err := os.MkdirAll(filepath.Join(l.dir, "bin"), 0o700); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(filepath.Join(l.dir, "bin", name), []byte("#!/bin/sh\n"+script+"\n"), 0o700); err != nil {
			t.Fatal(err)
		}
	}
	l.write(t, "state", state+"\n")
	return l
}

func (l lab) write(t *testing.T, name, text string) {
	t.Helper()
	if err := os.WriteFile(filepath.Join(l.dir, name), []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
}

func (l lab) read(name string) string {
	raw, _ := os.ReadFile(filepath.Join(l.dir, name))
	return strings.TrimSpace(string(raw))
}

// run runs a plan's script and returns what it printed and its exit code.
func (l lab) run(t *testing.T, p *repair.Plan, stdin string, args ...string) (string, int) {
	t.Helper()
	var script bytes.Buffer
	if err := p.WriteScript(&script); err != nil {
		t.Fatal(err)
	}
	l.write(t, "plan.sh", script.String())
	c := exec.CommandContext(t.Context(), "bash", append([]string{"plan.sh"}, args...)...)
	c.Dir, c.Stdin = l.dir, strings.NewReader(stdin)
	c.Env = []string{"PATH=" + filepath.Join(l.dir, "bin") + ":" + os.Getenv("PATH"), "LAB=" + l.dir, "PLAN_LOG=" + filepath.Join(l.dir, "log")}
	out, err := c.CombinedOutput()
	if err != nil && c.ProcessState == nil {
		t.Fatal(err)
	}
	return string(out), c.ProcessState.ExitCode()
}

func planOf(t *testing.T, findings ...check.Finding) *repair.Plan {
	t.Helper()
	p, err := repair.New(&check.Report{Findings: findings}, cluster(state(encA, "CLOSED")), repair.Options{})
	if err != nil {
		t.Fatal(err)
	}
	return p
}

func TestAScriptRunsItsStepsAndVerifiesThem(t *testing.T) {
	l := newLab(t, "CLOSED")
	out, code := l.run(t, planOf(t, check.Finding{Type: check.NotDeployed, Table: "t", Region: encA}), "")
	if code != 0 || !strings.Contains(out, "verified: each region: value=OPEN") || !strings.Contains(out, "done. Collect again") {
		t.Errorf("exit %d:\n%s", code, out)
	}
	states := "scan 'hbase:meta', {ROWPREFIXFILTER => 't', COLUMN => 'info:state'}"
	want := strings.Join([]string{states, "assigns " + encA, states, "catalogjanitor_run"}, "\n")
	if diff := cmp.Diff(want, l.read("asked")); diff != "" {
		t.Errorf("asked (-want +got):\n%s", diff)
	}
	if !strings.Contains(l.read("log"), "value=OPEN") {
		t.Error("the log lacks what the commands printed")
	}
	if out, code = l.run(t, planOf(t, check.Finding{Type: check.NotDeployed, Table: "t", Region: encA}), ""); code != 0 || !strings.Contains(out, "its result is there already") {
		t.Errorf("second run: exit %d:\n%s", code, out)
	}
}

func TestAScriptAsksBeforeItTakesSomethingAway(t *testing.T) {
	p := planOf(t, check.Finding{Type: check.FailedOpen, Cause: "CORRUPT_HFILE", Table: "t", Region: encA})
	for name, c := range map[string]struct {
		stdin string
		args  []string
		code  int
		state string
	}{
		"no answer stops it":        {"", nil, 1, "OPENING"},
		"another word stops it":     {"maybe\n", nil, 1, "OPENING"},
		"yes goes on":               {"yes\n", nil, 0, "OPEN"},
		"--yes goes on":             {"", []string{"--yes"}, 0, "OPEN"},
		"yes by a pipe goes on":     {strings.Repeat("y\n", 9), nil, 0, "OPEN"},
		"a dry run changes nothing": {"", []string{"--dry-run"}, 0, "OPENING"},
		"an unknown flag is usage":  {"", []string{"--force"}, 2, "OPENING"},
	} {
		t.Run(name, func(t *testing.T) {
			l := newLab(t, "OPENING")
			out, code := l.run(t, p, c.stdin, c.args...)
			if code != c.code || l.read("state") != c.state {
				t.Errorf("exit %d, state %s:\n%s", code, l.read("state"), out)
			}
		})
	}
}

func TestAnHbck2WithoutACommandIsDoneWithout(t *testing.T) {
	l := newLab(t, "OPENING")
	l.write(t, "old", "")
	p := planOf(t, check.Finding{Type: check.FailedOpen, Cause: "CORRUPT_HFILE", Table: "t", Region: encA, Args: check.Args{HFiles: []string{"f1"}, Family: "cf"}})
	out, code := l.run(t, p, "yes\n")
	want := "hdfs dfs -mkdir -p /hbase/corrupt/t/" + encA + "/cf\nhdfs dfs -mv /hbase/data/default/t/" + encA + "/cf/f1 /hbase/corrupt/t/" + encA + "/cf/f1"
	if code != 0 || !strings.Contains(l.read("asked"), want) || l.read("state") != "OPEN" {
		t.Errorf("exit %d:\n%s\nasked:\n%s", code, out, l.read("asked"))
	}
}

func TestAScriptStopsAtASurprise(t *testing.T) {
	for name, c := range map[string]struct {
		typ   check.Type
		state string
		want  string
	}{
		"a command that fails": {check.RegionNotInMeta, "CLOSED", "the cluster is not as the evidence says"},
	} {
		t.Run(name, func(t *testing.T) {
			l := newLab(t, c.state)
			out, code := l.run(t, planOf(t, check.Finding{Type: c.typ, Table: "u", Region: encC}), "")
			if code != 1 || !strings.Contains(out, "STOPPED at step") || !strings.Contains(out, c.want) || strings.Contains(l.read("asked"), "assigns") {
				t.Errorf("exit %d:\n%s\nasked:\n%s", code, out, l.read("asked"))
			}
		})
	}
}

// fake runs commands on a region whose state it keeps.
type fake struct {
	state, after string // after: the state that assigns leads to
	asked        []string
	code         int
}

func (f *fake) Run(_ context.Context, c repair.Command) (string, int, error) {
	if c.Tool == repair.Hbck2 {
		f.asked = append(f.asked, strings.Join(c.Args, " "))
		f.state = f.after
		return "[7]\n", f.code, nil
	}
	return " t,,1." + encA + ". column=info:state, timestamp=1, value=" + f.state + "\n1 row(s)\n", 0, nil
}

func TestAStepIsAppliedBetweenTwoLooks(t *testing.T) {
	now := time.Unix(0, 0)
	clock := repair.Clock{Now: func() time.Time { return now }, Sleep: func(_ context.Context, d time.Duration) error { now = now.Add(d); return nil }}
	p := planOf(t, check.Finding{Type: check.NotDeployed, Table: "t", Region: encA})
	for name, c := range map[string]struct {
		f     fake
		n     int
		state string
		err   string
		asked int
	}{
		"it works":                     {fake{state: "CLOSED", after: "OPEN"}, 1, repair.StateDone, "", 1},
		"its result is there already":  {fake{state: "OPEN"}, 1, repair.StateAlready, "", 0},
		"it does not come to hold":     {fake{state: "CLOSED", after: "OPENING"}, 1, "", "did not work within 3m0s", 1},
		"the command fails":            {fake{state: "CLOSED", after: "CLOSED", code: 1}, 1, "", "exit code 1", 1},
		"a step that the plan has not": {fake{state: "CLOSED"}, 2, "", "has no step 2", 0},
		"a region whose row has gone":  {fake{state: "\nnothing"}, 1, "", "not as the evidence says", 0},
	} {
		t.Run(name, func(t *testing.T) {
			if strings.Contains(name, "row has gone") {
				c.f.state = ""
			}
			got, err := p.Apply(t.Context(), c.n, runner{&c.f, strings.Contains(name, "row has gone")}, clock)
			switch {
			case c.err != "" && (err == nil || !strings.Contains(err.Error(), c.err)):
				t.Errorf("error %v, want %q", err, c.err)
			case c.err == "" && (err != nil || got.State != c.state):
				t.Errorf("%+v, %v", got, err)
			}
			if len(c.f.asked) != c.asked {
				t.Errorf("ran %q", c.f.asked)
			}
		})
	}
}

// runner is a fake whose catalogue may be empty.
type runner struct {
	*fake

	empty bool
}

func (r runner) Run(ctx context.Context, c repair.Command) (string, int, error) {
	if r.empty && c.Tool == repair.Shell {
		return "0 row(s)\n", 0, nil
	}
	return r.fake.Run(ctx, c)
}
