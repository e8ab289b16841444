package repair

import (
	"fmt"
	"strings"

	"github.com/plumbline-mcp/plumbline/internal/fault"
	"github.com/plumbline-mcp/plumbline/internal/hbase"
	"github.com/plumbline-mcp/plumbline/internal/hbase/check"
)

// New plans the repair of what a report found in a snapshot. Without a root there are no steps, which is no error.
func New(report *check.Report, snap *hbase.Snapshot, o Options) (*Plan, error) {
	o.defaults()
	v := look(snap, o)
	b := newBuilder(v, o)
	if err := b.gates(); err != nil {
		return nil, err
	}
	all := rules()
	for i := range report.Findings {
		f := &report.Findings[i]
		if !f.Root() {
			b.plan.Follow = append(b.plan.Follow, ref(f)+" follows from "+f.ConsequenceOf)
			if f.Type == check.Hole && f.ConsequenceOf == string(check.RegionNotInMeta) {
				b.restOfHole(report, f)
			}
			continue
		}
		if plan, ok := all[f.Type]; ok {
			plan(b, f)
		} else {
			b.byHand(f)
		}
	}
	b.finishGathered()
	b.evidence(report)
	b.atTheEnd()
	return b.plan, b.plan.finish()
}

// look gathers what plans need of a snapshot.
func look(s *hbase.Snapshot, o Options) *view {
	v := &view{
		text: s.Version, root: strings.TrimRight(s.RootDir, "/"), s3: s.Storage == hbase.S3, metaRead: s.Whole(hbase.ArtefactMeta), listed: s.Whole(hbase.ArtefactPaths),
		regions: map[string]*region{}, tables: map[string]*table{}, wals: map[string]bool{},
	}
	if o.Version != "" {
		v.text = o.Version
	}
	switch {
	case o.Root != "":
		v.root = strings.TrimRight(o.Root, "/")
	case v.root == "" && s.Listing.Root != "":
		v.root = "/" + strings.Trim(s.Listing.Root, "/")
	}
	v.version = parseVersion(v.text)
	for _, r := range s.Meta.Regions {
		v.row(s, r)
	}
	for _, f := range s.Listing.Folders {
		v.folder(s, f)
	}
	for name, dir := range s.Listing.TableDirs {
		v.table(name).Descriptor = len(dir.Descriptors) > 0
	}
	for name, state := range s.Meta.Tables {
		v.table(name).State = state.State
	}
	for encoded, f := range s.Listing.Archived {
		if r := v.regions[encoded]; r != nil {
			r.Archived = len(f.Files)
		}
	}
	for _, w := range s.Listing.WALs {
		v.wals[w.Server] = v.wals[w.Server] || w.Files > 0
	}
	return v
}

func (v *view) table(name string) *table {
	t := v.tables[name]
	if t == nil {
		t = &table{Name: name}
		v.tables[name] = t
	}
	return t
}

func (v *view) row(s *hbase.Snapshot, m *hbase.Region) {
	if m.Replica != 0 || v.regions[m.Encoded] != nil {
		return
	}
	r := &region{
		Table: m.Table, Encoded: m.Encoded, Row: m.Row, ID: m.ID, RawStart: string(m.Start), RawEnd: string(m.End), State: m.State, Server: m.Location(),
		InMeta: true, Parent: m.SplitParent() || s.Meta.MergedInto(m.Encoded) != nil || !m.HasInfo,
	}
	v.regions[m.Encoded] = r
	t := v.table(m.Table)
	t.Regions = append(t.Regions, r)
	if m.Table == hbase.NamespaceTable {
		v.system = m.Encoded
	}
}

func (v *view) folder(s *hbase.Snapshot, f *hbase.Folder) {
	if f.Leftover {
		return
	}
	r := v.regions[f.Encoded]
	if r == nil {
		r = &region{Table: f.Table, Encoded: f.Encoded, Parent: s.Meta.MergedInto(f.Encoded) != nil}
		v.regions[f.Encoded] = r
		t := v.table(f.Table)
		t.Regions = append(t.Regions, r)
	}
	r.Folder, r.RegionInfo = true, f.Info > 0
	if f.Table == hbase.NamespaceTable && v.system == "" {
		v.system = f.Encoded
	}
}

// gates refuses what HBCK2 cannot repair at all.
func (b *builder) gates() error {
	v := b.view.version
	switch {
	case !v.known():
		b.plan.Warnings = append(b.plan.Warnings, "The bundle does not tell HBase's version: the plan is for 2.5 or later. Give the version to have it checked.")
	case !gateHbck2.allows(v):
		return fault.WithHint(fault.New(fault.Unsupported, "plan: HBCK2 does not work with HBase %s", b.view.text), "It needs 2.0.3, 2.1.1 or 2.2.0 and later. HBase 1 is repaired by its own hbck.")
	}
	if b.view.root == "" {
		b.plan.Warnings = append(b.plan.Warnings, "The bundle does not tell hbase.rootdir: paths in the plan begin at /data; give the root directory.")
	}
	if b.view.s3 {
		b.plan.Warnings = append(b.plan.Warnings,
			"The root directory is on S3: only one active cluster may use it. WALs are on the cluster's HDFS, not below the root.",
			"With EMR's persistent HFile tracking a file merely present on S3 is not live: after work on files by hand refresh the table (refresh_hfiles).")
	}
	return nil
}

// evidence warns of what the plan rests on.
func (b *builder) evidence(report *check.Report) {
	for _, m := range report.Missing {
		if m.Artefact == hbase.ArtefactMeta || m.Artefact == hbase.ArtefactPaths {
			b.plan.Warnings = append(b.plan.Warnings, fmt.Sprintf("%s is %s (%s): %s", m.Artefact, m.Verdict, m.Why, m.Means))
		}
	}
}

// byHand leaves a root of a type that no command repairs.
func (b *builder) byHand(f *check.Finding) {
	switch f.Type {
	case check.EvidenceIncomplete:
		b.left(f, "The evidence is not whole.", "Collect again when the sources named can be read.")
	case check.ServerConnectionFailure:
		b.left(f, "hbck could not reach a region server, so its report is partial.", "See that the server is up and reachable, then collect again.")
	case check.WALSplitStuck:
		b.left(f, "The logs of a dead server are not being split.", "Read the region servers' logs for `Failed to split wal`: a missing block or a full disk is usual. When the cause is gone the procedure goes on by itself.")
	case check.BoundariesError:
		b.left(f, "Keys in an HFile lie outside its region.", "Case by case: read the file's first and last key (hbase hfile -m -f FILE) and load it anew with completebulkload.")
	default:
		b.left(f, "No command is known to repair it.", "See the finding's evidence.")
	}
}

// atTheEnd says what must hold when all is done.
func (b *builder) atTheEnd() {
	if len(b.plan.Steps) == 0 {
		return
	}
	b.plan.final = []Check{
		{Command: shell("catalogjanitor_run", "hbck_chore_run"), Expect: []string{`(^|[ >])true\s*$`}, About: "both inspections of the master run anew"},
		{Command: Command{Hbck1, []string{"-details", "-timelag", "0"}}, Expect: []string{`^0 inconsistencies detected`, `^Status: OK`}, About: "hbck finds nothing, tables changed within the last minute included"},
	}
}
