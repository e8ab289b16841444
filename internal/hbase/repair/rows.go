package repair

import (
	"encoding/base64"
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/plumbline-mcp/plumbline/internal/hbase/check"
)

// notInMeta plans the return of a region whose folder is there and whose row is not.
func (b *builder) notInMeta(f *check.Finding) {
	r := b.region(f)
	if len(f.Args.Covered) > 0 {
		b.adoptFiles(f, r, f.Args.Covered)
		return
	}
	if b.view.listed && r.Folder && !r.RegionInfo {
		b.left(f, "The folder holds no .regioninfo and hbase:meta no row: nothing tells the region's keys.",
			"Read the first and last key of its HFiles (hbase hfile -m -f FILE); if no region covers them, adopt the files: hbase completebulkload "+b.view.regionDir(r)+" "+full(r.Table))
		return
	}
	b.adds[r.Table] = append(b.adds[r.Table], r)
	b.fixes["add "+r.Table] = append(b.fixes["add "+r.Table], ref(f))
	r.State = "CLOSED" // as the row is written
	b.assign(r, true, ref(f))
}

// adoptFiles takes over the store files of an orphan whose range is held by other regions: a row would make an overlap.
func (b *builder) adoptFiles(f *check.Finding, r *region, others []string) {
	dir := b.view.regionDir(r)
	aside := b.view.dir(".hbck", "plumbline", r.Table, r.Encoded)
	b.step(Step{
		command: Command{HBase, []string{"completebulkload", dir, full(r.Table)}}, phase: phaseFolders, table: r.Table, Fixes: []string{ref(f)}, Regions: []string{r.Encoded},
		Why:  fmt.Sprintf("Live regions (%s) hold the range of this orphan folder, so its row must not come back; its store files are loaded into them instead.", strings.Join(others, ", ")),
		Risk: "Loads cells that may be older than deletes since: compare a sample first. Files are moved out of the folder.", Undo: "none: the cells are in the live regions then", Wait: "minutes for large files",
		precheck: &Check{Command: b.view.list(dir), Expect: []string{literal(".regioninfo")}, About: "the folder is there"},
		Forks: []Fork{{
			When: "the live regions are new and empty, as fixMeta makes them over a hole", Ask: "echo \"count 't'\" | hbase shell -n",
			Commands: []string{hbck2("addFsRegionsMissingInMeta", full(r.Table)).Line(b.plan.options), "then assigns, catalogjanitor_run and fixMeta, which merges both"}, Why: "Merging an empty region with the old one keeps every cell as it was.",
		}},
	})
	b.step(Step{
		command: hdfs("-mkdir", "-p", aside[:strings.LastIndexByte(aside, '/')]), phase: phaseFolders, table: r.Table, Fixes: []string{ref(f)}, Why: "Makes room aside of the data directory for what is left of the folder.", ReadOnly: false,
	})
	b.step(Step{
		command: hdfs("-mv", dir, aside), phase: phaseFolders, table: r.Table, Fixes: []string{ref(f)}, Regions: []string{r.Encoded}, Destroys: true,
		Why: "Moves the emptied folder out of the data directory, where it would be found as an orphan again. Nothing is deleted.", Undo: hdfs("-mv", aside, dir).Line(b.plan.options),
		verify: &Check{Command: b.view.list(b.view.tableDir(r.Table)), Absent: []string{literal(r.Encoded)}, About: "the folder is gone"},
	})
	b.avoid("addFsRegionsMissingInMeta for an orphan whose range live regions hold: it makes an overlap of data that is in use.")
}

