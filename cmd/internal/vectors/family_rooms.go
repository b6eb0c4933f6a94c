package vectors

import (
	"bytes"
	"crypto/hkdf"
	"crypto/sha256"
	"errors"
	"strings"

	"parley/cmd/internal/script"
	"parley/rooms"
	"parley/wire"
	"parley/wire/seal"
)

func roomFamilies() map[string]family {
	record := func(proves string, values func(raw []byte) (map[string]string, error)) family {
		return family{proves, alone(readRecordsOf), func(_ string, in *inputs) Answer { return answerRecord(values, in) }}
	}
	return map[string]family{
		"rooms/runs":        record("runs are read, and refused for each rule that one can break alone", runValues),
		"rooms/entries":     record("entries are read, and refused for each rule that one can break alone", entryValues),
		"rooms/boxes":       record("boxes", boxValues),
		"rooms/delegations": record("delegations", delegationValues),
		"rooms/proofs":      record("proofs of forks", proofValues),
		"rooms/links":       record("invite links, and the keys that follow from them", linkValues),
		"rooms/plaintexts":  record("the plaintext of messages", plaintextValues),
		"rooms/validity":    {"what the rules make of a room's entries, people and runs", alone(readValidity), answerValidity},
		"rooms/authority":   {"histories of a room's authority with dishonest people in them", alone(readAuthority), answerValidity},
		"rooms/keys":        {"open rooms, messages and boxes from their secrets", alone(readRoomKeys), answerRoomKeys},
	}
}

func readRecordsOf(raw []byte) ([]Vector, error) {
	type file struct {
		Name, Input, Text, Refused string
		Values                     map[string]string
	}
	return each(raw, func(v file) []Vector {
		in := map[string]any{"record": v.Input}
		if v.Text != "" {
			in = map[string]any{"text": v.Text}
		}
		vec := vector(v.Name, "read", v.Refused == "", in, v.Values)
		vec.Want.Reason = v.Refused
		return []Vector{vec}
	})
}

func answerRecord(values func([]byte) (map[string]string, error), in *inputs) Answer {
	var raw []byte
	if in.has("text") {
		raw = []byte(in.text("text"))
	} else {
		raw = in.bytes("record")
	}
	out, err := values(raw)
	if err != nil {
		return Answer{Reason: reasonOf(err)}
	}
	return accepted(out)
}

// reasonOf is the text of the rule that a record breaks.
func reasonOf(err error) string {
	var why rooms.Reason
	if errors.As(err, &why) {
		return why.String()
	}
	return err.Error()
}

func hexID(id wire.ID) string { return hexOf(id[:]) }

func hexIDs(ids []wire.ID) string {
	var b strings.Builder
	for _, id := range ids {
		b.WriteString(hexID(id))
	}
	return b.String()
}

func runValues(raw []byte) (map[string]string, error) {
	r, err := rooms.ParseRun(raw)
	if err == nil {
		err = r.Verify()
	}
	if err != nil {
		return nil, err
	}
	return map[string]string{
		"author": hexID(r.Author), "log": hexID(r.Log), "hash": hexID(r.Hash),
		"message-0": hexID(r.MessageID(0)), "heads": hexIDs(r.Heads),
	}, nil
}

func entryValues(raw []byte) (map[string]string, error) {
	e, err := rooms.ParseEntry(raw)
	if err != nil {
		return nil, err
	}
	return map[string]string{"id": hexID(e.ID), "room": hexID(e.Room), "kind": e.Kind.String(), "writer": hexID(e.Writer)}, nil
}

func boxValues(raw []byte) (map[string]string, error) {
	b, err := rooms.ParseBox(raw)
	if err != nil {
		return nil, err
	}
	return map[string]string{"id": hexID(b.ID), "sealer": hexID(b.Sealer), "recipient": hexID(b.Recipient)}, nil
}

func delegationValues(raw []byte) (map[string]string, error) {
	d, err := rooms.ParseDelegation(raw)
	if err != nil {
		return nil, err
	}
	context := "delegate"
	if d.Link {
		context = "delegate-link"
	}
	return map[string]string{"hash": hexID(d.Hash), "member": hexID(d.Member), "context": context}, nil
}

func proofValues(raw []byte) (map[string]string, error) {
	p, err := rooms.ParseProof(raw)
	if err != nil {
		return nil, err
	}
	return map[string]string{"id": hexID(p.ID), "log": hexID(p.Log), "runs": hexIDs(p.Runs[:])}, nil
}

func linkValues(raw []byte) (map[string]string, error) {
	l, err := rooms.ParseLink(string(raw))
	if err != nil {
		return nil, err
	}
	keys, err := l.Keys()
	if err != nil {
		return nil, err
	}
	return map[string]string{
		"room": hexID(l.Room), "network": l.Network, "addresses": strings.Join(l.Addresses, " "),
		"secret": hexOf(l.Secret[:]), "signing-key": hexOf(keys.Sign.Public()),
		"sealing-key-hash": hexID(wire.Hash("sealing", keys.Seal.Public())), "recipient": hexID(wire.Hash("link", keys.Seal.Public())),
	}, nil
}

// plaintextValues seals the plaintext as the specification says and opens it as
// the first message of an open room, which is where names may stand.
func plaintextValues(plain []byte) (map[string]string, error) {
	var key, room, author, incarnation, zero wire.ID
	info := script.Fields([]byte("msg"), room[:], zero[:], author[:], incarnation[:])
	derived, err := hkdf.Key(sha256.New, key[:], nil, string(info), 64)
	if err != nil {
		return nil, err
	}
	keys := &seal.Keys{Enc: [32]byte(derived[:32]), Mac: [32]byte(derived[32:])}
	number := []byte{0, 0, 0, 0, 0, 0, 0, 1}
	ad := script.Fields(room[:], zero[:], author[:], incarnation[:], number, zero[:])
	iv := make([]byte, seal.IVSize)
	sealed := seal.NewState(keys).Seal(bytes.Clone(iv), iv, ad, plain)
	m, err := rooms.NewMessageCipher(key, room, zero, author, incarnation).Open(nil, &rooms.Run{First: 1, Messages: [][]byte{sealed}}, 0)
	if err != nil {
		return nil, err
	}
	return map[string]string{"data": hexOf(m.Data), "name": m.Name}, nil
}
