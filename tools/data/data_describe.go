package data

import (
	"cmp"
	"context"
	"fmt"
	"io"
	"slices"
	"strings"
	"time"

	"github.com/plumbline-mcp/plumbline/internal/engine"
	"github.com/plumbline-mcp/plumbline/internal/fault"
	"github.com/plumbline-mcp/plumbline/tools"
)

// Bounds of a description. A wide table has hundreds of fields; the fullest ones tell most.
const (
	fieldsAll   = 20  // fields of each table when all are described
	namesShown  = 60  // names of further fields
	fieldsOne   = 120 // fields when one table is asked for
	filesShown  = 12
	topShown    = 4
	topChars    = 28
	maxTopWidth = 96
	maxNames    = 700
	maxLocation = 300
	maxSources  = 40 // sources listed in the text

	// maxTablesText bounds the tables in the text: with what stands around them it stays below tools.MaxText.
	maxTablesText = 12_500
)

type describeInput struct {
	Source string `json:"source,omitempty" jsonschema:"source or path; empty lists the configured sources"`
	Table  string `json:"table,omitempty" jsonschema:"one table, with all its fields"`
}

type describeOutput struct {
	Now     time.Time `json:"now"`
	Sources []Source  `json:"sources"`
	Source  string    `json:"source,omitempty"`
	Tables  []table   `json:"tables"`
	Notes   []string  `json:"notes,omitempty"`

	one bool
}

type table struct {
	Name      string     `json:"name"`
	Kind      string     `json:"kind"`
	Rows      int64      `json:"rows"`
	TimeField string     `json:"time_field,omitempty"`
	Start     *time.Time `json:"start,omitempty"`
	End       *time.Time `json:"end,omitempty"`
	Files     []file     `json:"files"`
	Fields    []field    `json:"fields"`
	MoreFiles int        `json:"more_files,omitempty"`
	More      int        `json:"more_fields,omitempty"`
	MoreNames []string   `json:"more_field_names,omitempty"`
	Notes     []string   `json:"notes,omitempty"`
}

type file struct {
	Path    string `json:"path"`
	Format  string `json:"format"`
	Bytes   int64  `json:"bytes"`
	Rows    int64  `json:"rows"`
	Skipped int64  `json:"skipped,omitempty"`
	Example string `json:"skipped_example,omitempty"`
}

type field struct {
	Name string  `json:"name"`
	Type string  `json:"type"`
	Fill float64 `json:"fill"` // share of rows with a value, 0 to 1
	Top  []value `json:"top,omitempty"`
}

type value struct {
	Value string `json:"value"`
	Count int64  `json:"count"`
}

func describeTool(d Deps) tools.Tool {
	return tools.New(tools.Spec{
		Name: "data_describe", Title: "What a source holds", Toolset: "data",
		Description: "Where am I: tables of a source, time range, row counts, fields with types, fill and top values, unreadable lines, the current time. Call it first; take start, end and field names from its answer.",
	}, func(ctx context.Context, in describeInput) (*describeOutput, error) {
		out := &describeOutput{Now: d.Now().UTC(), Sources: d.Names, Source: cmp.Or(in.Source, d.Default), one: in.Table != ""}
		if out.Source == "" && in.Table == "" {
			return out, nil
		}
		eng, err := d.Sources.Open(ctx, in.Source)
		if err != nil {
			return nil, err
		}
		all, err := eng.Tables(ctx)
		if err != nil {
			return nil, err
		}
		if len(all) == 0 {
			if why := engine.WhyEmpty(ctx, eng); why != "" {
				out.Notes = append(out.Notes, why)
			}
		}
		return out, out.describe(ctx, eng, all, in.Table)
	})
}

