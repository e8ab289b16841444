package repair

import (
	"fmt"
	"slices"
	"strings"

	"github.com/plumbline-mcp/plumbline/internal/hbase/check"
)

// unknownServer gathers servers that hbase:meta names and that are not there.
func (b *builder) unknownServer(f *check.Finding) {
	servers := f.Servers
	if f.Server != "" {
		servers = []string{f.Server}
	}
	b.unknown = unique(append(b.unknown, servers...))
	b.fixes["servers"] = append(b.fixes["servers"], ref(f))
}

// flushServers writes the recovery of unknown servers.
func (b *builder) flushServers() {
	if len(b.fixes["servers"]) == 0 {
		return
	}
	c := hbck2("recoverUnknown")
	fork := ""
	switch {
	case !gateRecoveries.allows(b.view.version):
		b.plan.Left = append(b.plan.Left, Left{Finding: strings.Join(unique(b.fixes["servers"]), "; "), Why: "HBase " + b.view.text + " knows neither recoverUnknown nor scheduleRecoveries.", Next: "Restart the master: it then recovers servers whose WALs are still there; or upgrade."})
		return
	case len(b.unknown) > 0 && (!gateRecoverUnknown.allows(b.view.version) || b.view.homeless()):
		c = hbck2(append([]string{"scheduleRecoveries"}, b.unknown...)...)
	case len(b.unknown) > 0:
		fork = hbck2(append([]string{"scheduleRecoveries"}, b.unknown...)...).Line(b.plan.options)
	}
	gone := &Check{Command: shell("scan 'hbase:meta', {COLUMN => ['info:sn', 'info:state']}"), About: "no row names such a server"}
	var kept []string
	for _, sn := range b.unknown {
		gone.Absent = append(gone.Absent, "column=info:sn, .*value="+literal(sn)+`\s*$`)
		if b.view.wals[sn] {
			kept = append(kept, sn)
		}
	}
	loss := "edits that were in the memory of those servers and in no WAL: the listing shows no WALs of them"
	if len(kept) > 0 {
		loss = fmt.Sprintf("none: the WALs of %s are there and are replayed", strings.Join(kept, ", "))
	}
	if b.view.s3 {
		loss += "; with the root on S3 the WALs are on the cluster's HDFS, which is gone with a former cluster"
	}
	before := &Check{Command: shell("status 'simple'"), Expect: []string{`live servers`}, About: "none of these servers is live"}
	for _, sn := range b.unknown {
		before.Absent = append(before.Absent, serverLine(sn))
	}
	s := Step{
		command: c, phase: phaseServers, Fixes: unique(b.fixes["servers"]), precheck: before, verify: gone, patience: serverPatience, Downtime: "none more: the regions of those servers answer nothing until recovered", DataLoss: loss,
		Why:  "Makes the master recover the servers that hbase:meta names and that it does not know: their WALs are split and their regions assigned to living servers.",
		Risk: "A server that is alive but unknown to this master would lose its regions: see that no second cluster uses this root directory.", Wait: "until the regions are open; splitting logs takes minutes", Undo: none,
	}
	if fork != "" {
		s.Forks = []Fork{{When: "it fails with a NullPointerException on serverName, or only some of the servers shall be recovered", Ask: shell("status 'simple'").Line(b.plan.options), Commands: []string{fork}, Why: "scheduleRecoveries names the servers."}}
	}
	b.step(s)
	if b.view.homeless() {
		b.avoid("recoverUnknown while a region's row names no server at all: HBase 2.6 fails on it (NullPointerException in expireServer) and recovers none; scheduleRecoveries names the servers.")
	}
	b.avoid("recovering servers while a region loops in OPENING: take away the cause first, or it goes on looping.")
}

// serverLine matches the line of a live server in status 'simple': host:port startcode.
func serverLine(sn string) string {
	parts := strings.Split(sn, ",")
	if len(parts) != 3 {
		return literal(sn)
	}
	return literal(parts[0]+":"+parts[1]+" "+parts[2]) + `\s*$`
}

