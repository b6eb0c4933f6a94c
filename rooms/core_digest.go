package rooms

import (
	"slices"

	"parley/wire"
)

// digest is the 16-byte digest of the durable state as a peer with this right
// is told it: H("state", the hashes of entries, boxes, proofs and logs); those of
// proofs and logs are zeros for a right to the authority only.
func (r *room) digest(right Sync) digest16 {
	if !r.digestsFresh {
		r.digestsFresh = true
		var zero digest16
		e, b, p, l := r.entries.rootHash(), r.boxes.rootHash(), r.proofs.rootHash(), r.logTree.rootHash()
		r.digests[0] = stateHash(e, b, zero, zero)
		r.digests[1] = stateHash(e, b, p, l)
	}
	if right == SyncAll {
		return r.digests[1]
	}
	return r.digests[0]
}

func stateHash(roots ...digest16) digest16 {
	var buf [128]byte
	b := fieldBuffer(buf[:0]).text("state")
	for i := range roots {
		b = b.field(roots[i][:])
	}
	h := b.sum()
	return digest16(h[:16])
}

// sortedIDs is the keys of a map in ascending order: what is sent must not
// depend on the order in which a map is walked.
func sortedIDs[V any](m map[wire.ID]V) []wire.ID {
	ids := make([]wire.ID, 0, len(m))
	for id := range m {
		ids = append(ids, id)
	}
	slices.SortFunc(ids, wire.ID.Compare)
	return ids
}
