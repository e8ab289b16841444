package doctable

import (
	"fmt"
	"strings"
	"time"
)

// dateFormat is one format of a date field: a name such as epoch_millis, or a pattern of Java's DateTimeFormatter.
type dateFormat struct {
	epoch             int // units a second of epoch formats, 0 for patterns
	patterns          [][]patternPart
	hasDate, hasClock bool
}

// newDateFormat reads a format by name or as a pattern.
func newDateFormat(format string) (dateFormat, error) {
	switch format {
	case "epoch_millis":
		return dateFormat{epoch: 1000, hasDate: true, hasClock: true}, nil
	case "epoch_second":
		return dateFormat{epoch: 1, hasDate: true, hasClock: true}, nil
	}
	texts, named := namedFormats()[strings.TrimPrefix(format, "strict_")]
	if !named {
		texts = []string{format}
	}
	var d dateFormat
	for _, t := range texts {
		parts, err := parsePattern(t)
		if err != nil {
			return d, fmt.Errorf("date format %q: %w", format, err)
		}
		d.classify(parts)
		d.patterns = append(d.patterns, parts)
	}
	if !d.hasDate && !d.hasClock {
		d.hasDate, d.hasClock = true, true // a format of literals alone: a timestamp, as on a cluster
	}
	return d, nil
}

// classify notes whether the parts show a date and a clock time, optional parts included.
func (d *dateFormat) classify(parts []patternPart) {
	for _, p := range parts {
		d.classify(p.optional)
		d.hasDate = d.hasDate || strings.ContainsRune(dateLetters, p.letter)
		d.hasClock = d.hasClock || strings.ContainsRune(clockLetters, p.letter)
	}
}

// namedFormats are OpenSearch's names for formats, without the prefix strict_; [..] is optional.
func namedFormats() map[string][]string {
	const (
		ymd   = "yyyy-MM-dd"
		ord   = "yyyy-DDD"
		wk    = "YYYY-'W'ww-e"
		hms   = "HH:mm:ss"
		frac  = "[.SSSSSSSSS]"
		zone  = "XX"
		iso   = ymd + "['T'HH[:mm[:ss[.SSSSSSSSS]]][XX]]"
		month = "yyyy-MM"
	)
	return map[string][]string{
		"date_optional_time": {iso, month, "yyyy"}, "date_optional_time_nanos": {iso, month, "yyyy"},
		"basic_date": {"yyyyMMdd"}, "basic_date_time": {"yyyyMMdd'T'HHmmss" + frac + zone}, "basic_date_time_no_millis": {"yyyyMMdd'T'HHmmss" + zone},
		"basic_ordinal_date": {"yyyyDDD"}, "basic_ordinal_date_time": {"yyyyDDD'T'HHmmss" + frac + zone}, "basic_ordinal_date_time_no_millis": {"yyyyDDD'T'HHmmss" + zone},
		"basic_time": {"HHmmss" + frac + zone}, "basic_time_no_millis": {"HHmmss" + zone}, "basic_t_time": {"'T'HHmmss" + frac + zone}, "basic_t_time_no_millis": {"'T'HHmmss" + zone},
		"basic_week_date": {"YYYY'W'wwe"}, "basic_week_date_time": {"YYYY'W'wwe'T'HHmmss" + frac + zone}, "basic_week_date_time_no_millis": {"YYYY'W'wwe'T'HHmmss" + zone},
		"date": {ymd}, "year_month_day": {ymd}, "date_hour": {ymd + "'T'HH"}, "date_hour_minute": {ymd + "'T'HH:mm"}, "date_hour_minute_second": {ymd + "'T'" + hms},
		"date_hour_minute_second_fraction": {ymd + "'T'" + hms + frac}, "date_hour_minute_second_millis": {ymd + "'T'" + hms + frac},
		"date_time": {ymd + "'T'" + hms + frac + zone}, "date_time_no_millis": {ymd + "'T'" + hms + zone},
		"hour": {"HH"}, "hour_minute": {"HH:mm"}, "hour_minute_second": {hms}, "hour_minute_second_fraction": {hms + frac}, "hour_minute_second_millis": {hms + frac},
		"ordinal_date": {ord}, "ordinal_date_time": {ord + "'T'" + hms + frac + zone}, "ordinal_date_time_no_millis": {ord + "'T'" + hms + zone},
		"time": {hms + frac + zone}, "time_no_millis": {hms + zone}, "t_time": {"'T'" + hms + frac + zone}, "t_time_no_millis": {"'T'" + hms + zone},
		"week_date": {wk}, "week_date_time": {wk + "'T'" + hms + frac + zone}, "week_date_time_no_millis": {wk + "'T'" + hms + zone},
		"weekyear_week_day": {wk}, "weekyear_week": {"YYYY-'W'ww"}, "week_year_week": {"YYYY-'W'ww"}, "weekyear": {"YYYY"}, "week_year": {"YYYY"},
		"year": {"yyyy"}, "year_month": {month}, "iso8601": {iso, month, "yyyy"}, "rfc3339_lenient": {iso, month, "yyyy"},
	}
}

