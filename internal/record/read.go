package record

import (
	"context"
	"errors"
	"fmt"
	"io"

	"github.com/plumbline-mcp/plumbline/internal/fault"
)

// Read reads r, which may be compressed, and hands every record to emit in the order of the file. An error of emit, of r or of ctx
// ends the reading and is returned with the report so far; broken lines and damaged compressed data are only reported. Binary
// and Parquet input is refused with code unsupported.
func Read(ctx context.Context, r io.Reader, opt Options, emit func(*Record) error) (Report, error) {
	rep := Report{Format: opt.Format, Kinds: make(map[Kind]int64), EndOffset: opt.Offset, EndLine: opt.Line}
	if err := ctx.Err(); err != nil {
		return rep, fmt.Errorf("read %s: %w", opt.Name, err)
	}
	o, err := open(r)
	if err != nil {
		return rep, fmt.Errorf("read %s: %w", opt.Name, err)
	}
	defer o.close()
	rep.Encoding = o.encoding
	if rep.Format == FormatUnknown {
		rep.Format = sniffText(o.head, opt.Name)
	}
	if err := refuse(rep.Format, o.head, opt.Name); err != nil {
		return rep, err
	}
	out := &sink{ctx: ctx, emit: emit, rep: &rep, hold: opt.HoldTail}
	src := newSource(o.r, opt)
	err = run(src, out, opt, o.head)
	rep.Tail = rep.Rows - out.kept
	rep.Bytes, rep.Lines = src.offset-opt.Offset, src.line-opt.Line
	if o.damage != nil && o.damage.err != nil {
		rep.Truncated = true
		out.tail = false
		rep.Examples = rep.Examples[:min(len(rep.Examples), MaxExamples-1)] // the damage explains the others
		out.skip(src.line, src.offset, o.damage.describe(o.encoding), nil)
	}
	switch {
	case out.err != nil:
		return rep, out.err
	case src.err != nil:
		return rep, fmt.Errorf("read %s: %w", opt.Name, src.err)
	case err != nil && !errors.Is(err, errStop):
		return rep, fmt.Errorf("read %s: %w", opt.Name, err)
	}
	return rep, nil
}

// refuse says what is not read here.
func refuse(f Format, head []byte, name string) error {
	switch f {
	case FormatBinary:
		why := binaryReason(head)
		if why == "" {
			why = "binary data"
		}
		return fault.WithHint(fault.New(fault.Unsupported, "read %s: %s", name, why),
			"Readable are JSON, OTLP JSON, text logs and metrics text, each also as .gz or .zst, and Parquet.")
	case FormatParquet:
		return fault.New(fault.Unsupported, "read %s: Parquet is read by the engine, not line by line", name)
	default:
		return nil
	}
}

// run reads with the reader of the format.
func run(src *source, out *sink, opt Options, head []byte) error {
	clk := newClock(opt)
	switch f := out.rep.Format; f {
	case FormatEmpty:
		return drain(src, out)
	case FormatOpenMetrics:
		return newOpenMetrics(out, opt.Now).read(src)
	case FormatDocuments, FormatOTLP, FormatSeries, FormatJSONLog, FormatJSON:
		j := newJSONReader(src, out, clk, opt)
		if opt.Offset > 0 || isLines(head) {
			return j.lines()
		}
		return j.values()
	case FormatHBaseMeta, FormatHBasePaths, FormatHBaseHbck:
		return readHBase(src, out, clk, f)
	default:
		t := newTextReader(out, clk, opt.Name)
		t.docs, t.loose = newDocuments(clk), f == FormatText
		return t.read(src)
	}
}

// drain counts the blank lines of an empty file.
func drain(src *source, out *sink) error {
	for {
		if _, ok := src.next(); !ok {
			return out.tick()
		}
	}
}

func newJSONReader(src *source, out *sink, clk clock, opt Options) *jsonReader {
	j := &jsonReader{src: src, out: out, docs: newDocuments(clk), otlp: newOTLP(out), log: out.rep.Format == FormatJSONLog}
	j.text = newTextReader(out, clk, opt.Name)
	j.text.docs = newDocuments(clk)
	j.docs.wraps = j.text
	j.docs.file, j.docs.logFile = j.text.file, j.log
	probe := newDocuments(clk)
	j.docs.inner = func(first []byte) bool {
		_ = probe.parse(first) // goes on behind the first document: its fields are what counts
		if probe.hit {
			return true
		}
		s := probe.classify()
		return s != shapeGeneric && s != shapeAction
	}
	return j
}
