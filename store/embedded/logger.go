package embedded

import (
	"fmt"
	"log/slog"

	"github.com/cockroachdb/pebble/v2"
)

// pebbleLogger sends what Pebble has to say to slog. Its own logger would write to standard
// error, and end the process on a fatal error.
type pebbleLogger struct {
	log  *slog.Logger
	disk *diskFS
}

var _ pebble.Logger = pebbleLogger{}

func (l pebbleLogger) Infof(format string, args ...any) {
	l.log.Debug("database", "text", fmt.Sprintf(format, args...))
}

func (l pebbleLogger) Errorf(format string, args ...any) {
	l.log.Warn("database error", "text", fmt.Sprintf(format, args...))
}

// Fatalf ends this life of the database instead of the process: whatever Pebble does
// after it reaches no file.
func (l pebbleLogger) Fatalf(format string, args ...any) {
	text := fmt.Sprintf(format, args...)
	l.log.Error("database failed", "text", text)
	l.disk.fail(fmt.Errorf("database failed: %s", text))
}

// listener reports background faults. Corruption is not fatal here: who reads the damaged part gets
// store.ErrCorrupt, everything else stays readable.
func listener(log *slog.Logger) *pebble.EventListener {
	return &pebble.EventListener{
		BackgroundError: func(err error) { log.Warn("database background error", "error", err) },
		DataCorruption: func(info pebble.DataCorruptionInfo) {
			log.Error("database file damaged", "path", info.Path, "error", info.Details)
		},
	}
}
