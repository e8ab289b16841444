package investigate

import (
	"cmp"
	"iter"
	"slices"
	"strings"

	"github.com/plumbline-mcp/plumbline/internal/stat"
	"github.com/plumbline-mcp/plumbline/internal/trace"
)

// attrDiff is an attribute value that bad spans carry more often than good ones.
type attrDiff struct {
	key, value string
	sel, selN  float64 // bad spans with it, bad spans
	ref, refN  float64 // good spans with it, good spans
	g, q       float64
	drift      bool // compared with the baseline instead of with good spans of the same window
	pair       *attrDiff
	bits       uint64
	scale      float64 // good spans that one counted stands for, against bad ones: samples of the two differ in density
}

// cover is the share of bad spans with the value.
func (a attrDiff) cover() float64 { return ratio(a.sel, a.selN) }

// badRate and otherRate are how often spans with and without the value are bad.
func (a attrDiff) badRate() float64 { return ratio(a.sel, a.sel+a.scale*a.ref) }

func (a attrDiff) otherRate() float64 {
	return ratio(a.selN-a.sel, a.selN-a.sel+a.scale*(a.refN-a.ref))
}

// localises reports whether the value nearly explains the fault: most bad spans carry it and spans without it are seldom bad.
func (a attrDiff) localises() bool {
	return !a.drift && a.cover() >= .6 && a.badRate() >= localFactor*a.otherRate() && a.sel >= minAffected
}

// localFactor is how many times likelier a span with the value must be bad.
const localFactor = 4

func ratio(a, b float64) float64 {
	if b == 0 {
		return 0
	}
	return a / b
}

// Limits of the attribute difference.
const (
	maxAttrValues = 200   // a key with more values names things, not groups
	maxSelection  = 8_000 // spans of either group; of more, every k-th is taken
	topSingles    = 10
)

// differ counts attribute values of bad and good spans.
type differ struct {
	*inquiry
	skip  map[trace.KeyID]bool
	sel   map[uint64]float64
	ref   map[uint64]float64
	nSel  float64
	nRef  float64
	kinds map[trace.KeyID]map[uint64]struct{}
	rows  []attrRow
}

type attrRow struct {
	bits []uint64
	bad  bool
}

// effects are attributes that failures set: they tell what happened, not to whom.
var effects = []string{
	"error", "exception", "status", "otel.", "http.response", "rpc.grpc", "rpc.response", "usage", "finish_reason", "response.", "duration", "latency", "body.size",
	"resend_count", "retry", "messaging.kafka.offset", "offset", "message.id", "thread.", "turns", "code.", "span.", "trace", "dropped", "elapsed", "session.id", "call.id", "conversation.id",
	"user.id", "enduser.id", "request.id", "correlation", "timestamp",
}

func (q *inquiry) newDiffer() *differ {
	d := &differ{inquiry: q, skip: map[trace.KeyID]bool{}, sel: map[uint64]float64{}, ref: map[uint64]float64{}, kinds: map[trace.KeyID]map[uint64]struct{}{}}
	for i, k := range q.spans.Keys() {
		id := trace.KeyID(i)
		bare := strings.TrimPrefix(k, "resource.")
		if q.spans.HighCardinality(id) || slices.ContainsFunc(effects, func(e string) bool { return strings.Contains(bare, e) }) {
			d.skip[id] = true
		}
	}
	return d
}

// attributeDiff is BubbleUp's comparison (Honeycomb) with significance: every attribute value of the bad spans, of their
// callers and of their resources against the good spans, by the G-test with Benjamini-Hochberg; then pairs among the best
// singles. good are spans of the same units: of the same window where enough of them did well, else of the baseline (drift).
func (q *inquiry) attributeDiff(bad, good []int32, drift bool) []attrDiff {
	d := q.newDiffer()
	for i := range spaced(bad, maxSelection) {
		d.add(i, true)
	}
	for i := range spaced(good, maxSelection) {
		d.add(i, false)
	}
	var out []attrDiff
	var ps []float64
	scale := ratio(float64(len(good)), d.nRef) / max(ratio(float64(len(bad)), d.nSel), 1)
	for bits, n := range d.sel {
		key := trace.KeyID(bits >> 33)
		if len(d.kinds[key]) > maxAttrValues {
			continue
		}
		a := attrDiff{sel: n, selN: d.nSel, ref: d.ref[bits], refN: d.nRef, drift: drift, bits: bits, scale: scale}
		if a.sel*a.refN <= a.ref*a.selN {
			continue
		}
		a.g = gTest(a.sel, a.selN, a.ref, a.refN)
		out = append(out, a)
		ps = append(ps, pOfG(a.g))
	}
	qs := stat.BenjaminiHochberg(ps)
	for i := range out {
		out[i].q = qs[i]
	}
	out = slices.DeleteFunc(out, func(a attrDiff) bool { return a.q > maxFDR || a.sel < minAffected })
	for i := range out {
		out[i].key, out[i].value = d.name(out[i].bits)
	}
	slices.SortFunc(out, func(a, b attrDiff) int {
		return cmp.Or(cmp.Compare(b.g, a.g), cmp.Compare(specificity(b.key), specificity(a.key)), cmp.Compare(a.key, b.key), cmp.Compare(a.value, b.value))
	})
	if !drift {
		d.pairs(out)
	}
	return out
}

