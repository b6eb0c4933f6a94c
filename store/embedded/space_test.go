package embedded_test

import (
	"testing"
	"time"

	"parley/store"
	"parley/store/storetest"
	"parley/wire"
)

func TestTrimsAndDropsGiveTheirSpaceBack(t *testing.T) {
	for name, cut := range map[string]*store.Batch{
		"trim to a floor": {Trims: []store.Trim{{Room: storetest.ID("room"), Log: storetest.ID("log 0"), Floor: 119_000}}},
		"drop the room":   {DropRooms: []wire.ID{storetest.ID("room")}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			// What stays is bounded, not a share: write buffers, their logs, and a few files that a later
			// merge takes.
			s := onDisk(t.TempDir()).Open(t)
			defer s.Close()
			storetest.Fill(t, s, 1, 120_000, 1000)
			before := s.Stats().DiskBytes
			if before < 60<<20 {
				t.Fatalf("only %d bytes on disk before", before)
			}
			if err := s.Apply(t.Context(), cut); err != nil {
				t.Fatal(err)
			}
			tick := time.NewTicker(50 * time.Millisecond)
			defer tick.Stop()
			deadline := time.After(time.Minute)
			for s.Stats().DiskBytes > before/3 {
				select {
				case <-tick.C:
				case <-deadline:
					t.Fatalf("%d bytes on disk before, %d a minute after", before, s.Stats().DiskBytes)
				}
			}
			storetest.CheckConsistent(t, s)
		})
	}
}
