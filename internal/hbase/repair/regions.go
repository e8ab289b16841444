package repair

import (
	"fmt"
	"strings"

	"github.com/plumbline-mcp/plumbline/internal/hbase/check"
)

// notDeployed plans a region that no server holds though its table is enabled.
func (b *builder) notDeployed(f *check.Finding) { b.assign(b.region(f), false, ref(f)) }

// stuck plans a region that stays between two states.
func (b *builder) stuck(f *check.Finding) {
	r := b.region(f)
	b.assignWith(r, false, true, ref(f))
}

// missingRegioninfo has the region opened anew: the open writes .regioninfo from the row.
func (b *builder) missingRegioninfo(f *check.Finding) {
	r := b.region(f)
	if b.view.metaRead && !r.InMeta {
		b.left(f, "hbase:meta has no row of the region, so nothing tells its keys.", "Read the first and last key of its HFiles (hbase hfile -m -f FILE) and adopt the files: hbase completebulkload "+b.view.regionDir(r)+" "+full(r.Table))
		return
	}
	file := &Check{Command: b.view.list(b.view.regionDir(r)), Expect: []string{`\.regioninfo`}, About: ".regioninfo is there"}
	if t := b.view.tables[r.Table]; t != nil && t.State == "DISABLED" {
		b.step(Step{
			command: shell(fmt.Sprintf("enable '%s'", r.Table)), phase: phaseReopen, table: r.Table, Fixes: []string{ref(f)}, Regions: []string{r.Encoded}, verify: file, patience: assignPatience,
			Why: "Opening a region writes its .regioninfo; regions of a disabled table cannot be assigned one by one.", Risk: "The table answers clients until it is disabled again.", Undo: fmt.Sprintf("disable '%s'", r.Table),
		})
		b.step(Step{
			command: shell(fmt.Sprintf("disable '%s'", r.Table)), phase: phaseReopen, table: r.Table, Fixes: []string{ref(f)}, Regions: []string{r.Encoded},
			Why: "Puts the table back into its state.", Undo: fmt.Sprintf("enable '%s'", r.Table),
		})
		return
	}
	before := &Check{Command: b.view.list(b.view.regionDir(r)), Absent: []string{`[1-9][0-9]* .*\.regioninfo`}, About: "the folder is there, without a .regioninfo of any size"}
	if r.State == "OPEN" || r.State == "" {
		b.step(Step{
			command: shell(fmt.Sprintf("unassign '%s'", r.Encoded)), phase: phaseReopen, table: r.Table, Fixes: []string{ref(f)}, Regions: []string{r.Encoded}, precheck: before, patience: assignPatience,
			Why: "Closes the region cleanly; it is opened again by the next step. (close_region of old shells must not be used: the master would not know.)", Downtime: "this region, for seconds", Undo: fmt.Sprintf("assign '%s'", r.Encoded),
			verify: closed(r), goal: file,
		})
		before = nil
	}
	b.step(Step{
		command: shell(fmt.Sprintf("assign '%s'", r.Encoded)), phase: phaseReopen, table: r.Table, Fixes: []string{ref(f)}, Regions: []string{r.Encoded}, precheck: before, verify: file, patience: assignPatience,
		Why: "Opens the region: the region server finds no .regioninfo and writes it from the row of hbase:meta.", Risk: "none", Downtime: "this region, until it is open", Wait: "seconds",
	})
}

// closed is the check that a region is CLOSED.
func closed(r *region) *Check {
	return &Check{Command: states(r.Table), Expect: []string{literal(r.Encoded) + `.*value=CLOSED\s*$`}, About: "the region is CLOSED"}
}

