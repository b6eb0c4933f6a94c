package client

import (
	"encoding/binary"
	"errors"
	"fmt"
	"hash/crc32"
	"os"
	"runtime"
	"sync"

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
