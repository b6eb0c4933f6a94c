package main

import (
	"bytes"
	"context"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"time"

	"parley/cmd/internal/peer"
	"parley/wire"
)

// metricsEvery is how often the file is written: the usual interval at which
// such files are collected.
const metricsEvery = 15 * time.Second

// writeMetrics keeps the file current until ctx ends.
func writeMetrics(ctx context.Context, path string, p *peer.Peer, logger *slog.Logger) {
	tick := time.NewTicker(metricsEvery)
	defer tick.Stop()
	for {
		if err := replaceFile(path, metrics(p.Status(ctx))); err != nil {
			logger.Error("the metrics cannot be written", "error", err)
		}
		select {
		case <-tick.C:
		case <-ctx.Done():
			return
		}
	}
}

// replaceFile writes a file that others read while it is replaced: 0644, whole
// or not at all. It need not outlive a power cut.
func replaceFile(path string, data []byte) (err error) {
	f, err := os.CreateTemp(filepath.Dir(path), ".parley-*")
	if err != nil {
		return err
	}
	defer func() {
		if err != nil {
			os.Remove(f.Name())
		}
	}()
	_, err = f.Write(data)
	if err == nil {
		err = f.Chmod(0o644)
	}
	if cerr := f.Close(); err == nil {
		err = cerr
	}
	if err == nil {
		err = os.Rename(f.Name(), path)
	}
	return err
}

// metrics is a peer's state in the Prometheus text exposition format.
func metrics(s *wire.Status) []byte {
	var b bytes.Buffer
	put := func(name, kind string, v uint64) {
		fmt.Fprintf(&b, "# TYPE parley_%s %s\nparley_%s %d\n", name, kind, name, v)
	}
	put("start_time_seconds", "gauge", s.Started/1e9)
	put("rooms", "gauge", s.Rooms)
	put("sessions", "gauge", s.Sessions)
	put("users", "gauge", s.Users)
	put("store_bytes", "gauge", s.DiskBytes)
	put("memory_bytes", "gauge", s.MemoryBytes)
	put("queued_bytes", "gauge", s.QueuedBytes)
	put("goroutines", "gauge", s.Goroutines)
	put("messages_stored_total", "counter", s.Messages)
	put("store_commits_total", "counter", s.Commits)
	put("store_syncs_total", "counter", s.Syncs)
	put("sent_bytes_total", "counter", s.Sent)
	put("received_bytes_total", "counter", s.Received)
	for _, c := range s.Counters {
		put(c.Name+"_total", "counter", c.Value)
	}
	return b.Bytes()
}
