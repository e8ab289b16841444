package logs

import (
	"cmp"
	"context"
	"slices"
	"strings"
	"time"

	"github.com/plumbline-mcp/plumbline/internal/hbase"
)

// Moment is a line of the logs about one region.
type Moment struct {
	Time  time.Time `json:"time"` // the host's local time
	Kind  string    `json:"kind"` // open, close, move, split, merge, state, fail, stuck, retry, flush, compact, other
	Role  string    `json:"role"`
	Host  string    `json:"host"`
	Level string    `json:"level"`
	File  string    `json:"file"`
	Line  int       `json:"line"`
	Text  string    `json:"text"`
}

// Timeline is what the logs say of a region, in order.
type Timeline struct {
	Moments []Moment       `json:"moments"`
	Total   int            `json:"total"` // lines about the region
	Kinds   map[string]int `json:"kinds"`
}

// maxMoments bounds the lines that are kept of one region: a region that fails to open for a day has some thousands.
const maxMoments = 5000

// Of reads the timeline of a region over all logs. Lines of ordinary work (flush, compaction, cache settings) are left out
// unless all is set.
func Of(ctx context.Context, s *hbase.Snapshot, encoded string, all bool) (*Timeline, error) {
	out := &Timeline{Moments: []Moment{}, Kinds: map[string]int{}}
	err := s.Lines(ctx, encoded, func(f *hbase.LogFile, at hbase.At, line []byte) bool {
		e, ok := hbase.ParseLog(line)
		if !ok {
			return true // a path in a stack trace: the entry above is there
		}
		kind := kindOf(string(e.Class), string(e.Message), string(e.Level))
		if !all && (kind == "other" || kind == "flush" || kind == "compact") && e.Level[0] == 'I' {
			return true
		}
		out.Total++
		out.Kinds[kind]++
		if len(out.Moments) < 2*maxMoments {
			out.Moments = append(out.Moments, Moment{Time: e.Time, Kind: kind, Role: f.Role, Host: f.Host, Level: string(e.Level), File: f.Path, Line: at.Line, Text: cut(line, maxExample)})
		}
		return true
	})
	if err != nil {
		return nil, err
	}
	slices.SortStableFunc(out.Moments, func(a, b Moment) int {
		return cmp.Or(a.Time.Compare(b.Time), strings.Compare(a.File, b.File), cmp.Compare(a.Line, b.Line))
	})
	return out, nil
}

// kinds maps a logger and a text to what happened. The first that fits counts; "" fits any.
func kinds() []struct{ class, text, kind string } {
	return []struct{ class, text, kind string }{
		{"AssignmentManager", "STUCK", "stuck"},
		{"TransitRegionStateProcedure", "Retry=", "retry"},
		{"TransitRegionStateProcedure", "Failed transition", "retry"},
		{"CatalogJanitor", "", "report"},
		{"", "SplitTableRegionProcedure", "split"},
		{"", " split ", "split"},
		{"", "splitting", "split"},
		{"", "MergeTableRegionsProcedure", "merge"},
		{"", "merge regions", "merge"},
		{"HMaster", "move ", "move"},
		{"HMaster", "balance", "move"},
		{"RegionStateStore", "updating hbase:meta", "state"},
		{"", "Failed", "fail"},
		{"", "ailure", "fail"},
		{"", "Could not", "fail"},
		{"AssignRegionHandler", "Open", "open"},
		{"HRegion", "Opened", "open"},
		{"", "Post open deploy", "open"},
		{"HRegion", "Closing", "close"},
		{"HRegion", "Closed", "close"},
		{"UnassignRegionHandler", "", "close"},
		{"TransitRegionStateProcedure", "UNASSIGN", "close"},
		{"TransitRegionStateProcedure", "REOPEN", "move"},
		{"TransitRegionStateProcedure", "MOVE", "move"},
		{"TransitRegionStateProcedure", "ASSIGN", "open"},
		{"", "Rewriting .regioninfo", "mend"},
		{"HRegion", "creating {", "create"},
		{"", "lush", "flush"},
		{"", "ompact", "compact"},
		{"", "archiv", "archive"},
	}
}

func kindOf(class, text, level string) string {
	for _, k := range kinds() {
		if (k.class == "" || k.class == class) && strings.Contains(text, k.text) {
			return k.kind
		}
	}
	if level == "ERROR" || level == "FATAL" {
		return "fail"
	}
	return "other"
}
