package record

import (
	"time"
)

// Kind says what a record is.
type Kind string

// The kinds of records; the words are those of the engine's tables.
const (
	Logs       Kind = "logs"
	Spans      Kind = "spans"
	Metrics    Kind = "metrics"
	ServiceMap Kind = "service_map"
	Generic    Kind = "generic"
)

// JSON is a value kept as JSON text: an array (events, links, attribute lists) or what does not fit int64 and float64.
type JSON string

// Record is one normalised row. It and its slices are reused for the next row: copy the slices, the values themselves may be kept.
type Record struct {
	Kind Kind
	// Names are dotted and distinct within a record; equal names share one string, so a consumer may compare a record with
	// the one before it cheaply.
	Names []string
	// Values are string, int64, float64, bool, time.Time (UTC) or JSON, never nil.
	Values []any
	// Line is the 1-based line at which the entry or document begins.
	Line int64
	// Raw is the document's JSON text, for Generic records only; these have no Names. It is valid UTF-8.
	Raw []byte
}

// Get returns the value of a name, or nil. It is for tests and rare look-ups: it walks the names.
func (r *Record) Get(name string) any {
	for i, n := range r.Names {
		if n == name {
			return r.Values[i]
		}
	}
	return nil
}

// Options says how to read. The zero value reads a whole file whose format is found out by Sniff.
type Options struct {
	// Name is the file's name or path: its base gives the service name of text logs that name none, and breaks ties in Sniff.
	Name string
	// Format, if known, saves the sniffing; it must be given when Offset is not 0.
	Format Format
	// Offset and Line say where in the file r stands, for a plain file that is read on: Report.EndOffset and Report.EndLine
	// of the read before. Both 0 at the beginning of a file.
	Offset int64
	Line   int64
	// Now dates lines whose time has no year: the file's modification time, or a clock's. Zero: such lines have no time.
	Now time.Time
	// Location is the zone of times without one; nil is UTC.
	Location *time.Location
	// HoldTail holds back what lies beyond Report.EndOffset (an unfinished last line, a text entry whose stack trace may
	// still grow) instead of handing it over.
	HoldTail bool
	// MaxLine overrides the constant MaxLine when positive.
	MaxLine int
}

// Report says how reading went.
type Report struct {
	Format  Format
	Kinds   map[Kind]int64 // rows by kind
	Rows    int64          // records handed over
	Skipped int64          // lines or documents left out because they could not be read
	// Examples are the first skips, at most MaxExamples.
	Examples []Skip
	// Mended counts lines whose invalid UTF-8 or NUL bytes were replaced; they are rows, not skips.
	Mended int64
	Bytes  int64 // bytes read after decompression
	Lines  int64 // lines read
	// EndOffset is the byte after the last complete entry, counted from the file's beginning (decompressed); EndLine the number
	// of lines before it. A file that grew is read on from here: rows with Line > EndLine (there are Tail of them) come again.
	EndOffset int64
	EndLine   int64
	Tail      int64
	// Truncated says that compressed data ended early or is broken; Rows are those before the damage.
	Truncated bool
	// Encoding is what the text was wrapped in: "gzip", "zstd", "utf-16" or "". With one, EndOffset counts unwrapped bytes and
	// reading cannot go on from there.
	Encoding string
}

// Skip is one line that could not be read.
type Skip struct {
	Line   int64
	Offset int64
	Reason string
	Text   string // the line's head, at most MaxSkipText bytes, valid UTF-8
}

// The limits of reading.
const (
	// MaxLine is the longest line or document that is read, in bytes. Long enough for a stack trace or a prompt in JSON, short
	// enough that a file without newlines does not fill the memory.
	MaxLine = 8 << 20
	// MaxDepth is the deepest nesting of JSON. OpenSearch's own limit on mapping depth is 20.
	MaxDepth = 100
	// MaxFields bounds the fields of one document: beyond it the document is skipped (OpenSearch's mapping limit is 1,000).
	MaxFields = 4096
	// MaxExamples bounds Report.Examples.
	MaxExamples = 10
	// MaxSkipText bounds Skip.Text.
	MaxSkipText = 200
	// MaxEntryLines and MaxEntryBytes bound one text entry with its continuation lines: beyond them a new entry begins, so
	// that a file whose times are not understood does not become a single entry.
	MaxEntryLines = 1000
	MaxEntryBytes = 256 << 10
	// SniffBytes is how much of a file's beginning Sniff wants to see.
	SniffBytes = 64 << 10
)