// spaced yields at most n of the spans, evenly spaced.
func spaced(list []int32, n int) iter.Seq[int32] {
	return func(yield func(int32) bool) {
		step := (len(list) + n - 1) / n
		for i := 0; i < len(list); i += max(1, step) {
			if !yield(list[i]) {
				return
			}
		}
	}
}

// specificity breaks ties between attributes that say the same of a process: version before node before pod.
func specificity(key string) int {
	for i, k := range []string{"service.instance.id", "k8s.pod.name", "host.name", "cloud.region", "cloud.availability_zone", "k8s.node.name", "service.version"} {
		if key == k {
			return i - 10
		}
	}
	return 0
}

// add counts one span's values, each key once: the span's own, its resource's, then those of the spans above it.
func (d *differ) add(i int32, isBad bool) {
	var row attrRow
	row.bad = isBad
	var have [maxRowKeys]trace.KeyID
	n := 0
	put := func(a trace.Attr) {
		if d.skip[a.Key] || n == maxRowKeys {
			return
		}
		if slices.Contains(have[:n], a.Key) {
			return
		}
		have[n] = a.Key
		n++
		b := a.Bits()
		k := d.kinds[a.Key]
		if k == nil {
			k = map[uint64]struct{}{}
			d.kinds[a.Key] = k
		}
		if len(k) <= maxAttrValues {
			k[b] = struct{}{}
			row.bits = append(row.bits, b)
		}
	}
	s := d.spans
	for _, a := range s.Attrs(&s.Spans[i]) {
		put(a)
	}
	for _, a := range s.Res(&s.Spans[i]).Attrs {
		put(a)
	}
	for p, depth := s.Spans[i].Parent, 0; p >= 0 && depth < 64; p, depth = s.Spans[p].Parent, depth+1 {
		for _, a := range s.Attrs(&s.Spans[p]) {
			if !ownOfCall(s.Keys()[a.Key]) {
				put(a)
			}
		}
	}
	m := d.ref
	if isBad {
		m = d.sel
		d.nSel++
	} else {
		d.nRef++
	}
	for _, b := range row.bits {
		m[b]++
	}
	d.rows = append(d.rows, row)
}

// maxRowKeys bounds the keys looked at for one span with all spans above it.
const maxRowKeys = 96

// ownOfCall reports whether an attribute describes one call and so says nothing of the calls below it.
func ownOfCall(key string) bool {
	for _, p := range []string{"rpc.", "server.", "net.", "network.", "db.", "messaging.", "peer.", "url.", "upstream"} {
		if strings.HasPrefix(key, p) {
			return true
		}
	}
	return false
}

// name writes a key and value as OpenTelemetry names them.
func (d *differ) name(bits uint64) (key, value string) {
	k := trace.KeyID(bits >> 33)
	return strings.TrimPrefix(d.spans.Keys()[k], "resource."), d.spans.ValueOfBits(bits)
}

// pairs looks for conjunctions among the best singles: a second value that, joined to the first, keeps most bad spans and makes
// a bad one clearly likelier. The pair is hung on the single that ranks first.
func (d *differ) pairs(singles []attrDiff) {
	top := singles[:min(len(singles), topSingles)]
	for i := range top {
		best := 0.0
		for j := range top {
			if i == j || top[i].key == top[j].key {
				continue
			}
			both := attrDiff{key: top[j].key, value: top[j].value, selN: d.nSel, refN: d.nRef, bits: top[j].bits, scale: top[j].scale}
			for _, r := range d.rows {
				if slices.Contains(r.bits, top[i].bits) && slices.Contains(r.bits, top[j].bits) {
					if r.bad {
						both.sel++
					} else {
						both.ref++
					}
				}
			}
			gain := both.badRate() / max(top[i].badRate(), 1e-9)
			if gain >= 1.3 && both.cover() >= .8*top[i].cover() && both.sel >= minAffected && gain*both.cover() > best {
				best = gain * both.cover()
				both.g = gTest(both.sel, both.selN, both.ref, both.refN)
				top[i].pair = &both
			}
		}
	}
}