func (o *describeOutput) describe(ctx context.Context, eng engine.Engine, all []engine.Table, only string) error {
	limit := fieldsAll
	if only != "" {
		i := slices.IndexFunc(all, func(t engine.Table) bool { return t.Name == only })
		if i < 0 {
			return unknownTable(only, all)
		}
		all, limit = all[i:i+1], fieldsOne
	}
	for _, t := range all {
		fields, err := eng.Fields(ctx, t.Name)
		if err != nil {
			return err
		}
		o.Tables = append(o.Tables, newTable(t, fields, limit))
	}
	return nil
}

func unknownTable(name string, all []engine.Table) error {
	var names []string
	for _, t := range all {
		names = append(names, t.Name)
	}
	err := fault.New(fault.NotFound, "no table %q", name)
	if near := tools.Nearest(name, names); near != "" {
		return fault.WithHint(err, "Did you mean %s? The tables are: %s.", near, strings.Join(names, ", "))
	}
	return fault.WithHint(err, "The tables are: %s.", strings.Join(names, ", "))
}

func newTable(t engine.Table, fields []engine.Field, limit int) table {
	out := table{Name: t.Name, Kind: string(t.Kind), Rows: t.Rows, TimeField: t.TimeField, Start: point(t.Start), End: point(t.End), Notes: t.Notes}
	files := slices.Clone(t.Files)
	slices.SortStableFunc(files, func(a, b engine.File) int { return cmp.Compare(b.Skipped, a.Skipped) })
	for _, f := range files[:min(len(files), filesShown)] {
		out.Files = append(out.Files, file{f.Path, f.Format, f.Bytes, f.Rows, f.Skipped, tools.Cut(f.Example, maxTopWidth*2)})
	}
	out.MoreFiles = max(len(files)-filesShown, 0)
	shown := byFill(fields, limit)
	for _, f := range fields {
		if !shown[f.Name] {
			if out.More++; out.More <= namesShown {
				out.MoreNames = append(out.MoreNames, f.Name)
			}
			continue
		}
		k := field{Name: f.Name, Type: string(f.Type)}
		if t.Rows > 0 {
			k.Fill = float64(f.Filled*1000/t.Rows) / 1000
		}
		for _, v := range f.Top[:min(len(f.Top), topShown)] {
			k.Top = append(k.Top, value{tools.Cut(v.Value, topChars*2), v.Count})
		}
		out.Fields = append(out.Fields, k)
	}
	return out
}

// byFill picks the fields that tell most: first those whose values differ, then the fullest; equal ones in the table's order.
func byFill(fields []engine.Field, limit int) map[string]bool {
	sorted := slices.Clone(fields)
	slices.SortStableFunc(sorted, func(a, b engine.Field) int {
		return cmp.Or(boolCompare(constant(a), constant(b)), cmp.Compare(b.Filled, a.Filled))
	})
	out := map[string]bool{}
	for _, f := range sorted[:min(len(sorted), limit)] {
		out[f.Name] = true
	}
	return out
}

func constant(f engine.Field) bool { return len(f.Top) == 1 && f.Top[0].Count == f.Filled }

func boolCompare(a, b bool) int {
	switch {
	case a == b:
		return 0
	case b:
		return -1
	}
	return 1
}

func point(t time.Time) *time.Time {
	if t.IsZero() {
		return nil
	}
	t = t.UTC()
	return &t
}