// multiDeployed plans a region that two servers hold.
func (b *builder) multiDeployed(f *check.Finding) {
	r := b.region(f)
	wrong := slices.DeleteFunc(slices.Clone(f.Servers), func(sn string) bool { return sn == r.Server })
	who := strings.Join(wrong, " and ")
	if who == "" {
		who = "each server that hbase:meta does not name"
	}
	b.step(Step{
		command: Command{Hand, []string{"sudo systemctl restart hbase-regionserver"}}, phase: phaseHeal, table: r.Table, Fixes: []string{ref(f)}, Regions: []string{r.Encoded},
		Why: "On the host of " + who + ": that server holds the region though hbase:meta gives it to " + orUnknown(r.Server) + ". Restarting it ends the second copy; its other regions move.", Downtime: "the regions of that server, for a minute",
		Risk: "Both copies took writes: compare the rows of the range afterwards.", DataLoss: "edits of the second copy may hide behind or be hidden by those of the first", Wait: "until the server's crash is handled", Undo: none,
		verify: open([]*region{r}), patience: serverPatience,
		Forks: []Fork{{When: "the region is open nowhere afterwards", Ask: states(r.Table).Line(b.plan.options), Commands: []string{hbck2("assigns", r.Encoded).Line(b.plan.options)}, Why: "Then nobody holds it."}},
	})
}

func orUnknown(s string) string {
	if s == "" {
		return "no server"
	}
	return s
}

// serverMismatch waits: the master closes a region that the wrong server reports.
func (b *builder) serverMismatch(f *check.Finding) {
	r := b.region(f)
	b.step(Step{
		command: Command{HDFS, []string{"-ls", b.view.regionDir(r)}}, phase: phaseHeal, table: r.Table, Fixes: []string{ref(f)}, Regions: []string{r.Encoded}, ReadOnly: true, verify: open([]*region{r}), patience: assignPatience,
		Why: "Nothing is to be changed: the master closes a region that another server reports than hbase:meta names. The look at its folder only shows that its files are there.", Wait: "one report of the region servers, a few seconds",
		Forks: []Fork{{When: "the region is open nowhere afterwards", Ask: states(r.Table).Line(b.plan.options), Commands: []string{hbck2("assigns", r.Encoded).Line(b.plan.options)}, Why: "The wrong copy was closed and none opened."}},
	})
}

// ghost is a region that a server holds without row and folder.
func (b *builder) ghost(f *check.Finding) {
	b.left(f, "A region server holds a region that has neither row nor folder; the master tells it to close it at its next report.", "Collect again in a few minutes; if it is still there, restart "+orUnknown(strings.Join(f.Servers, ", "))+".")
}

