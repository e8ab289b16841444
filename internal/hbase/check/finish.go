package check

import (
	"context"
	"fmt"
	"slices"
	"strings"

	"github.com/plumbline-mcp/plumbline/internal/hbase"
)

// finish adds what each artefact says of a finding.
func (r *run) finish(f *Finding) {
	for _, name := range []string{hbase.ArtefactMeta, hbase.ArtefactPaths, hbase.ArtefactHbck, hbase.ArtefactPage, hbase.ArtefactLogs} {
		f.Says = append(f.Says, r.says(f, name))
	}
	for _, name := range []string{hbase.ArtefactMeta, hbase.ArtefactPaths} {
		if r.Artefact(name).Verdict == hbase.Partial && f.Confidence == high && f.Type != EvidenceIncomplete {
			f.Confidence = medium
		}
	}
	if f.Evidence == nil {
		f.Evidence = []Evidence{}
	}
}

func (r *run) says(f *Finding, name string) Says {
	a := r.Artefact(name)
	s := Says{Artefact: name, Verdict: Silent}
	switch {
	case a.Verdict == hbase.Absent:
		s.Verdict, s.Text = Unread, a.Why
	case slices.ContainsFunc(f.Evidence, func(e Evidence) bool { return e.Artefact == name }):
		s.Verdict = Agree
	case name == hbase.ArtefactHbck:
		r.hbckSays(f, &s)
	case name == hbase.ArtefactPage:
		s.Text = r.pageSays(f)
	}
	return s
}

// hbckSays tells what hbck's silence is worth.
func (r *run) hbckSays(f *Finding, s *Says) {
	h := r.Hbck
	switch {
	case f.Type == MissingDescriptor:
		s.Text = "hbck of HBase 2 does not notice a missing descriptor"
	case f.Type == NotDeployed && f.Region != "" && len(h.Deployed(f.Region)) > 0, f.Type == RegionDirMissing && strings.Contains(f.State, "OPEN") && len(h.Deployed(f.Region)) == 0 && h.Status == "OK":
		s.Verdict, s.Text = Contradict, "hbck saw it open on "+strings.Join(h.Deployed(f.Region), ", ")
		if len(h.Deployed(f.Region)) == 0 {
			s.Text = "Status: OK"
		}
	case h.InFlux > 0:
		s.Text = fmt.Sprintf("%d tables were in flux: hbck skips what changed in the last 60 s (-timelag)", h.InFlux)
	case h.Status == "OK":
		s.Text = "Status: OK, which proves nothing alone: hbck skips what changed in the last 60 s (-timelag)"
	}
}

// pageSays tells why the master's report is silent where it cannot know.
func (r *run) pageSays(f *Finding) string {
	switch f.Type {
	case MissingRegioninfo, MissingDescriptor, LingeringReference, LingeringHFileLink, TableStateStuck, RegioninfoMismatch:
		return "the master's inspections do not look at this"
	case RegionDirMissing:
		if f.State == "OPEN" {
			return "the master's inspections look at folders of open regions by name only"
		}
	default:
	}
	return ""
}

// quote reads the lines of all evidence again.
func quote(ctx context.Context, s *hbase.Snapshot, out *Report) error {
	var places []hbase.Place
	var targets []*Evidence
	take := func(list []Evidence) {
		for i := range list {
			if len(places) < maxQuotes {
				places = append(places, hbase.Place{File: list[i].File, At: list[i].at})
				targets = append(targets, &list[i])
			}
		}
	}
	for i := range out.Findings {
		take(out.Findings[i].Evidence)
	}
	for i := range out.Signals {
		take(out.Signals[i].Evidence)
	}
	texts, err := s.Quote(ctx, places)
	if err != nil {
		return fmt.Errorf("check: %w", err)
	}
	for i, t := range texts {
		targets[i].Text = t
	}
	return nil
}

// maxQuotes bounds the lines that are read again: a cluster whose every region is on an unknown server has a finding for
// each, and nobody reads a hundred thousand quotes.
const maxQuotes = 20_000
