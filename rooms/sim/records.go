package sim

import (
	"parley/rooms"
	"parley/wire"
)

// records remembers what signed bytes say, so that each signature is checked
// once in the whole world and not once at each peer. It answers what
// rooms.Prepare answers for the same bytes.
type records struct{ known map[string]prepared }

type prepared struct {
	parts *rooms.Parts
	err   error
}

func newRecords() *records { return &records{known: map[string]prepared{}} }

// one prepares a message that carries one record.
func (r *records) one(class byte, raw []byte, m func(raw []byte) wire.Message) prepared {
	key := string(class) + string(raw)
	p, ok := r.known[key]
	if !ok {
		own := []byte(key[1:])
		p.parts, p.err = rooms.Prepare(m(own))
		r.known[key] = p
	}
	return p
}

func (r *records) run(raw []byte) (*rooms.Run, error) {
	p := r.one('r', raw, func(raw []byte) wire.Message { return &wire.Push{Runs: [][]byte{raw}} })
	if p.err != nil {
		return nil, p.err
	}
	return p.parts.Runs[0], nil
}

func (r *records) record(set uint64, raw []byte) prepared {
	return r.one(byte('0'+set), raw, func(raw []byte) wire.Message {
		return &wire.Records{Set: set, Records: wire.List[wire.Bytes]{raw}}
	})
}

// prepare is rooms.Prepare, through the memory.
func (r *records) prepare(m wire.Message) (*rooms.Parts, error) {
	p := &rooms.Parts{}
	add := func(set uint64, list wire.List[wire.Bytes]) error {
		for _, raw := range list {
			one := r.record(set, raw)
			if one.err != nil {
				return one.err
			}
			p.Entries = append(p.Entries, one.parts.Entries...)
			p.Boxes = append(p.Boxes, one.parts.Boxes...)
			p.Proofs = append(p.Proofs, one.parts.Proofs...)
		}
		return nil
	}
	var raws [][]byte
	switch m := m.(type) {
	case *wire.Push:
		raws = m.Runs
	case *wire.Runs:
		raws = m.Runs
	case *wire.Append:
		raws = m.Runs
	case *wire.Records:
		return p, add(m.Set, m.Records)
	case *wire.Submit:
		first, err := rooms.Prepare(&wire.Submit{Delegation: m.Delegation, Join: m.Join})
		if err != nil {
			return nil, err
		}
		p = first
		if err := add(wire.SetEntries, m.Entries); err != nil {
			return nil, err
		}
		return p, add(wire.SetBoxes, m.Boxes)
	default:
		return rooms.Prepare(m)
	}
	for _, raw := range raws {
		run, err := r.run(raw)
		if err != nil {
			return nil, err
		}
		p.Runs = append(p.Runs, run)
	}
	return p, nil
}
