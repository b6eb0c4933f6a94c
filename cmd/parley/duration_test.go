package main

import (
	"errors"
	"testing"
	"time"
)

func TestDurationsKnowDaysAndWeeks(t *testing.T) {
	for s, want := range map[string]time.Duration{
		"90m": 90 * time.Minute, "24h": 24 * time.Hour, "1h30m": 90 * time.Minute, "250ms": 250 * time.Millisecond, "0": 0,
		"7d": 7 * 24 * time.Hour, "2w": 14 * 24 * time.Hour, "0d": 0,
	} {
		var d duration
		if err := d.UnmarshalText([]byte(s)); err != nil || time.Duration(d) != want {
			t.Errorf("%s: %v, %v; want %v", s, d, err, want)
		}
	}
	for _, s := range []string{"", "d", "-1h", "-7d", "7", "1.5d", "99999999999d", "4294967295w", "7 d", "soon"} {
		var d duration
		if err := d.UnmarshalText([]byte(s)); err == nil {
			t.Errorf("%q is read as %v", s, d)
		}
	}
}

func TestSinceIsATimeOrADurationBeforeNow(t *testing.T) {
	now := time.Date(2026, 7, 31, 12, 0, 0, 0, time.UTC)
	for s, want := range map[string]time.Time{
		"90m":                         now.Add(-90 * time.Minute),
		"7d":                          now.Add(-7 * 24 * time.Hour),
		"2026-07-30T10:00:00Z":        time.Date(2026, 7, 30, 10, 0, 0, 0, time.UTC),
		"2026-07-30T10:00:00.5+02:00": time.Date(2026, 7, 30, 8, 0, 0, 5e8, time.UTC),
		"2026-07-30T10:00:00":         time.Date(2026, 7, 30, 10, 0, 0, 0, time.Local),
		"2026-07-30 10:00":            time.Date(2026, 7, 30, 10, 0, 0, 0, time.Local),
		"2026-07-30":                  time.Date(2026, 7, 30, 0, 0, 0, 0, time.Local),
	} {
		got, err := parseSince(s, now)
		if err != nil || !got.Equal(want) {
			t.Errorf("%s: %v, %v; want %v", s, got, err, want)
		}
	}
	for _, s := range []string{"yesterday", "2026", "30.7.2026", "-1h", "25:00"} {
		_, err := parseSince(s, now)
		var usage *usageError
		if !errors.As(err, &usage) {
			t.Errorf("%q: %v, want a usage error", s, err)
		}
	}
}
