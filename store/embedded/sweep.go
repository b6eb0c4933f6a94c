package embedded

import (
	"context"
	"log/slog"
)

// A span is a range of keys, from inclusive to exclusive.
type span struct{ from, to []byte }

// sweepLoop merges spans that were deleted, so that their space is given back: a deletion is at first only
// a mark, and the database comes to merge it with what it deletes when enough has been written after
// it, which may be never. Spans with little on disk are left to that.
func sweepLoop(ctx context.Context, l *life, spans <-chan span, log *slog.Logger) {
	for {
		select {
		case <-ctx.Done():
			return
		case s := <-spans:
			size, err := l.db.EstimateDiskUsage(s.from, s.to)
			if err != nil || size < sweepBytes || l.disk.isVoid() {
				continue
			}
			if err := l.db.Compact(ctx, s.from, s.to, false); err != nil && ctx.Err() == nil {
				log.Warn("space of deleted runs is not given back yet", "error", err)
			}
		}
	}
}
