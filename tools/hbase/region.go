package hbase

import (
	"context"
	"fmt"
	"io"
	"slices"
	"strings"
	"time"

	"github.com/plumbline-mcp/plumbline/internal/fault"
	"github.com/plumbline-mcp/plumbline/internal/hbase"
	"github.com/plumbline-mcp/plumbline/internal/hbase/check"
	"github.com/plumbline-mcp/plumbline/internal/hbase/logs"
	"github.com/plumbline-mcp/plumbline/tools"
)

// Bounds of one region's story.
const (
	defaultMoments = 60
	maxMoments     = 1000
	maxFiles       = 50
)

type regionInput struct {
	Bundle string `json:"bundle" jsonschema:"directory, .tar.gz, .zip or s3:// of a bundle"`
	Region string `json:"region" jsonschema:"encoded (32 hex digits) or full region name"`
	All    bool   `json:"all,omitempty" jsonschema:"log lines of ordinary work too"`
	Limit  int    `json:"limit,omitempty" jsonschema:"log lines, default 60, the newest"`
}

// Validate checks the name and the bounds.
func (in regionInput) Validate() error {
	if hbase.EncodedOf(in.Region) == "" {
		return fault.WithHint(fault.New(fault.InvalidArgument, "region %.100q is no region name", in.Region), "Give the encoded name, 32 hex digits, or table,startkey,id.encoded. in full.")
	}
	if in.Limit < 0 || in.Limit > maxMoments {
		return fault.New(fault.InvalidArgument, "limit %d: want 0 to %d", in.Limit, maxMoments)
	}
	return nil
}

// metaRow is what hbase:meta says of the region.
type metaRow struct {
	Row      string     `json:"row"`
	Table    string     `json:"table"`
	Start    string     `json:"start"`
	End      string     `json:"end"`
	HasInfo  bool       `json:"has_regioninfo"`
	State    string     `json:"state"`
	Since    *time.Time `json:"since,omitempty"` // of the state, the shell's local time
	Server   string     `json:"server"`          // last opened on
	SN       string     `json:"sn"`              // holder or target
	Split    bool       `json:"split,omitempty"`
	Offline  bool       `json:"offline,omitempty"`
	Daughter []string   `json:"daughters,omitempty"`
	Merges   []string   `json:"merge_parents,omitempty"`
	File     string     `json:"file"`
	Line     int        `json:"line"`
}

// folder is what the listing says of it.
type folder struct {
	Path       string   `json:"path"`
	Regioninfo int64    `json:"regioninfo_bytes"` // -1: none
	Families   []string `json:"families"`
	Files      []string `json:"files"`
	Total      int      `json:"total_files"`
	Bytes      int64    `json:"bytes"`
	Archived   bool     `json:"archived,omitempty"`
	File       string   `json:"file"`
	Line       int      `json:"line"`
}

type regionOutput struct {
	Region     string          `json:"region"`
	Meta       *metaRow        `json:"meta,omitempty"`
	Folders    []folder        `json:"folders"`
	Deployed   []string        `json:"deployed"` // by hbck
	Hbck       []string        `json:"hbck"`     // its ERROR lines
	Page       []string        `json:"page"`     // sections of the master's report
	MergedInto string          `json:"merged_into,omitempty"`
	SplitFrom  string          `json:"split_from,omitempty"`
	Neighbours []string        `json:"neighbours"` // before and after it in the chain
	Findings   []check.Finding `json:"findings"`
	Timeline   logs.Timeline   `json:"timeline"`
}

