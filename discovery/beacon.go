package discovery

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/binary"
	"errors"
	"fmt"
)

// Kind says why a beacon is sent.
type Kind uint8

// The kinds of beacon; the numbers are on the wire.
const (
	KindAnnounce Kind = 1 // the sender is here; a receiver that did not know it answers
	KindAnswer   Kind = 2 // the sender is here, said to a newcomer; not answered
	KindGoodbye  Kind = 3 // the sender is shutting down
)

// A Beacon is the content of one datagram, apart from tag and mac.
type Beacon struct {
	Kind     Kind
	Port     uint16 // TCP port; 0: the sender accepts no sessions
	Instance [8]byte
	Salt     [8]byte
	Counter  uint64
}

// Errors of beacons.
var (
	// ErrMalformed is a datagram that is no beacon, or a damaged or forged one.
	ErrMalformed = errors.New("discovery: malformed beacon")
	// ErrVersion is a beacon of a version that this package does not speak.
	ErrVersion = errors.New("discovery: beacon of another version")
	// ErrForeign is a beacon of another network.
	ErrForeign = errors.New("discovery: beacon of another network")
)

// Offsets of the layout in the package documentation.
const (
	offVersion  = 4
	offKind     = 5
	offPort     = 6
	offInstance = 8
	offSalt     = 16
	offCounter  = 24
	offTag      = 32
	offMAC      = 48

	beaconMagic = "PLYB"
	tagLabel    = "parley/1/beacon-tag\x00"
	macLabel    = "parley/1/beacon-mac\x00"
)

// AppendBeacon appends b under the network's beacon key to dst: BeaconSize bytes.
func AppendBeacon(dst []byte, key *[32]byte, b Beacon) []byte {
	start := len(dst)
	dst = append(dst, beaconMagic...)
	dst = append(dst, beaconVersion, byte(b.Kind))
	dst = binary.BigEndian.AppendUint16(dst, b.Port)
	dst = append(dst, b.Instance[:]...)
	dst = append(dst, b.Salt[:]...)
	dst = binary.BigEndian.AppendUint64(dst, b.Counter)
	tag := beaconHMAC(key, tagLabel, dst[start+offSalt:start+offTag])
	dst = append(dst, tag[:offMAC-offTag]...)
	mac := beaconHMAC(key, macLabel, dst[start:start+offMAC])
	return append(dst, mac[:]...)
}

// ReadBeacon reads the fields of a datagram without checking whose network it
// is of: CheckBeacon does. Errors: ErrVersion, ErrMalformed.
func ReadBeacon(data []byte) (Beacon, error) {
	var b Beacon
	if len(data) < offKind || string(data[:offVersion]) != beaconMagic {
		return b, fmt.Errorf("%w: no beacon magic", ErrMalformed)
	}
	if data[offVersion] != beaconVersion {
		return b, fmt.Errorf("%w: %d", ErrVersion, data[offVersion])
	}
	if len(data) != BeaconSize {
		return b, fmt.Errorf("%w: %d bytes, not %d", ErrMalformed, len(data), BeaconSize)
	}
	b.Kind = Kind(data[offKind])
	if b.Kind < KindAnnounce || b.Kind > KindGoodbye {
		return b, fmt.Errorf("%w: unknown kind %d", ErrMalformed, b.Kind)
	}
	b.Port = binary.BigEndian.Uint16(data[offPort:])
	copy(b.Instance[:], data[offInstance:])
	if b.Instance == ([8]byte{}) {
		return b, fmt.Errorf("%w: instance is zero", ErrMalformed)
	}
	copy(b.Salt[:], data[offSalt:])
	b.Counter = binary.BigEndian.Uint64(data[offCounter:])
	if b.Counter == 0 {
		return b, fmt.Errorf("%w: counter is zero", ErrMalformed)
	}
	return b, nil
}

// CheckBeacon checks tag and mac, in constant time, of a datagram that ReadBeacon
// has accepted. Errors: ErrForeign (tag), ErrMalformed (mac).
func CheckBeacon(key *[32]byte, data []byte) error {
	tag := beaconHMAC(key, tagLabel, data[offSalt:offTag])
	if !hmac.Equal(tag[:offMAC-offTag], data[offTag:offMAC]) {
		return ErrForeign
	}
	mac := beaconHMAC(key, macLabel, data[:offMAC])
	if !hmac.Equal(mac[:], data[offMAC:]) {
		return fmt.Errorf("%w: wrong mac", ErrMalformed)
	}
	return nil
}

// ParseBeacon is ReadBeacon, then CheckBeacon.
func ParseBeacon(key *[32]byte, data []byte) (Beacon, error) {
	b, err := ReadBeacon(data)
	if err != nil {
		return Beacon{}, err
	}
	if err := CheckBeacon(key, data); err != nil {
		return Beacon{}, err
	}
	return b, nil
}

func beaconHMAC(key *[32]byte, label string, data []byte) (sum [sha256.Size]byte) {
	h := hmac.New(sha256.New, key[:])
	h.Write([]byte(label))
	h.Write(data)
	h.Sum(sum[:0])
	return sum
}
