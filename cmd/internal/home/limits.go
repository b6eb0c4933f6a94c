package home

import "time"

const (
	// maxFile bounds the small text files of a home when they are read: an
	// address, a network, a passphrase are each one or two lines.
	maxFile = 64 << 10

	// lockRetry is how often a lock that another process holds is tried while
	// waiting for it; short beside what is done under any of them.
	lockRetry = 20 * time.Millisecond
)
