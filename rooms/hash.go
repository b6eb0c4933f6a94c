package rooms

import (
	"crypto/sha256"
	"encoding/binary"
	"sync"

	"parley/wire"
)

// A fieldBuffer gathers the length-prefixed fields of H in a byte slice, so
// that a hash of many short fields is one call. It writes the same bytes as
// wire.Hasher.
type fieldBuffer []byte

func (f fieldBuffer) field(b []byte) fieldBuffer {
	f = binary.BigEndian.AppendUint32(f, uint32(len(b)))
	return append(f, b...)
}

func (f fieldBuffer) text(s string) fieldBuffer {
	f = binary.BigEndian.AppendUint32(f, uint32(len(s)))
	return append(f, s...)
}

func (f fieldBuffer) id(id *wire.ID) fieldBuffer { return f.field(id[:]) }

func (f fieldBuffer) uint(v uint64) fieldBuffer {
	f = append(f, 0, 0, 0, 8)
	return binary.BigEndian.AppendUint64(f, v)
}

func (f fieldBuffer) ids(ids []wire.ID) fieldBuffer {
	f = f.uint(uint64(len(ids)))
	for i := range ids {
		f = f.id(&ids[i])
	}
	return f
}

func (f fieldBuffer) sum() wire.ID { return sha256.Sum256(f) }

// A scratch is the pair of buffers that one run is hashed with.
type scratch struct{ run, leaf fieldBuffer }

// scratches recycles hashing buffers between calls; it holds no state.
var scratches = sync.Pool{New: func() any { return new(scratch) }}

func getScratch() *scratch { return scratches.Get().(*scratch) }

func putScratch(s *scratch) {
	if cap(s.run)+cap(s.leaf) <= maxScratch {
		scratches.Put(s)
	}
}
