package record

import (
	"strings"

	"github.com/plumbline-mcp/plumbline/internal/record/jsonscan"
)

// otlp turns OTLP/JSON into records, in memory: of a whole file, a line, or one element of a file too large for that (see stream).
// Ids come as hex (the specification) or base64 (protobuf's JSON), whole numbers as strings or numbers, kinds as numbers or names.
type otlp struct {
	b        *builder
	at       wellKnown
	sc       jsonscan.Scanner
	line     int64
	out      *sink
	resource []label
	scope    []label
	own      []label // attributes of the item being read
	text     []byte  // JSON being written
	le       *slot
	quantile *slot
}

func newOTLP(out *sink) *otlp {
	o := &otlp{out: out}
	o.forget()
	return o
}

func (o *otlp) forget() {
	o.b = newBuilder()
	o.at = newWellKnown(o.b)
	o.le, o.quantile = o.b.slot("attributes.le"), o.b.slot("attributes.quantile")
}

// signal is one of the three kinds of OTLP data with the keys of its levels.
type signal struct {
	kind   Kind
	scopes string
	items  string
}

// signalOf knows the top-level keys, in both spellings.
func signalOf(key []byte) (signal, bool) {
	switch string(key) {
	case "resourceSpans", "resource_spans":
		return signal{Spans, "scopeSpans", "spans"}, true
	case "resourceLogs", "resource_logs":
		return signal{Logs, "scopeLogs", "logRecords"}, true
	case "resourceMetrics", "resource_metrics":
		return signal{Metrics, "scopeMetrics", "metrics"}, true
	}
	return signal{}, false
}

// isScopes also accepts the names of before OTLP 0.15.
func (s signal) isScopes(key []byte) bool {
	k := string(key)
	return k == s.scopes || strings.HasPrefix(k, "instrumentationLibrary") && k != "instrumentationLibrary" ||
		strings.HasPrefix(k, "scope_")
}

func (s signal) isItems(key []byte) bool {
	k := string(key)
	return k == s.items || s.kind == Logs && (k == "log_records" || k == "logs")
}

// root reads a whole OTLP document.
func (o *otlp) root(data []byte, line int64) error {
	o.line = line
	o.sc.Reset(data, MaxDepth)
	err := o.sc.Fields(func(key []byte) error {
		sig, ok := signalOf(key)
		if !ok {
			return o.sc.Skip()
		}
		return o.sc.Each(func() error { return o.readResource(sig) })
	})
	if err == nil && o.sc.Next() != 0 {
		err = errTrailing
	}
	return err
}

// element reads one element of the level that path names: a resource, a scope or an item.
func (o *otlp) element(data []byte, line int64, sig signal, depth int) error {
	o.line = line
	o.sc.Reset(data, MaxDepth)
	switch depth {
	case 0:
		return o.readResource(sig)
	case 1:
		return o.readScope(sig)
	}
	return o.readItem(sig)
}

func (o *otlp) readResource(sig signal) error {
	if o.b.full() {
		o.forget()
	}
	o.resource = o.resource[:0]
	if err := o.ahead("resource", func() error { return o.readResourceInfo() }); err != nil {
		return err
	}
	return o.sc.Fields(func(key []byte) error {
		if sig.isScopes(key) {
			return o.sc.Each(func() error { return o.readScope(sig) })
		}
		return o.sc.Skip()
	})
}

// ahead reads one member of the object that is next before the others, then stands at the object again. Writers that sort their
// keys put it anywhere; where it comes first, as in protobuf's order, looking ahead costs nothing more.
func (o *otlp) ahead(name string, read func() error) error {
	before := o.sc
	found := errFound
	err := o.sc.Fields(func(key []byte) error {
		if string(key) != name {
			return o.sc.Skip()
		}
		if err := read(); err != nil {
			return err
		}
		return found
	})
	o.sc = before
	if err == found { //nolint:errorlint // the sentinel never leaves this function and is never wrapped
		return nil
	}
	return err
}

func (o *otlp) readResourceInfo() error {
	o.resource = o.resource[:0]
	err := o.sc.Fields(func(key []byte) error {
		if string(key) == "attributes" {
			var err error
			o.resource, err = o.attributes(o.resource, "resource.attributes.")
			return err
		}
		return o.sc.Skip()
	})
	for _, l := range o.resource {
		if l.slot == o.at.resService {
			o.resource = append(o.resource, label{o.at.service, l.val})
			break
		}
	}
	return err
}

func (o *otlp) readScope(sig signal) error {
	o.scope = o.scope[:0]
	for _, name := range [...]string{"scope", "instrumentationLibrary"} {
		if err := o.ahead(name, o.readScopeInfo); err != nil {
			return err
		}
		if len(o.scope) > 0 {
			break
		}
	}
	return o.sc.Fields(func(key []byte) error {
		if sig.isItems(key) {
			return o.sc.Each(func() error { return o.readItem(sig) })
		}
		return o.sc.Skip()
	})
}

func (o *otlp) readScopeInfo() error {
	return o.sc.Fields(func(key []byte) error {
		switch string(key) {
		case "name", "version":
			s := o.at.scopeName
			if key[0] == 'v' {
				s = o.at.scopeVersion
			}
			text, err := o.sc.String()
			if len(text) > 0 {
				o.scope = append(o.scope, label{s, s.pool.text(text)})
			}
			return err
		case "attributes":
			var err error
			o.scope, err = o.attributes(o.scope, "instrumentationScope.attributes.")
			return err
		}
		return o.sc.Skip()
	})
}

func (o *otlp) readItem(sig signal) error {
	switch sig.kind {
	case Spans:
		return o.span()
	case Logs:
		return o.logRecord()
	default:
		return o.metric()
	}
}

// begin starts a record with what its resource and scope give it.
func (o *otlp) begin(kind Kind) {
	o.b.begin(kind, o.line)
	for _, l := range o.resource {
		o.b.set(l.slot, l.val)
	}
	for _, l := range o.scope {
		o.b.set(l.slot, l.val)
	}
}

func (o *otlp) apply(labels []label) {
	for _, l := range labels {
		o.b.set(l.slot, l.val)
	}
}

// clear forgets what a level above gave; a resource or scope too large to be read at once names itself member by member.
func (o *otlp) clear(depth int) {
	o.scope = o.scope[:0]
	if depth == 0 {
		o.resource = o.resource[:0]
	}
}

// info reads a resource or a scope alone.
func (o *otlp) info(data []byte, depth int) error {
	o.sc.Reset(data, MaxDepth)
	if depth == 0 {
		return o.readResourceInfo()
	}
	return o.readScopeInfo()
}