func regionTool(d Deps) tools.Tool {
	return tools.New(tools.Spec{
		Name: "hbase_region", Title: "One HBase region's story", Toolset: "hbase",
		Description: "Everything a bundle says of one region: its row in hbase:meta, its files, hbck and the master's report, its neighbours, findings, and its timeline over master and region server logs in order (opened, closed, moved, split, failed).",
	}, func(ctx context.Context, in regionInput) (*regionOutput, error) {
		enc := hbase.EncodedOf(in.Region)
		out := &regionOutput{Region: enc, Folders: []folder{}, Deployed: []string{}, Hbck: []string{}, Page: []string{}, Neighbours: []string{}, Findings: []check.Finding{}}
		err := d.checked(ctx, in.Bundle, hbase.ReadOptions{}, func(s *hbase.Snapshot, r *check.Report) error {
			t, err := logs.Of(ctx, s, enc, in.All)
			if err != nil {
				return err
			}
			out.Timeline = *t
			out.gather(s, r)
			if out.Meta == nil && len(out.Folders) == 0 && t.Total == 0 && len(out.Hbck) == 0 && len(out.Page) == 0 {
				return fault.WithHint(fault.New(fault.NotFound, "region %s is nowhere in the bundle", enc), "hbase_check lists the regions with findings.")
			}
			return nil
		})
		if err != nil {
			return nil, err
		}
		limit := in.Limit
		if limit == 0 {
			limit = defaultMoments
		}
		m := out.Timeline.Moments
		out.Timeline.Moments = m[max(0, len(m)-limit):]
		return out, nil
	})
}

// gather fills in what the sources other than logs say.
func (o *regionOutput) gather(s *hbase.Snapshot, r *check.Report) {
	if m := s.Meta.Region(o.Region); m != nil {
		o.Meta = &metaRow{
			Row: m.Row, Table: m.Table, Start: hbase.FormatBinary(m.Start), End: hbase.FormatBinary(m.End), HasInfo: m.HasInfo, State: m.State, Server: m.Server, SN: m.SN,
			Split: m.Split, Offline: m.Offline, Merges: m.Merges, File: s.Meta.File, Line: m.At.Line,
		}
		if !m.StateTime.IsZero() {
			o.Meta.Since = &m.StateTime
		}
		for _, e := range []string{m.SplitA, m.SplitB} {
			if e != "" {
				o.Meta.Daughter = append(o.Meta.Daughter, e)
			}
		}
		chain := s.Meta.Chain(m.Table)
		if i := slices.Index(chain, m); i >= 0 {
			for _, k := range []int{i - 1, i + 1} {
				if k >= 0 && k < len(chain) {
					o.Neighbours = append(o.Neighbours, chain[k].Name)
				}
			}
		}
	}
	if f := s.Listing.Folder(o.Region); f != nil {
		o.Folders = append(o.Folders, folderOf(s, f, false))
	}
	if f := s.Listing.Archived[o.Region]; f != nil {
		o.Folders = append(o.Folders, folderOf(s, f, true))
	}
	if m := s.Meta.MergedInto(o.Region); m != nil {
		o.MergedInto = m.Name
	}
	if m := s.Meta.DaughterOf(o.Region); m != nil {
		o.SplitFrom = m.Name
	}
	o.reports(s)
	for i := range r.Findings {
		if f := &r.Findings[i]; f.Region == o.Region || slices.Contains(f.Others, o.Region) {
			o.Findings = append(o.Findings, *f)
		}
	}
}

func folderOf(s *hbase.Snapshot, f *hbase.Folder, archived bool) folder {
	out := folder{Path: s.FullPath(f.Path), Regioninfo: f.Info, Families: f.Families, Total: len(f.Files), Bytes: f.Bytes, Archived: archived, File: s.Listing.File, Line: f.At.Line, Files: []string{}}
	for _, h := range f.Files[:min(len(f.Files), maxFiles)] {
		out.Files = append(out.Files, fmt.Sprintf("%s/%s %d bytes", h.Family, h.Name, h.Size))
	}
	return out
}

