package ui

import (
	"fmt"
	"html/template"
	"math"
	"net/url"
	"strconv"
	"strings"
	"time"
	"unicode"

	"github.com/plumbline-mcp/plumbline/internal/agent"
	"github.com/plumbline-mcp/plumbline/internal/metrics"
)

// functions are what the templates call.
func (s *server) functions() template.FuncMap {
	return template.FuncMap{
		"asset": func(name string) string { return Base + "/static/" + name + "?" + s.static[name].tag },
		"link":  link, "number": metrics.Number, "ms": milliseconds, "pct": percent, "instant": instant, "clock": clock, "spark": sparkline, "clip": clip,
		"plural": func(n int, one, many string) string {
			if n == 1 {
				return "1 " + one
			}
			return fmt.Sprintf("%s %s", grouped(int64(n)), many)
		},
		"grouped": func(n any) string {
			switch v := n.(type) {
			case int:
				return grouped(int64(v))
			case int64:
				return grouped(v)
			case float64:
				return grouped(int64(math.Round(v)))
			}
			return fmt.Sprint(n)
		},
		"rate":  func(v float64) string { return strconv.FormatFloat(v, 'f', 1, 64) },
		"took":  func(d time.Duration) string { return d.Round(time.Millisecond).String() },
		"clean": clean,
		"slug":  func(s string) string { return strings.ReplaceAll(strings.ToLower(s), " ", "-") },
		"words": func(s any) string { return strings.ReplaceAll(fmt.Sprint(s), "_", " ") },
		"join":  func(list []string) string { return strings.Join(list, ", ") },
		"pages": pages, "heads": func() []string { return []string{"plain", "bad", "slow", "silent"} }, "series": seriesName,
		"categories": func() []agent.Category {
			return []agent.Category{agent.Agent, agent.LLM, agent.Tool, agent.MCP, agent.Retrieval, agent.Embeddings, agent.Evaluation, agent.Other}
		},
		"cost":   cost,
		"share":  func(v float64) string { return percent(100 * v) },
		"colour": func(i int) string { return fmt.Sprintf("c%d", i%colours) },
	}
}

// cost writes what a run cost, – where a price is missing.
func cost(c agent.Cost) string {
	if !c.Known && !c.Reported {
		return "–"
	}
	return c.String()
}

// entry is a page of the navigation; Child is the page that belongs to it.
type entry struct{ Name, Title, Path, Child string }

func pages() []entry {
	return []entry{
		{"services", "Services", "/", ""},
		{"map", "Map", "/map", ""},
		{"traces", "Traces", "/traces", "trace"},
		{"agents", "Agents", "/agents", "agent"},
		{"logs", "Logs", "/logs", ""},
		{"metrics", "Metrics", "/metrics", ""},
		{"incident", "Incident", "/incident", ""},
	}
}

// link is the address of a page with the request's source and times, and further parameters by name and value; an empty value
// takes a parameter off.
func link(v *view, page string, more ...string) string {
	q := url.Values{}
	set := func(k, x string) {
		if x == "" {
			q.Del(k)
			return
		}
		q.Set(k, x)
	}
	set("source", v.Source)
	set("start", v.Start)
	set("end", v.End)
	for i := 0; i+1 < len(more); i += 2 {
		set(more[i], more[i+1])
	}
	path := Base + "/" + strings.TrimPrefix(page, "/")
	if len(q) == 0 {
		return path
	}
	return path + "?" + q.Encode()
}

// milliseconds writes a duration for people.
func milliseconds(v float64) string {
	switch {
	case v == 0:
		return "–"
	case math.Abs(v) >= 100_000:
		return fmt.Sprintf("%.0f s", v/1000)
	case math.Abs(v) >= 1000:
		return fmt.Sprintf("%.2f s", v/1000)
	case math.Abs(v) >= 10:
		return fmt.Sprintf("%.0f ms", v)
	}
	return fmt.Sprintf("%.2g ms", v)
}

func percent(v float64) string {
	switch {
	case v == 0:
		return "0 %"
	case v == 100:
		return "100 %"
	case v < 10 || v > 99:
		return fmt.Sprintf("%.2f %%", v)
	}
	return fmt.Sprintf("%.1f %%", v)
}

func instant(t time.Time) string {
	if t.IsZero() {
		return "–"
	}
	return t.UTC().Format("2006-01-02 15:04:05Z")
}

func clock(t time.Time) string { return t.UTC().Format("15:04:05Z") }

// grouped writes a whole number with thin spaces between thousands.
func grouped(n int64) string {
	text := strconv.FormatInt(n, 10)
	var b strings.Builder
	for i, c := range text {
		if i > 0 && (len(text)-i)%3 == 0 && text[i-1] != '-' {
			b.WriteString("\u202f")
		}
		b.WriteRune(c)
	}
	return b.String()
}

// clean removes control and invisible characters from text of the data.
func clean(text string) string {
	return strings.Map(func(r rune) rune {
		if r != '\n' && r != '\t' && (unicode.IsControl(r) || unicode.Is(unicode.Cf, r)) {
			return -1
		}
		return r
	}, text)
}

// clip is clean and at most n characters.
func clip(text string, n int) string {
	runes := []rune(clean(text))
	if len(runes) <= n {
		return string(runes)
	}
	return string(runes[:n-1]) + "…"
}

// Spark is a small plot of values.
type Spark struct {
	Line  string // points of a polyline
	Area  string // the same, closed along the base
	Label string
	Class string
	W, H  int
}

// sparkline lays out values from zero to their peak.
func sparkline(values []float64, class, what string) *Spark {
	const w, h, pad = 120, 26, 2
	peak := 0.0
	for _, v := range values {
		peak = max(peak, v)
	}
	if len(values) < 2 || peak == 0 {
		return nil
	}
	var b strings.Builder
	for i, v := range values {
		y := float64(h-pad) - v/peak*(h-2*pad)
		fmt.Fprintf(&b, "%.1f,%.1f ", float64(i)*w/float64(len(values)-1), y)
	}
	line := strings.TrimSpace(b.String())
	return &Spark{Line: line, Area: fmt.Sprintf("0,%d %s %d,%d", h-pad, line, w, h-pad), Label: fmt.Sprintf("%s, peak %s", what, metrics.Number(peak)), Class: class, W: w, H: h}
}