// masterNotInitialized brings up hbase:meta, then hbase:namespace, then the servers' regions.
func (b *builder) masterNotInitialized(f *check.Finding) {
	meta := &Check{Command: shell("scan 'hbase:meta', {LIMIT => 1}"), Expect: []string{`column=`}, About: "hbase:meta answers", Limit: startingLimit}
	up := &Check{Command: shell("list_namespace"), Expect: []string{`row\(s\)`}, About: "the master is initialised", Limit: startingLimit}
	loss := "edits of hbase:meta that were only in lost WALs: tables made or dropped since the last flush"
	s := Step{
		command: hbck2("-s", "assigns", "-o", metaRegion), phase: phaseMaster, Fixes: []string{ref(f)}, Regions: []string{metaRegion}, verify: meta, patience: masterPatience, Downtime: "the whole cluster is down until the master is initialised", DataLoss: loss,
		Why:  "The master waits for hbase:meta and no crash procedure is bringing it up. -s leaves out the version check, which a master that is still starting refuses; -o takes the region over whatever its state.",
		Risk: "If WALs of hbase:meta's last server are still there, they are not replayed by this.", Wait: "up to a minute: the master looks again in growing intervals", Undo: none,
	}
	if sn := f.Server; sn != "" {
		s.Forks = append(s.Forks, Fork{
			When: "WALs of " + sn + " are still there", Ask: b.view.list(b.view.dir("WALs")).Line(b.plan.options),
			Commands: []string{hbck2("-s", "scheduleRecoveries", sn).Line(b.plan.options)}, Why: "Recovering the server replays its WALs, hbase:meta's edits among them, and then opens hbase:meta.",
		})
	}
	s.Forks = append(s.Forks, Fork{
		When: "the log says ServerCrashProcedures=true", Ask: "grep 'is NOT online' on the master's log", Commands: []string{"wait: a crash procedure is bringing the region up"}, Why: "Taking the region from it loses the edits it replays.",
	})
	b.step(s)
	b.namespaceStep(f, up)
	b.step(Step{
		command: hbck2("recoverUnknown"), phase: phaseMaster, Fixes: []string{ref(f)}, precheck: up, patience: serverPatience, Downtime: "user regions answer nothing until recovered", DataLoss: "edits that were only in lost WALs",
		Why: "The regions of users still name servers of before the restart; the master recovers them now that it runs.", Wait: "until the regions are open", Risk: none, Undo: none,
		verify: &Check{
			Command: Command{Hbck1, []string{"-details", "-timelag", "0"}}, Expect: []string{`^Status: `}, Absent: []string{`Found unknown server`, `not deployed on any region server`}, About: "no region is on an unknown server or none",
		},
	})
	b.avoid("deleting MasterData or the procedures' store, and OfflineMetaRepair: both lose what could still be recovered; they are the last resort after two tries of this plan.")
	b.plan.Warnings = append(b.plan.Warnings, "The cluster could not be looked at while its master was starting: collect again after the last step, and plan anew from that bundle.")
}

// namespaceStep brings up hbase:namespace, for which the master waits next. HBase 3 has none.
func (b *builder) namespaceStep(f *check.Finding, up *Check) {
	if b.view.system == "" {
		b.plan.Warnings = append(b.plan.Warnings, "After hbase:meta the master may wait for another region, hbase:namespace: its log names it (`is NOT online`). Assign it by the same command with its encoded name.")
		return
	}
	b.step(Step{
		command: hbck2("-s", "assigns", "-o", b.view.system), phase: phaseMaster, Fixes: []string{ref(f)}, Regions: []string{b.view.system}, verify: up, patience: masterPatience, Downtime: "the whole cluster, until the master is initialised",
		Why: "The region of hbase:namespace: the master's start waits for it next, its log names it.", Risk: "If the log names another region, assign that one.", Wait: "up to a minute: the master looks again in growing intervals", Undo: none,
	})
}

func (b *builder) noVersionFile(f *check.Finding) {
	b.step(Step{
		command: hbck2("filesystem", "-f"), phase: phaseMaster, Fixes: []string{ref(f)}, verify: &Check{Command: b.view.list(b.view.dir("")), Expect: []string{`hbase\.version`}, About: "hbase.version is there"},
		Why: "Writes hbase.version anew: without it no master starts. It needs the file system only.", Risk: "Checks all store files too: minutes on a big root directory.",
	})
}

func (b *builder) replication(f *check.Finding) {
	args := []string{"replication", "-f"}
	if f.Table != "" {
		args = append(args, f.Table)
	}
	b.step(Step{command: hbck2(args...), phase: phaseFiles, table: f.Table, Fixes: []string{ref(f)}, Destroys: true, Why: "Removes replication barriers and queues that no peer reads any more.", Risk: "A peer that is merely paused loses what it had not read: look at list_peers first.", DataLoss: "edits not yet replicated to a removed peer"})
}

func (b *builder) regioninfoMismatch(f *check.Finding) {
	look := hbck2("regionInfoMismatch")
	b.step(Step{
		command: hbck2("regionInfoMismatch", "-f"), phase: phaseBadRows, table: f.Table, Fixes: []string{ref(f)}, precheck: &Check{Command: look, Expect: []string{literal(f.Region)}, About: "lists the region"},
		Why: "Writes info:regioninfo anew so that it agrees with its row's key; other commands of HBCK2 fail on such rows.", Risk: "Mostly harmless where it is seen; needs HBCK2 1.2.0 or later.", Undo: "put the cell back from the bundle's scan of hbase:meta",
	})
}
