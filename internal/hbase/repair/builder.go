package repair

import (
	"encoding/base64"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/plumbline-mcp/plumbline/internal/hbase/check"
)

// Times.
const (
	assignPatience  = 3 * time.Minute  // an open reads the store files' trailers; a retrying assign backs off up to a minute
	mergePatience   = 5 * time.Minute  // a merge of 64 regions closes and opens them all
	masterPatience  = 6 * time.Minute  // the master looks again after at most a minute, then loads the tables
	serverPatience  = 5 * time.Minute  // the logs of a server are split before its regions open
	startingLimit   = 30 * time.Second // of a look at a master that is starting: its clients retry for minutes
	retryPatience   = 10 * time.Minute // the backoff of a failed open grows to minutes
	assignsAtOnce   = 500              // regions of one assigns command: a command line holds some 3,000 names
	janitorInterval = "300 s (hbase.catalogjanitor.interval)"
)

// none is said where nothing is lost, risked or to be undone.
const none = "none"

// builder gathers the steps of a plan, so that what several findings need is run once.
type builder struct {
	view *view
	plan *Plan

	assigns  map[assignKind][]*region
	adds     map[string][]*region // by table
	extras   map[string][]*region
	holes    []check.Finding
	overlaps []check.Finding
	unknown  []string // servers
	fixed    map[string]bool
	fixes    map[string][]string // by what is run once
	restart  string              // why the master is to be restarted
}

// assignKind keeps apart assignments that need a different command or moment.
type assignKind struct {
	early    bool // before fixMeta
	override bool // -o: whatever the state
}

func newBuilder(v *view, o Options) *builder {
	storage := "hdfs"
	if v.s3 {
		storage = "s3"
	}
	return &builder{
		view: v, plan: &Plan{HBaseVersion: v.text, Storage: storage, RootDir: v.root, options: o},
		assigns: map[assignKind][]*region{}, adds: map[string][]*region{}, extras: map[string][]*region{}, fixed: map[string]bool{}, fixes: map[string][]string{},
	}
}

// ref names a finding in a plan.
func ref(f *check.Finding) string {
	parts := []string{string(f.Type)}
	for _, p := range []string{f.Table, f.Region} {
		if p != "" {
			parts = append(parts, p)
		}
	}
	if f.Region == "" && (f.Start != "" || f.End != "") {
		parts = append(parts, fmt.Sprintf("[%s,%s)", f.Start, f.End))
	}
	return strings.Join(parts, " ")
}

// step adds a step with what is not said filled in.
func (b *builder) step(s Step) {
	for _, p := range []*string{&s.Risk, &s.Downtime, &s.DataLoss, &s.Wait, &s.Undo} {
		if *p == "" {
			*p = none
		}
	}
	b.plan.Steps = append(b.plan.Steps, s)
}

func (b *builder) avoid(what string) {
	if !slices.Contains(b.plan.Avoid, what) {
		b.plan.Avoid = append(b.plan.Avoid, what)
	}
}

func (b *builder) left(f *check.Finding, why, next string) {
	b.plan.Left = append(b.plan.Left, Left{Finding: ref(f), Why: why, Next: next})
}

// region finds the region of a finding; where the evidence has none of that name, what the finding says stands for it.
func (b *builder) region(f *check.Finding) *region {
	if r := b.view.regions[f.Region]; r != nil {
		return r
	}
	return &region{Table: f.Table, Encoded: f.Region}
}

// assign has a region opened by the plan's next assigns.
func (b *builder) assign(r *region, early bool, fixes string) {
	b.assignWith(r, early, !slices.Contains([]string{"", "CLOSED", "OFFLINE"}, r.State), fixes)
}

func (b *builder) assignWith(r *region, early, override bool, fixes string) {
	if fixes != "" {
		b.fixes["assign "+r.Encoded] = append(b.fixes["assign "+r.Encoded], fixes)
	}
	for k, list := range b.assigns {
		for i, o := range list {
			if o.Encoded != r.Encoded {
				continue
			}
			if k.early || !early { // what stands already comes soon enough
				return
			}
			b.assigns[k] = slices.Delete(list, i, i+1)
			override = override || k.override
			break
		}
	}
	k := assignKind{early, override}
	b.assigns[k] = append(b.assigns[k], r)
}

// rowsOf is the scan that shows a column of a table's rows. The prefix ends before the comma: hbase:meta orders its keys by their
// parts, and a scan from 'table,' begins behind the first region, whose key is 'table,,id'. Tables whose names go on are shown too.
func rowsOf(table, column string) Command {
	return shell(fmt.Sprintf("scan 'hbase:meta', {ROWPREFIXFILTER => '%s', COLUMN => '%s'}", table, column))
}

