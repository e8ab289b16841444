package record

import (
	"slices"
	"strconv"

	"github.com/plumbline-mcp/plumbline/internal/record/jsonscan"
)

// Form is the shape of an index's documents, told from the names of its fields. It is how an engine over an index finds the
// names that records have: the same resolver that reads files.
type Form struct{ s shape }

// FormOf tells the form from the dotted names of an index's fields.
func FormOf(names []string) Form {
	var m mark
	for _, n := range names {
		m |= markOf(n)
	}
	yes := func() bool { return true } // names are all there is
	return Form{m.shape(yes, yes)}
}

// Kind returns the kind of records that such documents become.
func (f Form) Kind() Kind {
	switch f.s {
	case shapeSpan, shapeJaeger, shapeZipkin:
		return Spans
	case shapeLog, shapeJSONLog:
		return Logs
	case shapeMetric, shapeSeries:
		return Metrics
	case shapeMap:
		return ServiceMap
	default:
		return Generic
	}
}

// String names the form for people.
func (f Form) String() string {
	switch f.s {
	case shapeSpan:
		return "otel spans"
	case shapeJaeger:
		return "jaeger spans"
	case shapeZipkin:
		return "zipkin spans"
	case shapeLog:
		return "otel logs"
	case shapeJSONLog:
		return "json logs"
	case shapeMetric, shapeSeries:
		return "metrics"
	case shapeMap:
		return "service map"
	default:
		return "documents"
	}
}

// Renames reports whether records of the form are the documents with other names for their fields: a field's values stay as they
// are but for the words of levels, kinds and states. Other forms must be read to be understood.
func (f Form) Renames() bool {
	return f.s == shapeSpan || f.s == shapeLog || f.s == shapeMap || f.s == shapeGeneric
}

// Placed is where the field of a document goes.
type Placed struct {
	Raw  string // the field's name in the document
	Name string // its name in the record
	Rank int    // of several fields that go to one name the one with the lowest rank is taken
	// Words marks a field whose values are brought to one spelling: severityText, kind, status.code.
	Words bool
	// Time marks a field that is read as a time.
	Time bool
}

// Place says where the fields go. Of the candidates for a log's time the best is its time, the others keep their own names.
func (f Form) Place(names []string) []Placed {
	out := make([]Placed, 0, len(names))
	best, at := -1, 1<<30
	for _, n := range names {
		name, r, rank := place(f.s, n)
		p := Placed{Raw: n, Name: name, Rank: rank}
		switch r {
		case roleLevel, roleKind, roleStatusCode:
			p.Words = true
		case roleTime, roleEnd, roleObserved, roleAnyTime:
			p.Time = true
		case roleDrop:
			continue
		default:
		}
		if r == roleTime && f.Kind() == Logs && rank < at {
			best, at = len(out), rank
		}
		out = append(out, p)
	}
	if best >= 0 {
		out[best].Name = "@timestamp"
	}
	slices.SortStableFunc(out, func(a, b Placed) int { return a.Rank - b.Rank })
	return out
}

// Word brings a value of a field with Placed.Words to the spelling of records: levels, kinds and states of spans. Name is the
// record's name of the field.
func Word(name, value string) string {
	switch name {
	case "severityText":
		if l := levelOf([]byte(value)); l.text != "" {
			return l.text
		}
	case "kind":
		return kindName(&jsonscan.Value{Kind: jsonscan.String, Text: []byte(value)})
	case "status.code":
		return strconv.FormatInt(statusCode(&jsonscan.Value{Kind: jsonscan.String, Text: []byte(value)}), 10)
	}
	return value
}
