package local

import (
	"context"
	"fmt"
	"slices"
	"strconv"
	"strings"

	"github.com/plumbline-mcp/plumbline/internal/engine"
	"github.com/plumbline-mcp/plumbline/internal/engine/local/duck"
	"github.com/plumbline-mcp/plumbline/internal/record"
)

// dropRepeated makes spans count once that several files hold: of spans with the same traceId and spanId the one of the first file
// stays, documents of OpenSearch before OTLP exports, which carry less (no traceGroup). Files whose times do not overlap cannot
// repeat each other and are not compared.
func (s *snapshot) dropRepeated(ctx context.Context, conn *duck.Conn, groups map[string][]member) error {
	name := string(engine.Spans)
	members := split(groups[name])
	if len(members) < 2 {
		return nil
	}
	slices.SortStableFunc(members, func(a, b member) int { return a.priority() - b.priority() })
	for i := 1; i < len(members); i++ {
		m := &members[i]
		var before []string
		for k := range members[:i] {
			if o := &members[k]; m.overlaps(o) {
				before = append(before, fmt.Sprintf("SELECT hash(traceId, spanId) AS h FROM %s%s", o.from, where(o.conditions())))
			}
		}
		if len(before) == 0 || !m.has("traceId", "spanId") {
			continue
		}
		if err := s.compare(ctx, conn, m, before); err != nil {
			return err
		}
	}
	members = slices.DeleteFunc(members, func(m member) bool { return m.drop == nothing })
	slices.SortStableFunc(members, func(a, b member) int { return a.ord - b.ord })
	groups[name] = members
	return nil
}

// split gives each file of a pack a member of its own, so that files are compared one by one.
func split(members []member) []member {
	var out []member
	for _, m := range members {
		if !m.has("traceId", "spanId") || len(m.stats) < 2 {
			out = append(out, m)
			continue
		}
		for _, f := range m.stats {
			out = append(out, m.cut([]string{f.name}))
		}
	}
	return out
}

func (m *member) has(names ...string) bool {
	for _, n := range names {
		if !slices.ContainsFunc(m.stored.Columns, func(c storedColumn) bool { return c.Name == n }) {
			return false
		}
	}
	return true
}

func (m *member) priority() int {
	if len(m.stats) > 0 && m.stats[0].format == record.FormatOTLP {
		return 1
	}
	return 0
}

func (m *member) overlaps(o *member) bool {
	if !o.has("traceId", "spanId") {
		return false
	}
	for _, a := range m.stats {
		for _, b := range o.stats {
			if a.name != b.name && !a.End.Before(b.Start) && !b.End.Before(a.Start) {
				return true
			}
		}
	}
	return false
}

func where(conds []string) string {
	if len(conds) == 0 {
		return ""
	}
	return " WHERE " + strings.Join(conds, " AND ")
}

// nothing is the condition of a member whose rows are all repeated.
const nothing = "false"

// compare finds the member's rows that the members before it hold, and drops them: all, or those listed in a table.
func (s *snapshot) compare(ctx context.Context, conn *duck.Conn, m *member, before []string) error {
	list := s.schema + "." + duck.Ident("_repeated_"+strconv.Itoa(m.ord)+"_"+m.stats[0].name)
	union := strings.Join(before, " UNION ALL ")
	err := conn.Exec(ctx, fmt.Sprintf("CREATE TABLE %s AS SELECT rowid AS r FROM %s%s", list, m.from,
		where(append(m.conditions(), "hash(traceId, spanId) IN ("+union+")"))))
	if err != nil {
		return fmt.Errorf("open source: compare spans: %w", err)
	}
	repeated, err := one(ctx, conn, "SELECT count(*) FROM "+list)
	if err != nil {
		return err
	}
	total, err := one(ctx, conn, "SELECT count(*) FROM "+m.from+where(m.conditions()))
	if err != nil {
		return err
	}
	name := m.stats[0].name
	switch repeated {
	case 0:
		return nil
	case total:
		m.drop = nothing
		s.repeats = append(s.repeats, fmt.Sprintf("all %d spans of %s are also in other files and count once", total, name))
	default:
		m.drop = "rowid NOT IN (SELECT r FROM " + list + ")"
		s.repeats = append(s.repeats, fmt.Sprintf("%d of %d spans of %s are also in other files and count once", repeated, total, name))
	}
	return nil
}

// one runs a query that answers one number.
func one(ctx context.Context, conn *duck.Conn, sql string) (int64, error) {
	r, err := conn.Query(ctx, sql)
	if err != nil {
		return 0, fmt.Errorf("open source: %w", err)
	}
	defer r.Close()
	row := make([]any, 1)
	if err := r.Next(row); err != nil {
		return 0, fmt.Errorf("open source: %w", err)
	}
	n, _ := row[0].(int64)
	return n, nil
}
