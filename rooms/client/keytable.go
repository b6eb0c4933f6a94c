package client

import (
	"encoding/binary"
	"errors"
	"fmt"
	"hash/crc32"
	"os"

	"parley/wire"
)

// The key table remembers, for each room, which message was sent under which
// name (`send --key`), so that sending it again sends nothing. It is a file of
// records of equal size, appended when the peer has acknowledged:
//
//	name 32, message ID 32, log 32, number 8, CRC-32C of these 4
//
// A last record that was cut short, or one whose sum is wrong, is left out.

const keyRecordSize = 32 + 32 + 32 + 8 + 4

// keyName is the name of a message sent with key in a room.
func keyName(room wire.ID, key string) wire.ID {
	return wire.Hash("key", room[:], []byte(key))
}

// findKey looks name up; the newest record counts.
func findKey(path string, name wire.ID) (Result, bool, error) {
	b, err := readFile(path, 2*maxKeys*keyRecordSize+keyRecordSize)
	if err != nil {
		return Result{}, false, err
	}
	for end := len(b) / keyRecordSize * keyRecordSize; end > 0; end -= keyRecordSize {
		n, res, ok := decodeKey(b[end-keyRecordSize : end])
		if ok && n == name {
			return res, true, nil
		}
	}
	return Result{}, false, nil
}

// addKeys appends records. When the file has twice as many as are kept it is
// first cut down to the newest.
func addKeys(path string, records []byte) (err error) {
	f, err := os.OpenFile(path, os.O_RDWR|os.O_CREATE, 0o600)
	if err != nil {
		return fmt.Errorf("client: key table: %w", err)
	}
	defer func() { err = errors.Join(err, f.Close()) }()
	info, err := f.Stat()
	if err != nil {
		return fmt.Errorf("client: key table: %w", err)
	}
	whole := info.Size() / keyRecordSize
	if whole >= 2*maxKeys {
		kept := make([]byte, maxKeys*keyRecordSize)
		if _, err := f.ReadAt(kept, (whole-maxKeys)*keyRecordSize); err != nil {
			return fmt.Errorf("client: key table: %w", err)
		}
		return writeFile(path, append(kept, records...), false)
	}
	if _, err := f.WriteAt(records, whole*keyRecordSize); err != nil {
		return fmt.Errorf("client: key table: %w", err)
	}
	return nil
}

func appendKey(dst []byte, name wire.ID, res Result) []byte {
	start := len(dst)
	dst = append(dst, name[:]...)
	dst = append(dst, res.ID[:]...)
	dst = append(dst, res.Log[:]...)
	dst = binary.BigEndian.AppendUint64(dst, res.Seq)
	return binary.BigEndian.AppendUint32(dst, crc32.Checksum(dst[start:], castagnoli))
}

func decodeKey(b []byte) (name wire.ID, res Result, ok bool) {
	if len(b) != keyRecordSize || crc32.Checksum(b[:keyRecordSize-4], castagnoli) != binary.BigEndian.Uint32(b[keyRecordSize-4:]) {
		return name, res, false
	}
	copy(name[:], b)
	copy(res.ID[:], b[32:])
	copy(res.Log[:], b[64:])
	res.Seq = binary.BigEndian.Uint64(b[96:])
	return name, res, true
}
