package remote

import (
	"context"
	"fmt"
	"maps"
	"net/url"
	"regexp"
	"slices"
	"strings"
	"time"

	"github.com/plumbline-mcp/plumbline/internal/engine"
	"github.com/plumbline-mcp/plumbline/internal/record"
)

// discovery is which indices hold what, told from the names of their fields.
type discovery struct {
	known time.Time
	kinds map[engine.Kind][]string
	notes map[engine.Kind][]string
}

// marks are the names of fields that tell the form of documents. They are asked for by name: the list of all fields of a large
// cluster has megabytes.
func marks() []string {
	return []string{
		"traceId", "traceID", "trace_id", "spanId", "spanID", "span_id", "parentSpanId", "parentSpanID", "parent_span_id", "references", "id", "name",
		"operationName", "process.serviceName", "startTime", "startTimeMillis", "duration", "durationInNanos", "kind", "localEndpoint.serviceName",
		"body", "severityText", "severityNumber", "severity.text", "severity.number", "observedTimestamp", "observedTime",
		"hashId", "nodeConnectionHash", "operationConnectionHash", "destination.domain", "target.domain", "sourceNode.type", "targetNode.type",
		"sourceNode.keyAttributes.name", "targetNode.keyAttributes.name", "resource.attributes.service.name", "resource.attributes.service@name",
		"@timestamp", "timestamp", "time", "message", "msg", "@message", "log", "level", "severity", "log.level", "value", "sum", "buckets", "metric.name",
		"instrumentationScope.name",
	}
}

// discover looks at all indices that are not hidden: one request.
func (e *Engine) discover(ctx context.Context) (*discovery, error) {
	e.mu.Lock()
	found := e.found
	e.mu.Unlock()
	if found != nil && e.now().Sub(found.known) < mappingAge {
		return found, nil
	}
	caps, err := e.fieldCaps(ctx, "*,-.*", url.Values{"fields": {strings.Join(marks(), ",")}, "include_unmapped": {"true"}, "ignore_unavailable": {"true"}, "allow_no_indices": {"true"}})
	if err != nil {
		return nil, err
	}
	names := map[string][]string{}
	for field, types := range caps.Fields {
		for typ, c := range types {
			if typ == "unmapped" {
				continue
			}
			in := c.Indices
			if in == nil { // all of them
				in = caps.Indices
			}
			for _, index := range in {
				names[index] = append(names[index], field)
			}
		}
	}
	found = &discovery{known: e.now(), kinds: map[engine.Kind][]string{}, notes: map[engine.Kind][]string{}}
	found.sort(names)
	e.mu.Lock()
	e.found = found
	e.mu.Unlock()
	return found, nil
}

// sort puts the indices under their kinds. A kind that comes in several forms is that of OpenTelemetry's; the others are named.
func (d *discovery) sort(names map[string][]string) {
	forms := map[engine.Kind]map[string][]string{}
	for index, fields := range names {
		form := record.FormOf(fields)
		kind := engine.Kind(form.Kind())
		if kind == engine.Generic {
			continue
		}
		if forms[kind] == nil {
			forms[kind] = map[string][]string{}
		}
		forms[kind][form.String()] = append(forms[kind][form.String()], index)
	}
	for kind, byForm := range forms {
		list := slices.Sorted(maps.Keys(byForm))
		slices.SortStableFunc(list, func(a, b string) int { return rank(a) - rank(b) })
		d.kinds[kind] = compact(byForm[list[0]])
		for _, other := range list[1:] {
			d.notes[kind] = append(d.notes[kind], fmt.Sprintf("%s are also in %s: name these indices to ask them", other, strings.Join(compact(byForm[other]), ", ")))
		}
	}
}

func rank(form string) int {
	if strings.HasPrefix(form, "otel ") {
		return 0
	}
	return 1
}

// The parts of index names that number or date the indices of one series.
var (
	backing = regexp.MustCompile(`^\.ds-(.+)-\d{6}$`)
	serial  = regexp.MustCompile(`[-_.](\d{6}|\d{4}[-.]\d{2}[-.]\d{2}(?:[-.]\d{2})?|\d{4}[-.]\d{2}|\d{8})$`)
)

// compact names the series of indices instead of each.
func compact(indices []string) []string {
	series := map[string]bool{}
	for _, name := range indices {
		if m := backing.FindStringSubmatch(name); m != nil {
			series[m[1]] = true
			continue
		}
		if m := serial.FindStringIndex(name); m != nil {
			series[name[:m[0]+1]+"*"] = true
			continue
		}
		series[name] = true
	}
	return slices.Sorted(maps.Keys(series))
}

// indices returns the index expression behind a well-known table, "" if there is none of that kind.
func (e *Engine) indices(ctx context.Context, kind engine.Kind) (at string, notes []string, err error) {
	if at = e.config.Indices[kind]; at != "" {
		return at, nil, nil
	}
	d, err := e.discover(ctx)
	if err != nil {
		return "", nil, err
	}
	return strings.Join(d.kinds[kind], ","), d.notes[kind], nil
}