// dirMissing plans a row without a folder.
func (b *builder) dirMissing(f *check.Finding) {
	r := b.region(f)
	dir := b.view.regionDir(r)
	fork := b.lostFork(r)
	if others := b.view.overlaps(r); len(others) > 0 {
		b.extras[r.Table] = append(b.extras[r.Table], r)
		b.fixes["extra "+r.Table] = append(b.fixes["extra "+r.Table], ref(f))
		return
	}
	b.step(Step{
		command: hbck2("extraRegionsInMeta", full(r.Table)), phase: phaseFolders, table: r.Table, ReadOnly: true, Fixes: []string{ref(f)}, Regions: []string{r.Encoded},
		Why: "Report only: shows the rows of the table whose folder is missing. No other region holds the range, so the row stays.", Forks: []Fork{fork},
	})
	missing := &Check{Command: b.view.list(b.view.tableDir(r.Table)), Absent: []string{literal(r.Encoded)}, About: "the folder is missing"}
	b.step(Step{
		command: hdfs("-mkdir", "-p", dir), phase: phaseFolders, table: r.Table, Fixes: []string{ref(f)}, Regions: []string{r.Encoded}, precheck: missing,
		verify: &Check{Command: b.view.list(b.view.tableDir(r.Table)), Expect: []string{literal(r.Encoded)}, About: "the folder is there"},
		Why:    "Makes the region's folder, empty. An assign alone does not: the open fails with \"Region directory does not exist\" and is retried for ever.",
		Risk:   "The range answers again, and empty: whoever reads it sees no rows where rows were.", DataLoss: "the rows of the range are lost already with the folder: restore them from archive/ or a snapshot first if they are there",
		Undo: "the folder may be removed while the region is not assigned", Downtime: "none more",
	})
	if r.State == "OPEN" {
		b.step(Step{
			command: shell(fmt.Sprintf("unassign '%s'", r.Encoded)), phase: phaseFolders, table: r.Table, Fixes: []string{ref(f)}, Regions: []string{r.Encoded}, patience: assignPatience, Downtime: "this region, for seconds",
			Why: "The region is still open without its folder: it is closed first, so that the next open makes it whole.", verify: closed(r), goal: &Check{Command: b.view.list(dir), Expect: []string{`\.regioninfo`}, About: "opened anew: .regioninfo is there"},
		})
		r.State = "CLOSED"
	}
	b.assign(r, false, ref(f))
	b.avoid("assigns alone for a region without a folder: on HBase 2.6 the open fails and is retried for ever, though HBCK2's manual says that the folder is made.")
}

// lostFork says where the files of a lost folder may still be.
func (b *builder) lostFork(r *region) Fork {
	space, plain := split(r.Table)
	archive := b.view.dir("archive", "data", space, plain, r.Encoded)
	f := Fork{
		When: "archive/ or a snapshot still holds the region's files", Ask: b.view.list(archive).Line(b.plan.options),
		Commands: []string{"after the region is open: " + (Command{HBase, []string{"completebulkload", archive, full(r.Table)}}).Line(b.plan.options)}, Why: "An empty folder hides that rows are missing; the archive keeps files for hbase.master.hfilecleaner.ttl, 5 minutes by default.",
	}
	if r.Archived > 0 {
		f.When = fmt.Sprintf("%d files of the region were in archive/ when the bundle was made: check whether they still are", r.Archived)
	}
	return f
}

// failedOpen plans by the cause that the region server logged.
func (b *builder) failedOpen(f *check.Finding) {
	r := b.region(f)
	cause := strings.ToUpper(f.Cause)
	switch {
	case strings.Contains(cause, "CORRUPT"), strings.Contains(cause, "REFERENCE"), strings.Contains(cause, "LINK"), strings.Contains(cause, "FILE_NOT_FOUND"), strings.Contains(cause, "FILENOTFOUND"):
		b.sideline(f, r)
	case strings.Contains(cause, "DIR"):
		b.dirMissing(f)
	case strings.Contains(cause, "CLASS"), strings.Contains(cause, "COPROCESSOR"), strings.Contains(cause, "CODEC"):
		b.left(f, "The open fails because a class that the table's descriptor names is not there.", fmt.Sprintf("Look at describe '%s' and the region server's log; install the class on every region server or take it out with alter. The assign that keeps retrying then succeeds.", r.Table))
	case strings.Contains(cause, "PERMISSION"), strings.Contains(cause, "ACCESS"), strings.Contains(cause, "403"), strings.Contains(cause, "THROTTL"), strings.Contains(cause, "S3"):
		b.left(f, "The storage refuses or throttles the region server.", "Mend the role or the bucket policy, or wait until the throttling ends; nothing in HBase is to be changed. The assign that keeps retrying then succeeds.")
	default:
		b.left(f, "The evidence does not tell why the open fails.", "Read the region server's log around `Failed to open region`; the assign keeps retrying and succeeds once the cause is gone, at the latest after: "+hbck2("assigns", "-o", r.Encoded).Line(b.plan.options))
	}
}

