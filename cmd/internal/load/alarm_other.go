//go:build !linux

package load

import "time"

// An alarm sleeps as exactly as the runtime does.
type alarm struct{}

func newAlarm() (*alarm, error) { return &alarm{}, nil }

func (*alarm) sleep(d time.Duration) { time.Sleep(d) }

func (*alarm) close() error { return nil }