func (o *regionOutput) reports(s *hbase.Snapshot) {
	o.Deployed = append(o.Deployed, s.Hbck.Deployed(o.Region)...)
	if s.Hbck != nil {
		for _, e := range s.Hbck.Errors {
			if e.Encoded == o.Region && len(o.Hbck) < maxFiles {
				o.Hbck = append(o.Hbck, fmt.Sprintf("%s:%d %s", s.Hbck.File, e.At.Line, e.Text))
			}
		}
	}
	if s.Page != nil {
		for _, e := range s.Page.Entries {
			if (hbase.EncodedOf(e.Region) == o.Region || hbase.EncodedOf(e.Other) == o.Region) && len(o.Page) < maxFiles {
				o.Page = append(o.Page, fmt.Sprintf("%s (%s:%d)", e.Section, s.Page.File, e.At.Line))
			}
		}
	}
}

// WriteText writes row, files, reports, findings and the timeline.
func (o *regionOutput) WriteText(w io.Writer) {
	o.writeState(w)
	for i := range o.Findings {
		writeFinding(w, &o.Findings[i])
	}
	fmt.Fprintf(w, "%d log lines of it", o.Timeline.Total)
	if n := len(o.Timeline.Moments); n < o.Timeline.Total {
		fmt.Fprintf(w, ", the newest %d", n)
	}
	fmt.Fprintln(w)
	var b strings.Builder
	for _, m := range o.Timeline.Moments {
		fmt.Fprintf(&b, "%s %-5s %s %s: %s\n", m.Time.UTC().Format("2006-01-02T15:04:05.000Z"), m.Kind, m.Role, m.Host, tools.Cut(messageOf(m.Text), textChars))
	}
	if b.Len() > 0 {
		tools.Block(w, "timeline", b.String())
	}
}

// messageOf leaves the time out that stands before it already.
func messageOf(line string) string {
	if i := strings.Index(line, "] "); i > 0 {
		return line[i+2:]
	}
	return line
}

func (o *regionOutput) writeState(w io.Writer) {
	fmt.Fprintf(w, "region %s: ", o.Region)
	if m := o.Meta; m != nil {
		fmt.Fprintf(w, "%s, keys %q to %q, state %s since %s, sn %s (%s:%d)\n", tools.Line(m.Table), tools.Line(m.Start), tools.Line(m.End), tools.Line(orUnknown(m.State)), stamp(m.Since), tools.Line(orUnknown(m.SN)), m.File, m.Line)
		if !m.HasInfo {
			fmt.Fprintln(w, "its row has no info:regioninfo")
		}
		if m.Split {
			fmt.Fprintf(w, "a split parent of %s\n", strings.Join(m.Daughter, ", "))
		}
		if len(m.Merges) > 0 {
			fmt.Fprintf(w, "merged of %s\n", strings.Join(m.Merges, ", "))
		}
	} else {
		fmt.Fprintln(w, "no row in hbase:meta")
	}
	if o.MergedInto != "" {
		fmt.Fprintf(w, "merged into %s\n", tools.Line(o.MergedInto))
	}
	if o.SplitFrom != "" {
		fmt.Fprintf(w, "split from %s\n", tools.Line(o.SplitFrom))
	}
	for _, f := range o.Folders {
		info := fmt.Sprintf(".regioninfo of %d bytes", f.Regioninfo)
		if f.Regioninfo < 0 {
			info = "no .regioninfo"
		}
		fmt.Fprintf(w, "folder %s: %s, %d files, %d bytes (%s:%d)\n", tools.Line(f.Path), info, f.Total, f.Bytes, f.File, f.Line)
	}
	if len(o.Folders) == 0 {
		fmt.Fprintln(w, "no folder in the listing")
	}
	fmt.Fprintf(w, "hbck: deployed on %s\n", tools.Line(orUnknown(strings.Join(o.Deployed, ", "))))
	for _, e := range o.Hbck {
		fmt.Fprintf(w, "hbck: %s\n", tools.Cut(e, 2*textChars))
	}
	for _, p := range o.Page {
		fmt.Fprintf(w, "master's report: %s\n", tools.Line(p))
	}
}
