package rooms

import (
	"crypto/hkdf"
	"crypto/sha256"

	"parley/handshake/identity"
	"parley/wire"
)

// Lobby is the name of the open room that every network has.
const Lobby = "lobby"

// OpenRoomID is the ID of an open room: H("open", network name, Key("open-id"),
// name). The network's key blinds it: whoever lacks the secret of a network
// that has one can neither compute nor test it.
func OpenRoomID(network identity.Network, name string) wire.ID {
	blind := network.Key("open-id")
	return wire.Hash("open", []byte(network.Name), blind[:], []byte(name))
}

// OpenRoomKey is the key of an open room's messages: HKDF-SHA-256 of the
// network's Key("open"), no salt, with the length-prefixed fields "epoch" and
// room as info. It takes the place of an epoch's key.
func OpenRoomKey(network identity.Network, room wire.ID) [EpochKeySize]byte {
	secret := network.Key("open")
	info := fieldBuffer(nil).text("epoch").id(&room)
	key, err := hkdf.Key(sha256.New, secret[:], nil, string(info), EpochKeySize)
	if err != nil {
		panic(err) // only for lengths that HKDF cannot give
	}
	return [EpochKeySize]byte(key)
}

// JudgeOpen judges a run of an open room: there is no authority, a log may
// begin at any run, and above that it is contiguous. prev is what is held of
// the log, nil for nothing. Signature, encoding and bounds are checked before.
func JudgeOpen(r *Run, prev *LogState) (Verdict, Reason) {
	switch {
	case !r.Open():
		return Reject, ReasonRoom
	case prev == nil:
		return Valid, ReasonNone
	default:
		return judgeLink(r, prev)
	}
}
