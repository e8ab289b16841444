package check

import (
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/plumbline-mcp/plumbline/internal/finding"
	"github.com/plumbline-mcp/plumbline/internal/hbase"
)

// tableProcedure reports whether the master's log shows a procedure of a table at work at its end.
func (r *run) tableProcedure(table, kind string) bool {
	for _, e := range r.Logs.By(hbase.SigTableProcedure) {
		if e.Table == table && e.Detail == kind && e.State == "RUNNING" && r.Logs.Last.Sub(e.Last) < recoveryTime {
			return true
		}
	}
	return false
}

// ofTable makes a finding about a table.
func (r *run) ofTable(t Type, sev finding.Severity, table, summary string) Finding {
	f := Finding{Type: t, Severity: sev, Table: table, Bytes: -1, Rows: -1, Confidence: high, Summary: summary, DataLoss: "none", Args: Args{Path: r.TablePath(table), Row: table}}
	if s := r.Meta.Tables[table]; s != nil {
		f.Args.TableState, f.State = s.State, s.State
		f.meta(r, s.At)
	}
	if d := r.Listing.TableDirs[table]; d != nil {
		f.paths(r, d.At)
	}
	for _, code := range []string{"ORPHAN_TABLE_STATE", "NO_TABLE_STATE"} {
		for _, e := range r.codes[code] {
			if e.Table == table {
				f.hbck(r, e.At)
			}
		}
	}
	return f
}

func tableStateStuck() Rule {
	return Rule{
		ID: "table-state-stuck", Type: TableStateStuck,
		Doc: "A table that is ENABLING or DISABLING while no procedure of the master's log works on it.",
		find: func(r *run) []Finding {
			var out []Finding
			for _, name := range slices.Sorted(maps.Keys(r.Meta.Tables)) {
				t := r.Meta.Tables[name]
				kind := map[string]string{"ENABLING": "Enable", "DISABLING": "Disable"}[t.State]
				if kind == "" || r.tableProcedure(name, kind) || r.tableProcedure(name, "Create") {
					continue
				}
				f := r.ofTable(TableStateStuck, finding.High, name, fmt.Sprintf("table %s is %s, and no procedure works on it", name, t.State))
				f.seen(t.Time)
				out = append(out, f)
			}
			return out
		},
	}
}

func orphanTableState() Rule {
	return Rule{
		ID: "orphan-table-state", Type: OrphanTableState,
		Doc: "A table's row in hbase:meta without a directory and without a row of a region.",
		find: func(r *run) []Finding {
			var out []Finding
			if !r.Whole(hbase.ArtefactPaths) {
				return nil
			}
			for _, name := range slices.Sorted(maps.Keys(r.Meta.Tables)) {
				if r.Listing.TableDirs[name] != nil || name == hbase.MetaTable || !r.known(name) || r.anyRow(name) || r.tableProcedure(name, "Create") || r.tableProcedure(name, "Delete") {
					continue
				}
				out = append(out, r.ofTable(OrphanTableState, finding.Medium, name, fmt.Sprintf("hbase:meta has the state of table %s (%s), which has neither a directory nor regions", name, r.Meta.Tables[name].State)))
			}
			return out
		},
	}
}

func (r *run) anyRow(table string) bool {
	return slices.ContainsFunc(r.Meta.Regions, func(m *hbase.Region) bool { return m.Table == table })
}

func noTableState() Rule {
	return Rule{
		ID: "no-table-state", Type: NoTableState,
		Doc: "A table's directory with regions, or rows of its regions, and no row with table:state. Not hbase:meta, not what is left of a dropped table, not a table that came to be after the scan.",
		find: func(r *run) []Finding {
			if len(r.Meta.Tables) == 0 || r.Meta.Limited != "" || !r.Usable(hbase.ArtefactMeta) {
				return nil
			}
			names := map[string]bool{}
			for name, d := range r.Listing.TableDirs {
				if !d.Temporary && (d.Regions > 0 || len(d.Descriptors) > 0) && !r.onlyLeftovers(name) {
					names[name] = true
				}
			}
			for _, name := range r.tables() {
				names[name] = true
			}
			var out []Finding
			for _, name := range slices.Sorted(maps.Keys(names)) {
				if r.Meta.Tables[name] != nil || name == hbase.MetaTable || !r.known(name) || r.fresh(name) || strings.HasPrefix(name, ".") {
					continue
				}
				f := r.ofTable(NoTableState, finding.Medium, name, fmt.Sprintf("table %s has no state in hbase:meta", name))
				for _, m := range r.Meta.Chain(name)[:min(1, len(r.Meta.Chain(name)))] {
					f.meta(r, m.At)
				}
				out = append(out, f)
			}
			return out
		},
	}
}

// fresh reports whether a table came to be, or went, while the sources were taken.
func (r *run) fresh(table string) bool {
	if r.tableProcedure(table, "Create") || r.tableProcedure(table, "Delete") {
		return true
	}
	for _, e := range r.Logs.By(hbase.SigTableProcedure) {
		if e.Table == table && (e.Detail == "Create" || e.Detail == "Delete") && e.Last.After(r.Meta.Newest.Add(slack)) && !r.anyRow(table) {
			return true
		}
	}
	return false
}
