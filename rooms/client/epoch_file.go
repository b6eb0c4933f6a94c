package client

import (
	"context"
	"crypto/rand"
	"fmt"

	"github.com/gofrs/flock"

	"parley/handshake/identity"
	"parley/wire"
	"parley/wire/seal"
)

// The file `epochs` (0600) of a room holds the epoch keys. It is
//
//	iv 16 ‖ sealed
//
// where sealed is package wire/seal's form of the canonical array
// [1, [[epoch, key 32]…]] under the user's own file key, with the room's ID as
// associated data. The file key follows from the user's signing key, so that a
// passphrase on the key file keeps the room keys too.

// An epochFile is a room's file of epoch keys.
type epochFile struct {
	path string
	room wire.ID
	keys seal.Keys
}

func newEpochFile(path string, room wire.ID, user *identity.Private) *epochFile {
	f := &epochFile{path: path, room: room}
	secret := user.FileKey("epochs", 2*seal.KeySize)
	copy(f.keys.Enc[:], secret)
	copy(f.keys.Mac[:], secret[seal.KeySize:])
	return f
}

// read returns the keys in the file; none if there is no file.
func (f *epochFile) read() (map[wire.ID]epochKey, error) {
	b, err := readFile(f.path, maxFileSize*2)
	if err != nil {
		return nil, err
	}
	if b == nil {
		return make(map[wire.ID]epochKey), nil
	}
	if len(b) < seal.IVSize {
		return nil, fmt.Errorf("client: %s: cut short", f.path)
	}
	plain, err := seal.NewState(&f.keys).Open(nil, b[:seal.IVSize], f.room[:], b[seal.IVSize:])
	if err != nil {
		return nil, fmt.Errorf("client: %s: not written by this user, or damaged; put it aside and the keys are fetched again", f.path)
	}
	keys, err := decodeEpochKeys(plain)
	if err != nil {
		return nil, fmt.Errorf("client: %s: %w", f.path, err)
	}
	return keys, nil
}

// add merges found into the file under its lock and returns all of it.
func (f *epochFile) add(ctx context.Context, found map[wire.ID]epochKey) (map[wire.ID]epochKey, error) {
	lock := flock.New(f.path+".lock", flock.SetPermissions(0o600))
	if err := waitLock(ctx, lock); err != nil {
		return nil, err
	}
	defer lock.Close()
	keys, err := f.read()
	if err != nil {
		return nil, err
	}
	for epoch, key := range found {
		keys[epoch] = key
	}
	if len(keys) > maxEpochKeys {
		return nil, fmt.Errorf("client: more than %d epochs in a room", maxEpochKeys)
	}
	sealed := make([]byte, seal.IVSize)
	rand.Read(sealed) // never fails
	sealed = seal.NewState(&f.keys).Seal(sealed, sealed[:seal.IVSize], f.room[:], encodeEpochKeys(keys))
	return keys, writeFile(f.path, sealed, true)
}

func decodeEpochKeys(b []byte) (map[wire.ID]epochKey, error) {
	r := wire.NewReader(b)
	r.Array(2)
	version := r.Uint()
	n := r.ArrayLen(maxEpochKeys)
	keys := make(map[wire.ID]epochKey)
	for range n {
		r.Array(2)
		epoch := r.ID()
		keys[epoch] = epochKey(r.ID())
		if r.Err() != nil {
			break
		}
	}
	if err := r.Done(); err != nil {
		return nil, err
	}
	if version != 1 {
		return nil, fmt.Errorf("epoch keys of version %d", version)
	}
	return keys, nil
}

func encodeEpochKeys(keys map[wire.ID]epochKey) []byte {
	b := wire.AppendArray(nil, 2)
	b = wire.AppendUint(b, 1)
	b = wire.AppendArray(b, len(keys))
	for _, epoch := range sortedIDs(keys) {
		key := keys[epoch]
		b = wire.AppendArray(b, 2)
		b = wire.AppendID(b, epoch)
		b = wire.AppendBin(b, key[:])
	}
	return b
}
