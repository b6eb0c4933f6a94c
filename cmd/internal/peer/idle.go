package peer

import (
	"context"
	"runtime/debug"
	"runtime/metrics"
	"time"
)

// trimWhenIdle gives memory back to the system when a burst is over. The
// runtime collects in proportion to what is allocated, so a peer that has gone
// quiet would keep the garbage of its last burst, as much again as it uses, for
// as long as it stays quiet: on a machine that runs for months, most of the time.
func (p *Peer) trimWhenIdle(ctx context.Context) {
	allocated := []metrics.Sample{{Name: "/gc/heap/allocs:bytes"}}
	var atLook, atTrim uint64
	tick := time.NewTicker(idleLook)
	defer tick.Stop()
	for {
		select {
		case <-tick.C:
		case <-ctx.Done():
			return
		}
		metrics.Read(allocated)
		now := allocated[0].Value.Uint64()
		if now-atLook < idleBytes && now-atTrim > trimBytes {
			debug.FreeOSMemory()
			metrics.Read(allocated)
			now = allocated[0].Value.Uint64()
			atTrim = now
		}
		atLook = now
	}
}
