package metrics

import (
	"slices"
	"strings"
)

// nameLabel is the label that holds a series' metric.
const nameLabel = "__name__"

// Spell makes a name fit for PromQL: what is no letter, digit, underscore or colon becomes an underscore.
func Spell(name string) string { return spell(name, true) }

// spellLabel is Spell for a label, which has no colon.
func spellLabel(name string) string { return spell(name, false) }

func spell(name string, colon bool) string {
	fits := func(i int, c byte) bool {
		return c == '_' || c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z' || c >= '0' && c <= '9' && i > 0 || c == ':' && colon
	}
	for i := range len(name) {
		if fits(i, name[i]) {
			continue
		}
		b := []byte(name)
		if i == 0 && b[0] >= '0' && b[0] <= '9' {
			b = append([]byte{'_'}, b...)
		}
		for j := range b {
			if !fits(j, b[j]) {
				b[j] = '_'
			}
		}
		return string(b)
	}
	return name
}

// unitWords are the words that Prometheus puts into names for the units of UCUM that OpenTelemetry uses.
// Source: OpenTelemetry's compatibility page for Prometheus.
func unitWord(unit string) string {
	words := map[string]string{
		"s": "seconds", "ms": "milliseconds", "us": "microseconds", "ns": "nanoseconds", "min": "minutes", "h": "hours", "d": "days",
		"By": "bytes", "KBy": "kilobytes", "MBy": "megabytes", "GBy": "gigabytes", "KiBy": "kibibytes", "MiBy": "mebibytes", "GiBy": "gibibytes",
		"Cel": "celsius", "Hz": "hertz", "V": "volts", "A": "amperes", "J": "joules", "W": "watts", "g": "grams", "m": "meters", "1": "ratio", "%": "percent",
	}
	return words[unit]
}

// parts are the endings of the series that a histogram or summary consists of.
func parts() []string { return []string{"_bucket", "_count", "_sum", "_min", "_max"} }

// aliases lists the names under which Prometheus would know a metric: with its unit, and with _total for a sum.
func (m Metric) aliases() []string {
	raw := m.Raw
	if raw == "" {
		raw = m.Name
	}
	base, part := raw, ""
	for _, p := range parts() {
		if m.Type == "histogram" || m.Type == "summary" {
			if b, ok := strings.CutSuffix(raw, p); ok {
				base, part = b, p
			}
		}
	}
	base = Spell(base)
	out := []string{raw, Spell(raw), base + part}
	unit := unitWord(m.Unit)
	if unit == "ratio" && m.Type != "gauge" {
		unit = ""
	}
	if unit != "" && !strings.HasSuffix(base, "_"+unit) {
		out = append(out, base+"_"+unit+part)
		base += "_" + unit
	}
	if m.Type == "sum" && !strings.HasSuffix(base, "_total") {
		out = append(out, base+"_total", Spell(raw)+"_total")
	}
	slices.Sort(out)
	return slices.Compact(out)
}