// states is the scan that shows the states of a table's regions.
func states(table string) Command { return rowsOf(table, "info:state") }

// open is the check that regions are OPEN. Of several tables the whole catalogue is read.
func open(regions []*region) *Check {
	c := &Check{Command: shell("scan 'hbase:meta', {COLUMN => 'info:state'}"), About: "each region: value=OPEN"}
	if one := regions[0].Table; !slices.ContainsFunc(regions, func(r *region) bool { return r.Table != one }) {
		c.Command = states(one)
	}
	for _, r := range regions {
		c.Expect = append(c.Expect, literal(r.Encoded)+`.*value=OPEN\s*$`)
	}
	return c
}

// there is the check that hbase:meta holds the regions' rows at all.
func there(regions []*region) *Check {
	c := open(regions)
	c.Expect, c.About = nil, "each region has a row"
	for _, r := range regions {
		c.Expect = append(c.Expect, literal(r.Encoded)+`.*value=`)
	}
	return c
}

func names(regions []*region) []string {
	out := make([]string, len(regions))
	for i, r := range regions {
		out[i] = r.Encoded
	}
	return out
}

// flushAssigns writes the gathered assignments as steps.
func (b *builder) flushAssigns() {
	for _, k := range []assignKind{{true, false}, {true, true}, {false, false}, {false, true}} {
		for chunk := range slices.Chunk(b.assigns[k], assignsAtOnce) {
			b.assignStep(k, chunk)
		}
	}
}

func (b *builder) assignStep(k assignKind, regions []*region) {
	args := []string{"assigns"}
	why := "Opens the regions: the master makes one procedure for each."
	if k.override {
		args = append(args, "-o")
		why = "Opens the regions whatever state they are in: without -o the master wants CLOSED or OFFLINE and answers [-1]."
		b.avoid("assigns without -o for a region that is not CLOSED or OFFLINE: it answers [-1] and nothing happens; setRegionState first does not help either, as it writes hbase:meta and not the master's memory.")
	}
	s := Step{
		command: hbck2(append(args, names(regions)...)...), Why: why, phase: phaseAssign,
		Risk: "A region whose open fails is retried for ever: if it does not open, read the region server's log for the cause.", Downtime: "none more: these ranges do not answer until the regions are open",
		Wait: "seconds; a failing open backs off up to a minute", Undo: "unassign 'ENCODED' in the HBase shell", Regions: names(regions), verify: open(regions), patience: assignPatience,
	}
	if k.early {
		s.phase = phaseAssignEarly
	}
	s.precheck = there(regions)
	for _, r := range regions {
		s.Fixes = append(s.Fixes, b.fixes["assign "+r.Encoded]...)
	}
	s.Fixes = unique(s.Fixes)
	if k.override {
		s.Forks = append(s.Forks, b.ownedFork())
		s.precheck = unowned(regions)
	}
	b.step(s)
}

// moving are the states in which a procedure may still act.
const moving = `(INITIALIZING|RUNNABLE|WAITING|WAITING_TIMEOUT) `

// unowned is the check that no living procedure names the regions. list_procedures shows a region by its id, not its encoded name.
func unowned(regions []*region) *Check {
	c := &Check{Command: shell("list_procedures"), Expect: []string{`row\(s\)`}, About: "no living procedure owns the regions"}
	for _, r := range regions {
		if r.ID > 0 { // regions that were made together share their id: table and start key tell them apart
			c.Absent = append(c.Absent, fmt.Sprintf(`%s.*"regionId" ?(:|=>) ?"?%d.*"qualifier" ?(:|=>) ?"%s"`, moving, r.ID, literal(inProcedures(r.Table)))+inStartKey(r.RawStart))
		}
	}
	c.Absent = unique(c.Absent)
	return c
}

// inStartKey is how list_procedures shows the start key of a region, "" for the first region of a table.
func inStartKey(raw string) string {
	if raw == "" {
		return ""
	}
	return `.*"startKey" ?(:|=>) ?"` + literal(base64.StdEncoding.EncodeToString([]byte(raw))) + `"`
}

// ownedFork says what to do if a live procedure owns a region that is to be taken over.
func (b *builder) ownedFork() Fork {
	return Fork{
		When: "a procedure that names one of these regions is alive and moving", Ask: shell("list_procedures").Line(b.plan.options),
		Commands: []string{"wait for it, and remove what it waits for; only if it is dead and holds the lock: " + hbck2("bypass", "-o", "-r", "PID").Line(b.plan.options) + ", then this step"},
		Why:      "Taking a region from a living procedure leaves both half done.",
	}
}

func unique(list []string) []string {
	var out []string
	for _, s := range list {
		if !slices.Contains(out, s) {
			out = append(out, s)
		}
	}
	return out
}
