package load

import (
	"context"
	"errors"
	"log/slog"
	"maps"
	"sync"

	"parley/rooms/client"
	"parley/wire"
)

// notes count what the users' clients log: what they came through without an
// error, as a refused message that was sent again, shows nowhere else.
type notes struct {
	mu     sync.Mutex
	counts map[string]uint64
}

func newNotes() *notes { return &notes{counts: make(map[string]uint64)} }

func (n *notes) logger() *slog.Logger { return slog.New(n) }

// Enabled implements slog.Handler.
func (n *notes) Enabled(_ context.Context, level slog.Level) bool { return level >= slog.LevelInfo }

// Handle implements slog.Handler. Messages are constant strings; a code tells them apart.
func (n *notes) Handle(_ context.Context, r slog.Record) error {
	name := r.Message
	r.Attrs(func(a slog.Attr) bool {
		if code, ok := a.Value.Any().(wire.Code); ok {
			name += ": " + code.String()
		}
		return true
	})
	n.add(name, 1)
	return nil
}

// WithAttrs implements slog.Handler.
func (n *notes) WithAttrs([]slog.Attr) slog.Handler { return n }

// WithGroup implements slog.Handler.
func (n *notes) WithGroup(string) slog.Handler { return n }

func (n *notes) add(name string, by uint64) {
	n.mu.Lock()
	defer n.mu.Unlock()
	n.counts[name] += by
}

func (n *notes) all() map[string]uint64 {
	n.mu.Lock()
	defer n.mu.Unlock()
	return maps.Clone(n.counts)
}

// codeOf names the code with which a message or a reading failed.
func codeOf(err error) string {
	var werr *wire.Error
	switch {
	case errors.As(err, &werr):
		return werr.Code.String()
	case errors.Is(err, client.ErrNoDaemon):
		return "no connection"
	case errors.Is(err, client.ErrNoProgress), errors.Is(err, context.DeadlineExceeded):
		return wire.CodeTimeout.String()
	case errors.Is(err, context.Canceled):
		return "given up"
	}
	return "other"
}
