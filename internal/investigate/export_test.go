package investigate

import (
	"context"
	"fmt"
	"strings"

	"github.com/plumbline-mcp/plumbline/internal/engine"
)

// Debug prints windows, tracks and culprits of a source.
func Debug(ctx context.Context, eng engine.Engine, r Request) (string, error) {
	req := r.resolve()
	d, err := load(ctx, eng, req)
	if err != nil {
		return "", err
	}
	q := &inquiry{data: d, req: req, clock: newClock(d.start, d.end)}
	q.index()
	q.findWindows()
	var b strings.Builder
	fmt.Fprintf(&b, "onset %s to %s strength %.0f\n", stampNS(q.win.from), stampNS(q.win.to), q.win.strength)
	for i, t := range q.tracks {
		if i < 14 {
			fmt.Fprintf(&b, "  track %-8s %-18s %-30.30s from %s to %s llr %.0f in %.3g out %.3g\n", t.kind, t.service, t.label, stampNS(q.clock.time(t.from))[11:], stampNS(q.clock.time(t.to))[11:], t.llr, t.in, t.out)
		}
	}
	js := q.makeJobs()
	for i, c := range q.culprits(js) {
		if i < 10 {
			fmt.Fprintf(&b, "  culprit %s -> %s affected %.0f errors %.0f/%.1f soft %.0f slow %.0f more %.0f silent %.0f waits %d cut %d extra %.0fms\n", q.text(c.service), q.text(c.target), c.affected(), c.errors.over(), c.errors.base, c.soft.over(), c.slow.over(), c.more.over(), c.silent.over(), c.waits, c.cutOff, c.extraNS/1e6)
		}
	}
	return b.String(), nil
}