// flushAdds writes the return of rows, a table at a time.
func (b *builder) flushAdds() {
	for _, name := range slices.Sorted(maps.Keys(b.adds)) {
		regions, fixes := b.adds[name], unique(b.fixes["add "+name])
		missing := &Check{Command: hbck2("reportMissingRegionsInMeta", full(name)), About: "lists each of the regions"}
		rows := there(regions)
		for _, r := range regions {
			missing.Expect = append(missing.Expect, literal(r.Encoded))
		}
		b.step(Step{
			command: missing.Command, phase: phaseAddRows, table: name, ReadOnly: true, Fixes: fixes, Regions: names(regions),
			Why: "Shows what the next step would add: every folder of the table with a .regioninfo and without a row.",
		})
		b.step(Step{
			command: hbck2("addFsRegionsMissingInMeta", full(name)), phase: phaseAddRows, table: name, Fixes: fixes, Regions: names(regions), precheck: missing, verify: rows,
			Why:  "Writes the rows anew from each folder's .regioninfo, with state CLOSED. It must come before fixMeta.",
			Risk: "Adds every orphan folder of the table: if the list before showed one whose range another region holds, stop.", Downtime: "none more: the ranges are down until assigned", Wait: none,
			Undo: "deleteall 'hbase:meta', \"ROW\" for each row added, while the region is not assigned",
		})
		if !gateRowsSeen.allows(b.view.version) {
			b.needRestart("HBase before 2.3 does not see rows that were added to hbase:meta: the master reads them at its start.")
		}
	}
	if len(b.adds) > 0 {
		b.avoid("fixMeta before the rows of orphan regions are back in hbase:meta (addFsRegionsMissingInMeta): it plugs the hole with an empty region, and the old one then overlaps it.")
	}
}

// flushExtras writes the removal of rows that have no folder and stand in the way of a merge.
func (b *builder) flushExtras() {
	for _, name := range slices.Sorted(maps.Keys(b.extras)) {
		regions, fixes := b.extras[name], unique(b.fixes["extra "+name])
		report := &Check{Command: hbck2("extraRegionsInMeta", full(name)), About: "lists these regions and no other"}
		gone := there(regions)
		gone.Expect, gone.About = nil, "the rows are gone"
		for _, r := range regions {
			report.Expect = append(report.Expect, literal(r.Encoded))
			gone.Absent = append(gone.Absent, literal(r.Encoded))
		}
		b.step(Step{
			command: hbck2("extraRegionsInMeta", "-f", full(name)), phase: phaseExtraRows, table: name, Fixes: fixes, Regions: names(regions), Destroys: true, precheck: report, verify: gone,
			Why:  "Removes the rows of regions without a folder whose range other regions hold: a merge with them would fail.",
			Risk: "Removes every row of the table whose folder is missing: compare the list of the precheck with the findings.", DataLoss: "none more: the folders are gone already",
			Undo: "put the rows back from the bundle's scan of hbase:meta",
		})
		b.needRestart("rows were removed behind the master's back: it remembers the regions until it starts anew")
	}
}

func (b *builder) needRestart(why string) {
	if b.restart == "" {
		b.restart = why
	}
}

func (b *builder) flushRestart() {
	if b.restart == "" {
		return
	}
	for i := range b.plan.Steps {
		if b.plan.Steps[i].phase == phaseDescriptors {
			b.plan.Steps[i].phase = phaseDescriptorsEarly
		}
	}
	b.step(Step{
		command: Command{Hand, []string{"sudo systemctl restart hbase-master"}}, phase: phaseRestart, Why: "On the master's host: " + b.restart + ". With a backup master, let that one take over instead.",
		Risk: "A table whose descriptor is missing is unknown afterwards: descriptors are written before.", Downtime: "none for reads and writes; no region can move until the master is back", Wait: "20 s to minutes, until the master is initialised",
		Undo: none, verify: &Check{Command: shell("list_namespace"), Expect: []string{`row\(s\)`}, About: "the master is initialised"}, patience: masterPatience,
	})
}

// emptyCell plans the return of a region whose row lost its info:regioninfo.
func (b *builder) emptyCell(f *check.Finding) {
	r := b.region(f)
	row := r.Row
	if f.Args.Row != "" {
		row = f.Args.Row
	}
	if row == "" {
		b.left(f, "The evidence does not tell the row's key.", "Scan hbase:meta and find the row without info:regioninfo.")
		return
	}
	rows := &Check{Command: rowsOf(r.Table, "info"), About: "the row is gone"}
	before := *rows
	before.Expect, before.About = []string{literal(r.Encoded)}, "the row is there; no info:regioninfo in it"
	before.Absent = []string{literal(r.Encoded) + `.*column=info:regioninfo`}
	again := *rows
	again.Expect, again.About = []string{literal(r.Encoded) + `.*column=info:regioninfo`}, "the row is whole again"
	rows.Absent = []string{literal(r.Encoded)}
	b.step(Step{
		command: shell("deleteall 'hbase:meta', " + rubyString(row)), phase: phaseBadRows, table: r.Table, Fixes: []string{ref(f)}, Regions: []string{r.Encoded}, Destroys: true, precheck: &before, verify: rows, goal: &again,
		Why: "A row without info:regioninfo cannot be read by the master and blocks its way; the folder's .regioninfo holds what it said.", Risk: "An edit of hbase:meta by hand: a wrong key removes a good region's row.",
		DataLoss: "none: the region's files stay, its row is written anew next", Undo: "put the cells back from the bundle's scan of hbase:meta", Wait: none,
	})
	if b.view.listed && !r.RegionInfo {
		b.holes = append(b.holes, *f)
		return
	}
	b.adds[r.Table] = append(b.adds[r.Table], r)
	b.fixes["add "+r.Table] = append(b.fixes["add "+r.Table], ref(f))
	r.State = "CLOSED"
	b.assign(r, true, ref(f))
}

