package client

import (
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"hash/crc32"
	"os"
	"runtime"
	"sync"

	"github.com/gofrs/flock"

	"parley/rooms"
	"parley/wire"
)

// The file `authority` holds a room's entries, each after its length (4 bytes,
// big-endian) and CRC-32C (4). New ones are appended. Everything read back is
// verified as if a stranger had sent it; what cannot be read ends the reading,
// and the peer is asked for the rest.

const authorityHeader = 8

// readAuthority reads the file. whole is false if something in it was left out.
func readAuthority(path string, room wire.ID) (a *rooms.Authority, whole bool, err error) {
	b, err := readFile(path, maxAuthorityFile)
	if err != nil {
		return nil, false, err
	}
	a = rooms.NewAuthority(room)
	parts, whole := splitAuthority(b)
	for _, e := range parseEntries(parts) {
		if e == nil {
			whole = false
			continue
		}
		if _, _, err := a.Add(e); err != nil {
			whole = false
		}
	}
	return a, whole, nil
}

func splitAuthority(b []byte) (parts [][]byte, whole bool) {
	for len(b) > 0 {
		if len(b) < authorityHeader {
			return parts, false
		}
		n := uint64(binary.BigEndian.Uint32(b))
		if n > uint64(len(b)-authorityHeader) {
			return parts, false
		}
		part := b[authorityHeader : authorityHeader+n : authorityHeader+n]
		if crc32.Checksum(part, castagnoli) != binary.BigEndian.Uint32(b[4:]) {
			return parts, false
		}
		parts = append(parts, part)
		b = b[authorityHeader+n:]
	}
	return parts, true
}

func joinAuthority(entries []*rooms.Entry) []byte {
	var b []byte
	for _, e := range entries {
		b = binary.BigEndian.AppendUint32(b, uint32(len(e.Raw)))
		b = binary.BigEndian.AppendUint32(b, crc32.Checksum(e.Raw, castagnoli))
		b = append(b, e.Raw...)
	}
	return b
}

func writeAuthority(path string, entries []*rooms.Entry) error {
	return writeFile(path, joinAuthority(entries), false)
}

func appendAuthority(path string, entries []*rooms.Entry) (err error) {
	f, err := os.OpenFile(path, os.O_WRONLY|os.O_CREATE|os.O_APPEND, 0o600)
	if err != nil {
		return fmt.Errorf("client: %w", err)
	}
	_, err = f.Write(joinAuthority(entries))
	if err = errors.Join(err, f.Close()); err != nil {
		return fmt.Errorf("client: keep entries: %w", err)
	}
	return nil
}

// parseEntries verifies entries on all cores, in order. A bad one is nil.
func parseEntries(raw [][]byte) []*rooms.Entry {
	out := make([]*rooms.Entry, len(raw))
	workers := min(runtime.GOMAXPROCS(0), len(raw))
	var wg sync.WaitGroup
	for w := range workers {
		wg.Go(func() {
			for i := w; i < len(raw); i += workers {
				if e, err := rooms.ParseEntry(raw[i]); err == nil {
					out[i] = e
				}
			}
		})
	}
	wg.Wait()
	return out
}

// The file `epochs` (0600) is the canonical array [1, [[epoch, key 32]…]].

func readEpochKeys(path string) (map[wire.ID]epochKey, error) {
	b, err := readFile(path, maxFileSize*2)
	if err != nil {
		return nil, err
	}
	if b == nil {
		return make(map[wire.ID]epochKey), nil
	}
	keys, err := decodeEpochKeys(b)
	if err != nil {
		return nil, fmt.Errorf("client: %s: %w", path, err)
	}
	return keys, nil
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

// addEpochKeys merges found into the file under its lock and returns all of it.
func addEpochKeys(ctx context.Context, path string, found map[wire.ID]epochKey) (map[wire.ID]epochKey, error) {
	lock := flock.New(path+".lock", flock.SetPermissions(0o600))
	if err := waitLock(ctx, lock); err != nil {
		return nil, err
	}
	defer lock.Close()
	keys, err := readEpochKeys(path)
	if err != nil {
		return nil, err
	}
	for epoch, key := range found {
		keys[epoch] = key
	}
	if len(keys) > maxEpochKeys {
		return nil, fmt.Errorf("client: more than %d epochs in a room", maxEpochKeys)
	}
	return keys, writeFile(path, encodeEpochKeys(keys), true)
}
