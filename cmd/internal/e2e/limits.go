package e2e

import "time"

const (
	// ReadyWithin bounds the start of a daemon until its `ready` line: keys are
	// made, the store is opened. Generous, since a test machine may be busy.
	ReadyWithin = 30 * time.Second

	// CommandWithin bounds one run of a command that is expected to end.
	CommandWithin = 90 * time.Second

	// StopWithin bounds how long a process may take to end after a signal
	// before it is killed and the test fails.
	StopWithin = 15 * time.Second

	// PollEvery is how often Eventually looks at its condition.
	PollEvery = 20 * time.Millisecond

	// MaxCapture bounds what a Capture keeps in memory, in bytes.
	MaxCapture = 256 << 20

	// MaxLine bounds one line of a program's output in bytes: a message of
	// wire.MaxFrame in JSON, escaped, fits.
	MaxLine = 8 << 20
)
