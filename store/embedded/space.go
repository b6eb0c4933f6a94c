package embedded

import (
	"log/slog"
	"sync/atomic"

	"github.com/cockroachdb/pebble/v2/vfs"
)

// space watches the free space of the store's disk, so that deletions still find some when it is
// nearly full.
type space struct {
	fs   vfs.FS
	path string
	log  *slog.Logger
	used int          // bytes handed to the log since the last look
	seen bool         // there was a look
	was  *atomic.Bool // what it found
}

// low reports whether only the reserve is left. It looks every reserveEvery bytes, and each time while
// it is low. Where free space cannot be told, it never is.
func (s *space) low() bool {
	if s.seen && !s.was.Load() && s.used < reserveEvery {
		return false
	}
	s.seen, s.used = true, 0
	usage, err := s.fs.GetDiskUsage(s.path)
	is := err == nil && usage.AvailBytes < min(reserveBytes, usage.TotalBytes/reserveShare)
	if s.was.Swap(is) != is && is {
		s.log.Warn("disk nearly full: only deletions are taken", "path", s.path, "free", usage.AvailBytes)
	}
	return is
}