// WriteText writes the time, the sources, then each table with its fields. What the data says stands in a fence: names of
// fields and files, values, lines that could not be read.
func (o *describeOutput) WriteText(w io.Writer) {
	fmt.Fprintf(w, "now %s\n", o.Now.Format(time.RFC3339))
	for _, s := range o.Sources[:min(len(o.Sources), maxSources)] {
		fmt.Fprintf(w, "source %s (%s) %s %s\n", s.Name, s.Kind, tools.Cut(s.Location, maxLocation), tools.Cut(s.About, maxLocation))
	}
	if n := len(o.Sources) - maxSources; n > 0 {
		fmt.Fprintf(w, "… and %d more sources\n", n)
	}
	if o.Source == "" {
		if len(o.Sources) == 0 {
			fmt.Fprintln(w, "no source is configured: give source, a path to a file or directory of logs, spans or metrics")
		}
		return
	}
	fmt.Fprintf(w, "%d tables in %s\n", len(o.Tables), tools.Line(o.Source))
	for _, n := range o.Notes {
		fmt.Fprintf(w, "note: %s\n", tools.Line(n))
	}
	if len(o.Tables) == 0 {
		return
	}
	var b strings.Builder
	var short, cut []string
	for _, t := range o.Tables {
		text := t.text(o.one)
		if b.Len() > 0 && b.Len()+len(text) > maxTablesText {
			short = append(short, fmt.Sprintf("%s (%d rows)", tools.Cut(t.Name, topChars*2), t.Rows))
			continue
		}
		b.WriteString(text)
		if t.More > 0 && !o.one {
			cut = append(cut, t.Name)
		}
	}
	if len(short) > 0 {
		fmt.Fprintf(&b, "\nfurther tables: %s\n", tools.Cut(strings.Join(short, ", "), maxNames*2))
	}
	tools.Block(w, "tables, fields and values", strings.TrimPrefix(b.String(), "\n"))
	if len(cut)+len(short) > 0 {
		fmt.Fprintf(w, "cut: call with table=%s for all its fields and their values\n", tools.Cut(strings.Join(slices.Concat(cut, short[:min(len(short), 1)]), " or "), maxNames))
	}
}

func (t table) text(one bool) string {
	var b strings.Builder
	fmt.Fprintf(&b, "\n%s: %d rows", tools.Line(t.Name), t.Rows)
	if t.Start != nil && t.End != nil {
		fmt.Fprintf(&b, ", %s to %s by %s", t.Start.Format(time.RFC3339), t.End.Format(time.RFC3339), t.TimeField)
	}
	b.WriteString("\n")
	for _, n := range t.Notes {
		fmt.Fprintf(&b, "  note: %s\n", tools.Cut(n, maxLocation))
	}
	t.files(&b, one)
	for i, f := range t.Fields {
		if b.Len() > maxTablesText {
			fmt.Fprintf(&b, "  and %d more fields: narrow by logs_query\n", len(t.Fields)-i)
			break
		}
		fmt.Fprintf(&b, "  %s %s %s%s\n", tools.Cut(f.Name, maxTopWidth), f.Type, fill(f.Fill), top(f.Top))
	}
	if t.More > 0 {
		fmt.Fprintf(&b, "  and %d more: %s\n", t.More, tools.Cut(strings.Join(t.MoreNames, " "), maxNames))
	}
	return b.String()
}

// files writes the files, of many only those with lines that could not be read.
func (t table) files(b *strings.Builder, one bool) {
	for _, f := range t.Files {
		if !one && f.Skipped == 0 && len(t.Files) > 3 {
			continue
		}
		fmt.Fprintf(b, "  file %s (%s, %d rows)", tools.Cut(f.Path, maxLocation), f.Format, f.Rows)
		if f.Skipped > 0 {
			fmt.Fprintf(b, ", %d lines unreadable, e.g. %s", f.Skipped, f.Example)
		}
		b.WriteString("\n")
	}
	if t.MoreFiles > 0 {
		fmt.Fprintf(b, "  and %d more files\n", t.MoreFiles)
	}
}

// fill writes a share as a percentage, nothing for a full column.
func fill(f float64) string {
	if f >= 1 {
		return ""
	}
	return fmt.Sprintf("%.1f%%", 100*f)
}

func top(values []value) string {
	if len(values) == 0 {
		return ""
	}
	var parts []string
	for _, v := range values {
		parts = append(parts, fmt.Sprintf("%s (%d)", tools.Cut(v.Value, topChars), v.Count))
	}
	return " = " + tools.Cut(strings.Join(parts, ", "), maxTopWidth)
}