// tableStateStuck plans a table that stayed ENABLING or DISABLING.
func (b *builder) tableStateStuck(f *check.Finding) {
	regions := closedOf(b.view.tables[f.Table])
	s := Step{
		command: hbck2("setTableState", f.Table, "ENABLED"), phase: phaseTableStates, table: f.Table, Fixes: []string{ref(f)}, patience: assignPatience,
		Why: "No procedure moves the table on from its state, so the state is set; it prints the former one.", Risk: "A wrong state hides faults: the regions of a DISABLED table are skipped by every report.", Undo: hbck2("setTableState", f.Table, "FORMER_STATE").Line(b.plan.options),
		precheck: &Check{Command: shell("list_procedures"), Absent: []string{moving + ".*" + literal(inProcedures(f.Table))}, About: "no living procedure names the table"},
		verify:   tableState(f.Table, `\\x08\\x00`, "ENABLED is \\x08\\x00"),
		Forks: []Fork{{
			When: "the table was being disabled on purpose", Ask: "ask its owner; the bundle does not tell", Why: "Then DISABLED is what was wanted.",
			Commands: []string{hbck2("setTableState", f.Table, "DISABLED").Line(b.plan.options)},
		}},
	}
	b.step(s)
	for _, r := range regions {
		b.assign(r, false, ref(f))
	}
}

// inProcedures is how list_procedures shows a table: its qualifier in base64.
func inProcedures(table string) string {
	_, plain := split(table)
	return base64.StdEncoding.EncodeToString([]byte(plain))
}

func closedOf(t *table) []*region {
	var out []*region
	if t == nil {
		return nil
	}
	for _, r := range t.Regions {
		if r.InMeta && !r.Parent && r.State != "OPEN" {
			out = append(out, r)
		}
	}
	return out
}

// tableState is the check of a table's state cell.
func tableState(name, value, about string) *Check {
	return &Check{
		Command: shell(fmt.Sprintf("scan 'hbase:meta', {STARTROW => '%s', LIMIT => 1, COLUMN => 'table:state'}", name)),
		Expect:  []string{" " + literal(name) + ` .*column=table:state.*value=` + value}, About: about,
	}
}

func (b *builder) noTableState(f *check.Finding) {
	b.step(Step{
		command: hbck2("setTableState", f.Table, "ENABLED"), phase: phaseTableStates, table: f.Table, Fixes: []string{ref(f)}, patience: assignPatience, verify: tableState(f.Table, `\\x08\\x00`, "ENABLED is \\x08\\x00"),
		Why: "The table has a folder and regions but no state in hbase:meta.", Risk: "If the table was DISABLED, its regions will be asked for.", Undo: hbck2("setTableState", f.Table, "DISABLED").Line(b.plan.options),
	})
}

func (b *builder) orphanTableState(f *check.Finding) {
	state := &Check{Command: shell(fmt.Sprintf("scan 'hbase:meta', {STARTROW => '%s', LIMIT => 1, COLUMN => 'table:state'}", f.Table)), About: "the state is gone"}
	before := *state
	before.Expect, before.About = []string{" " + literal(f.Table) + " .*column=table:state"}, "the state is there"
	state.Absent = before.Expect
	b.step(Step{
		command: shell("deleteall 'hbase:meta', " + rubyString(f.Table)), phase: phaseBadRows, table: f.Table, Fixes: []string{ref(f)}, Destroys: true, precheck: &before, verify: state,
		Why: "The row tells the state of a table that has neither folder nor regions.", Risk: "An edit of hbase:meta by hand.", Undo: hbck2("setTableState", f.Table, "DISABLED").Line(b.plan.options),
	})
}
