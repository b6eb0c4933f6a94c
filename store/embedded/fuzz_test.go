package embedded

import (
	"bytes"
	"encoding/binary"
	"testing"

	"parley/store"
	"parley/wire"
)

// What a damaged disk gives back must be refused or read, never panic; what was
// written must come back as it was.
func FuzzStoredValues(f *testing.F) {
	run := &store.Run{First: 3, Last: 9, Received: 77, Link: wire.Hash("link"), Bytes: []byte("run")}
	value := make([]byte, runValueSize(run, 5))
	putRunValue(value, run, 5)
	f.Add(value)
	f.Add(appendRoomState(nil, &roomState{number: 4, lastArrival: 1 << 40, nextLog: 300}))
	f.Add(appendLogState(nil, &logState{number: 7}))
	f.Fuzz(func(t *testing.T, b []byte) {
		if s, err := decodeRoomState(b); err == nil && len(appendRoomState(nil, &s)) > len(b) {
			t.Errorf("a room's state %+v takes more than its %d bytes", s, len(b))
		}
		if s, err := decodeLogState(wire.ID{}, b); err == nil && len(appendLogState(nil, &s)) > len(b) {
			t.Errorf("a log's state takes more than its %d bytes", len(b))
		}
		key := make([]byte, max(runKeySize, arrivalKeySize))
		binary.BigEndian.PutUint64(key[13:], 1<<63)
		if p, err := decodeArrival(key[:arrivalKeySize], b); err == nil && len(b) < 17 {
			t.Errorf("an arrival %+v out of %d bytes", p, len(b))
		}
		var got store.Run
		if _, err := decodeRun(key[:runKeySize], b, &got); err == nil {
			if got.Last < got.First || !bytes.HasSuffix(b, got.Bytes) {
				t.Errorf("a run from %d to %d, whose bytes are not the value's", got.First, got.Last)
			}
		}
		if _, err := decodeRun(b, b, &got); err == nil && len(b) != runKeySize {
			t.Errorf("a key of %d bytes is taken", len(b))
		}
	})
}