// parseAny reads text by the first format that fits.
func parseAny(formats []dateFormat, s string) (time.Time, bool) {
	s = strings.TrimSpace(s)
	for i := range formats {
		if t, ok := formats[i].parse(s); ok {
			return t, true
		}
	}
	return time.Time{}, false
}

func (d *dateFormat) parse(s string) (time.Time, bool) {
	if d.epoch > 0 {
		return parseEpoch(s, d.epoch)
	}
	for _, p := range d.patterns {
		if t, ok := parseByPattern(p, s); ok {
			return t, true
		}
	}
	return time.Time{}, false
}

// maxEpochDigits bounds the whole part of an epoch number: the year 9999 in milliseconds has 15 digits.
const maxEpochDigits = 15

// parseEpoch reads a count of seconds (or of 1/units of them) since 1970, with a fraction.
func parseEpoch(s string, units int) (time.Time, bool) {
	whole, frac, _ := strings.Cut(s, ".")
	negative := strings.HasPrefix(whole, "-")
	whole = strings.TrimPrefix(whole, "-")
	if !plainInteger([]byte(whole)) || len(whole) > maxEpochDigits || (frac != "" && !plainInteger([]byte(frac))) {
		return time.Time{}, false
	}
	n := atoi(whole)
	unit := int64(time.Second) / int64(units)
	// The fraction is of one unit.
	digits := frac + "000000000"
	part := int64(float64(atoi(digits[:9])) * float64(unit) / 1e9)
	if negative {
		n, part = -n, -part
	}
	seconds, left := n/int64(units), n%int64(units)
	return time.Unix(seconds, left*unit+part).UTC(), true
}

// atoi reads digits that are known to be digits and few.
func atoi(s string) int64 {
	var n int64
	for _, c := range []byte(s) {
		n = n*10 + int64(c-'0')
	}
	return n
}

// detectDate reads text as dynamic mapping does: an ISO date with an optional time, or yyyy/MM/dd. Bare numbers are no dates.
func (b *Builder) detectDate(s string) (time.Time, bool) {
	const shortest = len("2024-01")
	if b.opt.KeepDates || len(s) < shortest || len(s) > len("2024-01-02T15:04:05.123456789+00:00")+2 || s[0] < '0' || s[0] > '9' {
		return time.Time{}, false
	}
	switch s[4] {
	case '-':
		return parseISO(s)
	case '/':
		for _, layout := range []string{"2006/01/02", "2006/01/02 15:04:05"} {
			if t, err := time.Parse(layout, s); err == nil {
				return t, true
			}
		}
	}
	return time.Time{}, false
}

// parseISO reads yyyy-MM[-dd['T'HH[:mm[:ss[.f]]][zone]]].
func parseISO(s string) (time.Time, bool) {
	switch {
	case len(s) == len("2006-01"):
		t, err := time.Parse("2006-01", s)
		return t, err == nil
	case len(s) == len(time.DateOnly):
		t, err := time.Parse(time.DateOnly, s)
		return t, err == nil
	case len(s) < len("2006-01-02T15") || s[10] != 'T':
		return time.Time{}, false
	}
	s = strings.Replace(s, ",", ".", 1)
	for _, layout := range []string{
		"2006-01-02T15:04:05Z07:00", "2006-01-02T15:04:05", "2006-01-02T15:04:05Z0700", "2006-01-02T15:04Z07:00", "2006-01-02T15:04", "2006-01-02T15",
	} {
		if t, err := time.Parse(layout, s); err == nil {
			return t.UTC(), true
		}
	}
	return time.Time{}, false
}
