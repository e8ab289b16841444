package plan

import (
	"strings"
	"time"

	"github.com/plumbline-mcp/plumbline/internal/ppl/function"
	"github.com/plumbline-mcp/plumbline/internal/ppl/syntax"
	"github.com/plumbline-mcp/plumbline/internal/rows"
)

// timeLayouts are the spellings of a point in time that a text constant may have.
func timeLayouts() []string {
	return []string{"2006-01-02 15:04:05", "2006-01-02T15:04:05Z07:00", "2006-01-02T15:04:05", "2006-01-02 15:04:05Z07:00", "2006-01-02", "2006-01-02 15:04", "2006-01-02T15:04Z07:00", "2006-01-02T15:04"}
}

// ParseTime reads a text as a point in time, UTC where it names no zone.
func ParseTime(s string) (time.Time, bool) {
	s = strings.TrimSpace(s)
	for _, l := range timeLayouts() {
		if t, err := time.Parse(l, s); err == nil {
			return t.UTC(), true
		}
	}
	return time.Time{}, false
}

// TimeSQL returns a timestamp constant.
func TimeSQL(t time.Time, nanos bool) string {
	if nanos {
		return "TIMESTAMP_NS '" + t.Format("2006-01-02 15:04:05.999999999") + "'"
	}
	return "TIMESTAMP '" + t.Truncate(time.Microsecond).Format("2006-01-02 15:04:05.999999") + "'"
}

// timeText reads a text constant beside a value of type timestamp, date or time.
func timeText(s string, like function.Value, span syntax.Span) (function.Value, error) {
	if like.Type == rows.Time {
		for _, l := range []string{"15:04:05", "15:04"} {
			if t, err := time.Parse(l, strings.TrimSpace(s)); err == nil {
				return function.Value{SQL: "TIME '" + t.Format("15:04:05.999999") + "'", Type: rows.Time}, nil
			}
		}
	}
	t, ok := ParseTime(s)
	if !ok {
		name, form := "timestamp", "yyyy-MM-dd HH:mm:ss[.SSSSSSSSS]"
		switch like.Type {
		default:
		case rows.Date:
			name, form = "date", "yyyy-MM-dd"
		case rows.Time:
			name, form = "time", "HH:mm:ss[.SSSSSSSSS]"
		}
		return function.Value{}, syntax.Errorf(span, "%s:%s in unsupported format, please use '%s'", name, s, form)
	}
	switch like.Type {
	default:
	case rows.Time:
		return function.Value{SQL: "TIME '" + t.Format("15:04:05.999999") + "'", Type: rows.Time}, nil
	case rows.Date:
		if t.Equal(t.Truncate(24 * time.Hour)) {
			return function.Value{SQL: "DATE '" + t.Format(time.DateOnly) + "'", Type: rows.Date}, nil
		}
	}
	return function.Value{SQL: TimeSQL(t, like.Nanos), Type: rows.Timestamp, Nanos: like.Nanos}, nil
}
