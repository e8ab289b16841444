package investigate

import (
	"cmp"
	"slices"
	"time"

	"github.com/plumbline-mcp/plumbline/internal/stat"
)

// patternChange is a log pattern whose rate differs between baseline and incident.
type patternChange struct {
	*pattern
	inc, base int
	g, q      float64 // likelihood ratio; false-discovery rate over all patterns
	first     int64   // first line within the incident
	means     meaning
}

// kind says how the pattern changed: new, gone, risen or fallen.
func (p patternChange) kind(ratio float64) string {
	switch {
	case p.base == 0:
		return "new"
	case p.inc == 0:
		return "gone"
	case float64(p.inc) > float64(p.base)*ratio:
		return "risen"
	}
	return "fallen"
}

// patternDiff compares the patterns of the incident with those of the baseline by the G-test on counts scaled by the windows'
// lengths (Dunning 1993), with Benjamini-Hochberg over all patterns; the strongest first.
func (q *inquiry) patternDiff() []patternChange {
	var out []patternChange
	var ps []float64
	hours := func(from, to int64) float64 { return time.Duration(to - from).Hours() }
	surge := q.surge()
	ti, tb := hours(q.win.from, q.win.to), hours(q.win.baseFrom, q.win.baseTo)
	for _, p := range q.logs.patterns {
		c := patternChange{pattern: p}
		for _, e := range p.events {
			switch {
			case q.win.incident(e.at):
				c.inc++
				if c.first == 0 || e.at < c.first {
					c.first = e.at
				}
			case q.win.baseline(e.at):
				c.base++
			}
		}
		if c.inc+c.base == 0 {
			continue
		}
		c.g = poissonG(float64(c.inc), ti, float64(c.base), tb)
		if surge > 0 { // what follows the traffic is no news
			c.g = min(c.g, poissonG(float64(c.inc), ti*surge, float64(c.base), tb))
		}
		out = append(out, c)
		ps = append(ps, pOfG(c.g))
	}
	qs := stat.BenjaminiHochberg(ps)
	for i := range out {
		out[i].q = qs[i]
	}
	out = slices.DeleteFunc(out, func(c patternChange) bool { return c.q > maxFDR || c.g < minG })
	for i := range out {
		out[i].means = meaningOf(out[i].text)
		if out[i].severity < severityWarn {
			continue // the values of an everyday line mean nothing
		}
		for _, s := range out[i].samples {
			if out[i].means == "" {
				out[i].means = meaningOf(s.body)
			}
		}
	}
	slices.SortStableFunc(out, func(a, b patternChange) int { return cmp.Compare(b.g, a.g) })
	return out
}

// maxFDR is the share of wrong calls accepted among the differences reported.
const maxFDR = .01

// complaint reports whether the pattern is new or risen and of severity WARN or more, or its words are those of an error.
func (p patternChange) complaint(ratio float64) bool {
	k := p.kind(ratio)
	return (k == "new" || k == "risen") && p.severity >= severityWarn || k == "new" && p.means != "" && p.means != meansCache
}
