package peer

import (
	"context"
	"runtime/debug"
	"runtime/metrics"
	"time"
)

// tendMemory keeps the process small. The runtime collects in proportion to
// what lives, so it would let garbage grow to as much again as a peer uses, and a
// peer that has gone quiet would keep the garbage of its last burst for as long
// as it stays quiet. So the runtime is given a limit, which grows with what
// lives, and when a burst is over its memory goes back to the system.
func (p *Peer) tendMemory(ctx context.Context) {
	sample := []metrics.Sample{{Name: "/gc/heap/allocs:bytes"}, {Name: "/gc/heap/live:bytes"}}
	var atLook, atTrim uint64
	tick := time.NewTicker(idleLook)
	defer tick.Stop()
	for {
		metrics.Read(sample)
		debug.SetMemoryLimit(max(memoryLimit, int64(2*sample[1].Value.Uint64())))
		now := sample[0].Value.Uint64()
		if now-atLook < idleBytes && now-atTrim > trimBytes {
			debug.FreeOSMemory()
			metrics.Read(sample)
			now = sample[0].Value.Uint64()
			atTrim = now
		}
		atLook = now
		select {
		case <-tick.C:
		case <-ctx.Done():
			return
		}
	}
}
