package timerange_test

import (
	"testing"
	"time"

	"github.com/plumbline-mcp/plumbline/internal/fault"
	"github.com/plumbline-mcp/plumbline/internal/timerange"
)

var now = time.Date(2026, 5, 27, 18, 0, 0, 0, time.UTC)

func TestInstantReadsWhatPeopleWrite(t *testing.T) {
	for text, want := range map[string]time.Time{
		"2026-05-27T18:20:00Z":      now.Add(20 * time.Minute),
		"2026-05-27T20:20:00+02:00": now.Add(20 * time.Minute),
		"2026-05-27 18:20:00":       now.Add(20 * time.Minute),
		"2026-05-27 18:20:00.25":    now.Add(20*time.Minute + 250*time.Millisecond),
		"2026-05-27T18:20":          now.Add(20 * time.Minute),
		"2026-05-27":                now.Add(-18 * time.Hour),
		"1779904800":                now,
		"1779904800000":             now,
		"now":                       now,
		" now-15m ":                 now.Add(-15 * time.Minute),
		"-2h":                       now.Add(-2 * time.Hour),
		"-1d":                       now.Add(-24 * time.Hour),
		"-1h30m":                    now.Add(-90 * time.Minute),
		"now+1w":                    now.Add(7 * 24 * time.Hour),
	} {
		got, err := timerange.Instant(text, now)
		if err != nil || !got.Equal(want) {
			t.Errorf("%q: got %v, %v; want %v", text, got, err, want)
		}
	}
}

func TestUnreadableTimesAreRefusedWithTheFormsThatWork(t *testing.T) {
	for _, text := range []string{"", "yesterday", "-5", "-", "15m", "2026-13-01", "-99999999999999d"} {
		_, err := timerange.Instant(text, now)
		if fault.CodeOf(err) != fault.InvalidArgument || fault.HintOf(err) == "" {
			t.Errorf("%q: got %v, hint %q", text, err, fault.HintOf(err))
		}
	}
}

func TestParseKeepsBoundsOpenAndRefusesSwappedOnes(t *testing.T) {
	r, err := timerange.Parse("", "now", now)
	if err != nil || !r.Start.IsZero() || !r.End.Equal(now) || r.Duration() != 0 || !r.Contains(now.Add(-time.Hour)) || r.Contains(now) {
		t.Errorf("open start: %+v, %v", r, err)
	}
	if _, err := timerange.Parse("now", "-1h", now); fault.CodeOf(err) != fault.InvalidArgument {
		t.Errorf("swapped bounds: %v", err)
	}
}
