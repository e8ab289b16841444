package remote

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/plumbline-mcp/plumbline/internal/engine"
	"github.com/plumbline-mcp/plumbline/internal/engine/local"
	"github.com/plumbline-mcp/plumbline/internal/engine/local/doctable"
	"github.com/plumbline-mcp/plumbline/internal/record"
	"github.com/plumbline-mcp/plumbline/internal/rows"
)

// converter turns documents whose values must be read to be understood into records, as files are read, and these into documents
// of the records' names.
type converter struct {
	t    *table
	add  func(doc []byte) error
	buf  bytes.Buffer
	hits []hit // of the lines in buf
	out  []byte
}

// convertBytes is how much is read at once: large enough that setting up the reader does not count.
const convertBytes = 1 << 20

func (c *converter) put(ctx context.Context, h *hit) error {
	if err := json.Compact(&c.buf, h.Source); err != nil {
		return fmt.Errorf("read document %s/%s: %w", h.Index, h.ID, err)
	}
	c.buf.WriteByte('\n')
	c.hits = append(c.hits, hit{Index: h.Index, ID: h.ID})
	if c.buf.Len() >= convertBytes {
		return c.flush(ctx)
	}
	return nil
}

// flush converts what waits.
func (c *converter) flush(ctx context.Context) error {
	if c.buf.Len() == 0 {
		return nil
	}
	_, err := record.Read(ctx, &c.buf, record.Options{Name: c.t.target, Format: record.FormatDocuments}, func(r *record.Record) error {
		if engine.Kind(r.Kind) != c.t.kind {
			return nil
		}
		c.write(r)
		return c.add(c.out)
	})
	c.buf.Reset()
	c.hits = c.hits[:0]
	return err
}

// write makes a document of a record.
func (c *converter) write(r *record.Record) {
	b := c.out[:0]
	b = append(b, '{')
	for i, name := range r.Names {
		if i > 0 {
			b = append(b, ',')
		}
		b = strconv.AppendQuote(b, name)
		b = append(b, ':')
		switch v := r.Values[i].(type) {
		case record.JSON:
			b = append(b, v...)
		case time.Time:
			b = append(b, '"')
			b = v.UTC().AppendFormat(b, time.RFC3339Nano)
			b = append(b, '"')
		default:
			text, err := json.Marshal(v)
			if err != nil { // a number that JSON does not know
				text = []byte("null")
			}
			b = append(b, text...)
		}
	}
	if n := int(r.Line) - 1; n >= 0 && n < len(c.hits) {
		if len(b) > 1 {
			b = append(b, ',')
		}
		b = append(b, `"_id":`...)
		b = strconv.AppendQuote(b, c.hits[n].ID)
		b = append(b, `,"_index":`...)
		b = strconv.AppendQuote(b, c.hits[n].Index)
	}
	b = append(b, '}')
	c.out = b
}

// convert puts hits into the builder as records; the second function ends it.
func convert(ctx context.Context, f *fetch, b *doctable.Builder) (add func(h *hit) error, end func() error) {
	c := &converter{t: f.t, add: b.Add}
	return func(h *hit) error { return c.put(ctx, h) }, func() error { return c.flush(ctx) }
}

// convertedMapping is the mapping of the records that a table's documents become.
func convertedMapping(t *table) []byte {
	props := map[string]*property{}
	for _, p := range t.form.Place(t.mapping.names()) {
		if l := t.mapping.leaves[p.Raw]; l != nil && !l.inner && !p.Words && !p.Time && props[p.Name] == nil {
			props[p.Name] = &property{Type: l.prop.Type}
		}
	}
	for _, c := range local.Core(t.kind) {
		typ := map[rows.Type]string{rows.Timestamp: "date", rows.BigInt: "long", rows.Double: "double", rows.Array: "nested"}[c.Type]
		if typ == "" {
			typ = "keyword"
		}
		if c.Text {
			typ = "text"
		}
		props[c.Name] = &property{Type: typ}
	}
	for name, p := range props { // a name that is a prefix of others is an object
		if slices.ContainsFunc(keys(props), func(o string) bool { return strings.HasPrefix(o, name+".") }) && p.Type != "nested" {
			delete(props, name)
		}
	}
	out, err := json.Marshal(mappingTop{property: property{Properties: props}})
	if err != nil {
		return nil // cannot be
	}
	return out
}

func keys(m map[string]*property) []string {
	out := make([]string, 0, len(m))
	for k := range m {
		out = append(out, k)
	}
	return out
}

// convertLeaves returns the index's field that narrows a condition on a column of records; the condition is checked again.
func (t *table) convertLeaves(column string) []*leaf {
	if column == "startTime" { // Jaeger's own time is a number of microseconds; this one is a date
		if l := t.mapping.leaves["startTimeMillis"]; l != nil && l.prop.Type == "date" {
			return []*leaf{l}
		}
	}
	var out []*leaf
	for _, p := range t.form.Place(t.mapping.names()) {
		l := t.mapping.leaves[p.Raw]
		if p.Name != column || p.Words || l == nil || l.inner {
			continue
		}
		if p.Time && l.prop.Type != "date" && l.prop.Type != "date_nanos" || !p.Time && l.prop.Type != "keyword" {
			return nil
		}
		out = append(out, l)
	}
	if len(out) != 1 {
		return nil
	}
	return out
}
