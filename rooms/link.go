package rooms

import (
	"bytes"
	"crypto/hkdf"
	"crypto/rand"
	"crypto/sha256"
	"encoding/base32"
	"fmt"
	"log/slog"
	"strings"

	"parley/handshake/identity"
	"parley/wire"
)

// linkPrefix begins the text of an invite link.
const linkPrefix = "parley:"

// linkSumSize is the size of a link's checksum in bytes: a copy that lost or
// changed something is told apart from a link that does not work.
const linkSumSize = 4

// A Link is what `parley room invite` prints: whoever has it can join the room
// and read it. It shows its secret only through Text.
type Link struct {
	Room      wire.ID
	Secret    [32]byte
	Network   string   // name of the network that the room's peers are on
	Addresses []string // host:port of peers that have the room; may be empty
}

// LinkKeys are the keys that follow from a link's secret and room.
type LinkKeys struct {
	Sign *identity.Signer
	Seal *identity.SealingKey
}

// NewLink makes a link with a fresh secret.
func NewLink(room wire.ID, network string, addresses []string) (*Link, error) {
	l := &Link{Room: room, Network: network, Addresses: addresses}
	if _, err := rand.Read(l.Secret[:]); err != nil {
		return nil, err
	}
	if err := l.check(); err != nil {
		return nil, err
	}
	return l, nil
}

// Keys derives the link's keys: HKDF-SHA-256 of the secret, no salt, with the
// length-prefixed fields "link-sign" or "link-seal" and room as info; 32 bytes
// each, the seeds of an Ed25519 key and of an HPKE key.
func (l *Link) Keys() (*LinkKeys, error) {
	var signing [32]byte
	copy(signing[:], l.derive("link-sign"))
	seal, err := identity.SealingFromSeed(l.derive("link-seal"))
	if err != nil {
		return nil, err
	}
	return &LinkKeys{Sign: identity.SigningFromSeed(signing), Seal: seal}, nil
}

func (l *Link) derive(use string) []byte {
	info := fieldBuffer(nil).text(use).id(&l.Room)
	key, err := hkdf.Key(sha256.New, l.Secret[:], nil, string(info), 32)
	if err != nil {
		panic(err) // only for lengths that HKDF cannot give
	}
	return key
}

var linkEncoding = base32.NewEncoding("abcdefghijklmnopqrstuvwxyz234567").WithPadding(base32.NoPadding)

// Text returns the link as text: "parley:" and lower-case base32 of the
// canonical array and 4 bytes of H("link-text", array).
func (l *Link) Text() string {
	raw := l.encode()
	sum := wire.Hash("link-text", raw)
	return linkPrefix + linkEncoding.EncodeToString(append(raw, sum[:linkSumSize]...))
}

func (l *Link) encode() []byte {
	raw := wire.AppendArray(nil, 5)
	raw = wire.AppendUint(raw, version)
	raw = wire.AppendID(raw, l.Room)
	raw = wire.AppendBin(raw, l.Secret[:])
	raw = wire.AppendStr(raw, l.Network)
	raw = wire.AppendArray(raw, len(l.Addresses))
	for _, a := range l.Addresses {
		raw = wire.AppendStr(raw, a)
	}
	return raw
}

// ParseLink reads a link's text. All in upper case is read too (a QR code
// is smaller in it), and white space around the link is not part of it. Errors wrap a Reason.
func ParseLink(text string) (*Link, error) {
	text = strings.TrimSpace(text)
	if text == strings.ToUpper(text) {
		text = strings.ToLower(text)
	}
	body, ok := strings.CutPrefix(text, linkPrefix)
	if !ok || len(text) > maxLinkText {
		return nil, refuse(ReasonLink, "a link begins with %q", linkPrefix)
	}
	raw, err := linkEncoding.DecodeString(body)
	if err != nil || linkEncoding.EncodeToString(raw) != body || len(raw) < linkSumSize {
		return nil, refuse(ReasonLink, "not base32")
	}
	raw, sum := raw[:len(raw)-linkSumSize], raw[len(raw)-linkSumSize:]
	if want := wire.Hash("link-text", raw); !bytes.Equal(want[:linkSumSize], sum) {
		return nil, refuse(ReasonLink, "the checksum is wrong")
	}
	return decodeLink(raw)
}

func decodeLink(raw []byte) (*Link, error) {
	l := &Link{}
	in := wire.NewReader(raw)
	in.Array(5)
	if v := in.Uint(); in.Err() == nil && v != version {
		return nil, refuse(ReasonVersion, "link of version %d", v)
	}
	l.Room = in.ID()
	copy(l.Secret[:], in.BinSize(32))
	l.Network = in.Str(identity.MaxNetworkName)
	n := in.ArrayLen(maxLinkAddresses)
	for range n {
		l.Addresses = append(l.Addresses, in.Str(maxLinkAddress))
	}
	if err := in.Done(); err != nil {
		return nil, refuse(ReasonLink, "%v", err)
	}
	if err := l.check(); err != nil {
		return nil, err
	}
	return l, nil
}

func (l *Link) check() error {
	if l.Room.IsZero() || len(l.Addresses) > maxLinkAddresses || len(l.Network) > identity.MaxNetworkName || !printable(l.Network) {
		return refuse(ReasonLink, "room, network or addresses")
	}
	for _, a := range l.Addresses {
		if a == "" || len(a) > maxLinkAddress || !printable(a) {
			return refuse(ReasonLink, "address %q", a)
		}
	}
	if len(l.encode()) > maxLinkText*5/8-linkSumSize-len(linkPrefix) {
		return refuse(ReasonLink, "the addresses are too long")
	}
	return nil
}

// String names the room alone.
func (l *Link) String() string { return "invite link to " + l.Room.Short() }

// Format keeps the secret out of every fmt verb.
func (l *Link) Format(f fmt.State, _ rune) { _, _ = f.Write([]byte(l.String())) }

// LogValue keeps the secret out of logs.
func (l *Link) LogValue() slog.Value { return slog.StringValue(l.String()) }