// sideline moves unreadable store files out of the way; the assign that keeps retrying then succeeds.
func (b *builder) sideline(f *check.Finding, r *region) {
	key := "filesystem " + r.Table
	b.fixes[key] = append(b.fixes[key], ref(f))
	if b.fixed[key] {
		for i := range b.plan.Steps {
			if s := &b.plan.Steps[i]; s.phase == phaseFiles && s.table == r.Table {
				s.Fixes = b.fixes[key]
				if r.Encoded != "" {
					s.Regions = append(s.Regions, r.Encoded)
					s.verify = b.opened(s.Regions, r)
				}
				if aside := b.setAside(f, r); len(s.instead) > 0 && len(aside) > 0 {
					s.instead = append(s.instead, aside...)
				} else {
					s.instead = nil // a file that is not named would stay
				}
			}
		}
		return
	}
	b.fixed[key] = true
	s := Step{
		command: hbck2("filesystem", "-f", r.Table), phase: phaseFiles, table: r.Table, Fixes: []string{ref(f)}, Destroys: true, patience: retryPatience,
		Why: "Opens every store file of the table and moves those that cannot be read to corrupt/; the assign that keeps retrying then succeeds.", Risk: "Reads every store file of the table: minutes on a big one. Files that the storage merely does not serve now would be moved too.",
		DataLoss: "the cells of the files that cannot be read are gone for readers; the files are kept under corrupt/", Downtime: "none more: the region is down already", Wait: "the retry of the open: up to minutes",
		Undo: "move the file back from " + b.view.dir("corrupt") + " while the region is closed",
	}
	s.instead = b.setAside(f, r)
	if r.Encoded != "" {
		s.Regions = []string{r.Encoded}
		s.verify = open([]*region{r})
		s.Forks = []Fork{{
			When: "the region is not OPEN five minutes after the files were moved", Ask: states(r.Table).Line(b.plan.options), Commands: []string{hbck2("assigns", "-o", r.Encoded).Line(b.plan.options)}, Why: "The retry backs off; taking the region over does not wait for it.",
		}}
	}
	b.step(s)
	b.avoid("deleting a corrupt file: sidelined, it can still be read in part with hbase hfile.")
}

// setAside moves the files that a finding names to where filesystem -f would move them, for an HBCK2 without that command.
func (b *builder) setAside(f *check.Finding, r *region) []Command {
	var out []Command
	for _, file := range f.Args.HFiles {
		if f.Args.Family == "" || r.Encoded == "" {
			return nil
		}
		_, plain := split(r.Table) // as filesystem -f names it: a colon is no part of a path
		to := b.view.dir("corrupt", plain, r.Encoded, f.Args.Family)
		out = append(out, hdfs("-mkdir", "-p", to), hdfs("-mv", b.view.regionDir(r)+"/"+f.Args.Family+"/"+file, to+"/"+file))
	}
	return out
}

// opened is the check that several regions of a table are open.
func (b *builder) opened(encoded []string, r *region) *Check {
	var all []*region
	for _, e := range encoded {
		all = append(all, &region{Table: r.Table, Encoded: e})
	}
	return open(all)
}

// missingDescriptor plans a table folder without .tabledesc.
func (b *builder) missingDescriptor(f *check.Finding) {
	dir := b.view.tableDir(f.Table)
	b.step(Step{
		command: hbck2("generateMissingTableDescriptorFile", f.Table), phase: phaseDescriptors, table: f.Table, Fixes: []string{ref(f)},
		Why:      "Writes the descriptor that the running master still remembers. After a restart it would be guessed: the defaults, and the families seen on disk.",
		Risk:     "If the master was restarted since the file was lost, settings (TTL, compression, coprocessors) are the defaults: compare describe with what was agreed.",
		precheck: &Check{Command: b.view.list(dir), Absent: []string{`\.tabledesc`}, About: "no .tabledesc"},
		verify:   &Check{Command: b.view.list(dir + "/.tabledesc"), Expect: []string{`\.tableinfo\.[0-9]{10}`}, About: ".tableinfo.0000000001 is there"}, Undo: "none needed",
	})
	b.avoid("restarting the master before the table's descriptor is written: its memory holds the only copy.")
}

// lingering plans references and links whose file is gone.
func (b *builder) lingering(f *check.Finding) { b.sideline(f, b.region(f)) }

// splitParent plans a split parent whose daughters have no row.
func (b *builder) splitParent(f *check.Finding) {
	r := b.region(f)
	b.adds[r.Table] = append(b.adds[r.Table], r)
	b.fixes["add "+r.Table] = append(b.fixes["add "+r.Table], ref(f))
}
