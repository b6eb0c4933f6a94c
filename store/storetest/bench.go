package storetest

import (
	"context"
	"fmt"
	"sync"
	"sync/atomic"
	"testing"

	"parley/store"
)

// BenchRunSize is the size in bytes of the runs that the benchmarks write: one message of about 100 characters
// with its signature, links and tags.
const BenchRunSize = 550

// Benchmark measures an engine: durable appends by the size of the commit and the number of committers, and scans. open
// returns a new empty store.
func Benchmark(b *testing.B, open func(b *testing.B) store.Store) {
	for _, size := range []int{1, 16, 256} {
		b.Run(fmt.Sprintf("append/%d-a-commit", size), func(b *testing.B) {
			benchAppend(b, open(b), 1, size)
		})
	}
	for _, committers := range []int{4, 16, 64} {
		b.Run(fmt.Sprintf("append/1-a-commit/%d-committers", committers), func(b *testing.B) {
			benchAppend(b, open(b), committers, 1)
		})
	}
	b.Run("append/pipe-of-64KiB-runs", func(b *testing.B) { benchPipe(b, open(b)) })
	b.Run("scan", func(b *testing.B) { benchScans(b, open(b)) })
	b.Run("heads/10000-logs", func(b *testing.B) { benchHeads(b, open(b)) })
}

// benchAppend appends b.N runs of one message in commits of size, each committer to a log of its own.
func benchAppend(b *testing.B, s store.Store, committers, size int) {
	defer s.Close()
	var taken atomic.Int64
	var wg sync.WaitGroup
	b.SetBytes(BenchRunSize)
	b.ResetTimer()
	for c := range committers {
		wg.Go(func() {
			next := uint64(1)
			batch := store.Batch{Runs: make([]store.Run, 0, size)}
			template := NewRun(fmt.Sprint(c), 1, 1, BenchRunSize)
			for taken.Add(int64(size)) <= int64(b.N+size-1) {
				batch.Runs = batch.Runs[:0]
				for range size {
					template.First, template.Last = next, next
					batch.Runs = append(batch.Runs, template)
					next++
				}
				if err := s.Apply(context.Background(), &batch); err != nil {
					b.Errorf("Apply: %v", err)
					return
				}
			}
		})
	}
	wg.Wait()
	b.StopTimer()
	b.ReportMetric(float64(b.N)/b.Elapsed().Seconds(), "runs/s")
	stats := s.Stats()
	b.ReportMetric(float64(stats.Runs)/float64(max(stats.Syncs, 1)), "runs/sync")
}

// benchPipe appends runs of 512 messages in 64 KiB, eight a commit, from two committers.
func benchPipe(b *testing.B, s store.Store) {
	defer s.Close()
	const messages, each = 512, 8
	var taken atomic.Int64
	var wg sync.WaitGroup
	b.SetBytes(64 << 10)
	b.ResetTimer()
	for c := range 2 {
		wg.Go(func() {
			next := uint64(1)
			template := NewRun(fmt.Sprint(c), 1, messages, 64<<10)
			for taken.Add(each) <= int64(b.N+each-1) {
				var batch store.Batch
				for range each {
					template.First, template.Last = next, next+messages-1
					batch.Runs = append(batch.Runs, template)
					next += messages
				}
				if err := s.Apply(context.Background(), &batch); err != nil {
					b.Errorf("Apply: %v", err)
					return
				}
			}
		})
	}
	wg.Wait()
	b.StopTimer()
	b.ReportMetric(float64(b.N)*messages/b.Elapsed().Seconds(), "messages/s")
}

// Fill appends count runs of one message of BenchRunSize, dealt out in stretches over some logs.
func Fill(t testing.TB, s store.Store, logs, count, stretch int) {
	t.Helper()
	next := make([]uint64, logs)
	batch := store.Batch{}
	for n := 0; n < count; {
		log := n / stretch % logs
		for range min(stretch, count-n) {
			next[log]++
			run := NewRun(fmt.Sprint(log), next[log], next[log], BenchRunSize)
			// Ciphertext does not compress; spread what little differs.
			for i := range run.Bytes {
				run.Bytes[i] ^= run.Link[i%len(run.Link)] + byte(i*i>>3)
			}
			batch.Runs = append(batch.Runs, run)
			n++
		}
		if len(batch.Runs) >= 256 || n >= count {
			if err := s.Apply(context.Background(), &batch); err != nil {
				t.Fatalf("Apply: %v", err)
			}
			batch.Runs = batch.Runs[:0]
		}
	}
}

func benchScans(b *testing.B, s store.Store) {
	defer s.Close()
	const count = 200_000
	Fill(b, s, 1, count, 256)
	mixed := ID("mixed")
	{
		// The same again in a room where 50 writers take turns.
		next := make([]uint64, 50)
		batch := store.Batch{}
		for n := range count {
			log := n * 31 % 50
			next[log]++
			run := NewRun(fmt.Sprint("m", log), next[log], next[log], BenchRunSize)
			run.Room = mixed
			if batch.Runs = append(batch.Runs, run); len(batch.Runs) == 250 {
				if err := s.Apply(context.Background(), &batch); err != nil {
					b.Fatalf("Apply: %v", err)
				}
				batch.Runs = batch.Runs[:0]
			}
		}
	}
	scan := func(name string, sequence func() func(func(store.Run, error) bool)) {
		b.Run(name, func(b *testing.B) {
			b.SetBytes(BenchRunSize)
			for n := 0; n < b.N; {
				for _, err := range sequence() {
					if err != nil {
						b.Fatal(err)
					}
					if n++; n >= b.N {
						break
					}
				}
			}
			b.ReportMetric(float64(b.N)/b.Elapsed().Seconds(), "runs/s")
		})
	}
	ctx := context.Background()
	scan("log", func() func(func(store.Run, error) bool) { return s.Runs(ctx, ID("room"), ID("log 0"), 1) })
	scan("log-back", func() func(func(store.Run, error) bool) {
		return s.RunsBack(ctx, ID("room"), ID("log 0"), store.TrimAll)
	})
	scan("arrival/one-writer", func() func(func(store.Run, error) bool) { return s.Arrivals(ctx, ID("room"), 0) })
	scan("arrival/50-writers", func() func(func(store.Run, error) bool) { return s.Arrivals(ctx, mixed, 0) })
	scan("arrival-back/50-writers", func() func(func(store.Run, error) bool) { return s.ArrivalsBack(ctx, mixed, 0) })
	b.Run("run-at", func(b *testing.B) {
		for n := range b.N {
			if _, err := s.RunAt(ctx, ID("room"), ID("log 0"), uint64(n*7919%count)+1); err != nil {
				b.Fatal(err)
			}
		}
	})
}

func benchHeads(b *testing.B, s store.Store) {
	defer s.Close()
	const logs = 10_000
	Fill(b, s, logs, logs, 1)
	b.ResetTimer()
	for range b.N {
		heads, err := s.Heads(context.Background(), ID("room"))
		if err != nil || len(heads) != logs {
			b.Fatalf("%d heads, %v", len(heads), err)
		}
	}
}
