package check

import (
	"slices"

	"github.com/plumbline-mcp/plumbline/internal/hbase"
)

// reports adds the lines of hbck with one of the codes, and the rows of the master's page, that name the finding's region.
func (f *Finding) reports(r *run, codes ...string) {
	for _, e := range r.errors[f.Region] {
		if slices.Contains(codes, e.Code) {
			f.hbck(r, e.At)
		}
	}
	for _, e := range r.pages[f.Region] {
		switch e.Section {
		case hbase.PageHoles, hbase.PageOverlaps: // of a neighbour, too: their own rules quote them
		default:
			f.page(r, e.At)
		}
	}
}
