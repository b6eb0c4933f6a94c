package rooms

import (
	"parley/handshake/identity"
	"parley/wire"
)

// A RunDraft is what a writer puts into its next run. Messages are already
// encrypted (MessageCipher), because their encryption is bound to the
// incarnation, the numbers and the previous link given here.
type RunDraft struct {
	Room        wire.ID
	Incarnation wire.ID // NewIncarnation(Room, author, Salt, Heads) for a log's first run
	Salt        []byte  // 16 random bytes in a log's first run, else empty
	First       uint64
	Prev        wire.ID
	Epoch       wire.ID
	Heads       []wire.ID // ascending
	Clock       uint64
	Refs        []wire.Ref // ascending by log
	Messages    [][]byte
}

// SignRun encodes and signs a run, and checks it as ParseRun does. A number
// that was signed once is never to be signed again: the caller keeps the
// writer's state.
func SignRun(key *identity.Private, d *RunDraft) (*Run, error) {
	size := 512 + len(d.Heads)*34 + len(d.Refs)*48
	for _, m := range d.Messages {
		size += len(m) + 5
	}
	raw := wire.AppendArray(make([]byte, 0, size), 13)
	raw = wire.AppendUint(raw, version)
	raw = wire.AppendID(raw, d.Room)
	raw = wire.AppendBin(raw, key.Public())
	raw = wire.AppendID(raw, d.Incarnation)
	raw = wire.AppendBin(raw, d.Salt)
	raw = wire.AppendUint(raw, d.First)
	raw = wire.AppendID(raw, d.Prev)
	raw = wire.AppendID(raw, d.Epoch)
	raw = appendIDs(raw, d.Heads)
	raw = wire.AppendUint(raw, d.Clock)
	raw = appendRefs(raw, d.Refs)
	raw = wire.AppendArray(raw, len(d.Messages))
	for _, m := range d.Messages {
		raw = wire.AppendBin(raw, m)
	}
	raw = wire.AppendBin(raw, make([]byte, signatureSize))
	r, err := ParseRun(raw)
	if err != nil {
		return nil, err
	}
	copy(r.sig, key.Sign(contextRun, r.Hash[:]))
	return r, nil
}

func appendIDs(dst []byte, ids []wire.ID) []byte {
	dst = wire.AppendArray(dst, len(ids))
	for _, id := range ids {
		dst = wire.AppendID(dst, id)
	}
	return dst
}
