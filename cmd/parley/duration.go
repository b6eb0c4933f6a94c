package main

import (
	"context"
	"errors"
	"fmt"
	"strconv"
	"strings"
	"time"

	"parley/rooms/client"
)

// A duration is a flag's value: Go's form (90s, 1h30m), or a number of days or
// weeks (7d, 2w).
type duration time.Duration

// UnmarshalText implements encoding.TextUnmarshaler.
func (d *duration) UnmarshalText(text []byte) error {
	v, err := parseDuration(string(text))
	*d = duration(v)
	return err
}

func (d duration) String() string { return time.Duration(d).String() }

func parseDuration(s string) (time.Duration, error) {
	if d, err := time.ParseDuration(s); err == nil && d >= 0 {
		return d, nil
	}
	day := 24 * time.Hour
	for suffix, unit := range map[string]time.Duration{"d": day, "w": 7 * day} {
		number, ok := strings.CutSuffix(s, suffix)
		if !ok {
			continue
		}
		if n, err := strconv.ParseUint(number, 10, 32); err == nil && n <= uint64((1<<63-1)/unit) {
			return time.Duration(n) * unit, nil
		}
	}
	return 0, fmt.Errorf("%q is no duration such as 90s, 24h or 7d", s)
}

// parseSince reads a time, or a duration before now.
func parseSince(s string, now time.Time) (time.Time, error) {
	if d, err := parseDuration(s); err == nil {
		return now.Add(-d), nil
	}
	for _, layout := range []string{time.RFC3339Nano, "2006-01-02T15:04:05", "2006-01-02 15:04:05", "2006-01-02T15:04", "2006-01-02 15:04", "2006-01-02"} {
		if t, err := time.ParseInLocation(layout, s, time.Local); err == nil {
			return t, nil
		}
	}
	return time.Time{}, usagef("--since %q: give a time such as 2006-01-02T15:04:05Z, or a duration such as 90m or 7d", s)
}

// waits is the flag of every command that waits for the daemon.
type waits struct {
	Timeout duration `help:"End with code 5 after this long without progress; 0: never (default: 30s)." default:"30s" placeholder:"D"`
}

// patience is the time-out as a duration, of years where there is none.
func (w waits) patience() time.Duration {
	if w.Timeout == 0 {
		return 1<<63 - 1
	}
	return time.Duration(w.Timeout)
}

// limit is context.WithTimeout where 0 means none.
func (w waits) limit(ctx context.Context) (context.Context, context.CancelFunc) {
	if w.Timeout == 0 {
		return context.WithCancel(ctx)
	}
	return context.WithTimeout(ctx, time.Duration(w.Timeout))
}

// timedOut makes the end of --timeout an error that says so.
func timedOut(ctx context.Context, err error, what string) error {
	if err != nil && errors.Is(ctx.Err(), context.DeadlineExceeded) && !errors.Is(err, client.ErrUnsealed) && !errors.Is(err, client.ErrNoKey) {
		return fmt.Errorf("%s: %w", what, errTimeout)
	}
	return err
}
