package embedded_test

import (
	"testing"
	"time"

	"parley/store/embedded"
	"parley/store/storetest"
)

// millionRuns is a long history of one room.
const millionRuns = 1_000_000

// BenchmarkOpenAMillionRuns reports how long it takes until a store with 1,000,000 runs of one message in 1,000 logs is
// there: opened, with the heads of its room and the newest page read. After a clean end, and after a kill, which
// leaves a write-ahead log to replay. Run it with -bench OpenAMillion -benchtime 1x.
func BenchmarkOpenAMillionRuns(b *testing.B) {
	path := b.TempDir()
	s, err := embedded.Open(path, embedded.Options{})
	if err != nil {
		b.Fatal(err)
	}
	storetest.Fill(b, s, 1000, millionRuns, 50)
	killed, err := s.Snapshot(b.Context()) // as the disk would be if the process were killed now
	if err != nil {
		b.Fatal(err)
	}
	if err := s.Close(); err != nil {
		b.Fatal(err)
	}
	for _, of := range []struct{ name, path string }{{"killed", killed}, {"closed", path}} { // the second removes the snapshot
		path := of.path
		b.Run(of.name, func(b *testing.B) {
			slowest := time.Duration(0)
			for range b.N {
				began := time.Now()
				s, err := embedded.Open(path, embedded.Options{})
				if err != nil {
					b.Fatal(err)
				}
				heads, err := s.Heads(b.Context(), storetest.ID("room"))
				if err != nil || len(heads) != 1000 {
					b.Fatalf("%d heads, %v", len(heads), err)
				}
				n := 0
				for _, err := range s.ArrivalsBack(b.Context(), storetest.ID("room"), 0) {
					if err != nil {
						b.Fatal(err)
					}
					if n++; n == 100 {
						break
					}
				}
				slowest = max(slowest, time.Since(began))
				b.StopTimer()
				if err := s.Close(); err != nil {
					b.Fatal(err)
				}
				b.StartTimer()
			}
			b.ReportMetric(float64(slowest.Milliseconds()), "ms-slowest")
		})
	}
}
