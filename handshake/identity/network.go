package identity

import (
	"bytes"
	"crypto/hkdf"
	"crypto/rand"
	"crypto/sha256"
	"errors"
	"fmt"
	"log/slog"
	"strings"

	"golang.org/x/crypto/scrypt"
	"golang.org/x/text/unicode/norm"

	"parley/wire"
)

// ErrNetwork is returned for a network's name, passphrase or file that is malformed.
var ErrNetwork = errors.New("identity: not a network")

// The forms of a network file's second line, besides the secret itself.
const (
	passphraseLine = "passphrase:"
	openLine       = "open"
)

// A Network is a name and a secret, or none: the open network of that name.
// Peers of different networks do not hear each other. The secret does not show
// when a Network is printed or logged.
type Network struct {
	Name   string
	Secret []byte // NetworkSecretSize bytes, or nil
}

// NewNetwork makes a network with a fresh random secret.
func NewNetwork(name string) (Network, error) {
	if err := checkNetworkName(name); err != nil {
		return Network{}, err
	}
	secret := make([]byte, NetworkSecretSize)
	if _, err := rand.Read(secret); err != nil {
		return Network{}, err
	}
	return Network{Name: name, Secret: secret}, nil
}

// PassphraseNetwork makes the network whose secret is scrypt of the passphrase
// (in Unicode normalisation form C), salted with the network's name. It takes
// a good part of a second and 32 MiB; keep the result, not the passphrase.
func PassphraseNetwork(name, passphrase string) (Network, error) {
	if err := checkNetworkName(name); err != nil {
		return Network{}, err
	}
	passphrase = norm.NFC.String(passphrase)
	if len(passphrase) < MinPassphrase {
		return Network{}, fmt.Errorf("%w: a passphrase has %d bytes or more; better: parley network new", ErrNetwork, MinPassphrase)
	}
	salt := wire.Hash("network-passphrase", []byte(name))
	secret, err := scrypt.Key([]byte(passphrase), salt[:], networkScryptN, networkScryptR, networkScryptP, NetworkSecretSize)
	if err != nil {
		return Network{}, err
	}
	return Network{Name: name, Secret: secret}, nil
}

func checkNetworkName(name string) error {
	if name == "" || len(name) > MaxNetworkName || CheckName(name) != nil || strings.TrimSpace(name) != name {
		return fmt.Errorf("%w: a network's name is 1 to %d bytes of UTF-8 without control characters or outer spaces", ErrNetwork, MaxNetworkName)
	}
	return nil
}

// ParseNetworkFile reads a network file: a line with the name, and a line with
// the secret (in the text form of an ID), or "passphrase: …", or "open" for a
// network without a secret. Spaces around a line do not count, nor do empty lines.
func ParseNetworkFile(content []byte) (Network, error) {
	if len(content) > maxNetworkFile {
		return Network{}, fmt.Errorf("%w: the file is too long", ErrNetwork)
	}
	var lines []string
	for line := range bytes.Lines(bytes.TrimPrefix(content, []byte("\ufeff"))) {
		if s := strings.TrimSpace(string(line)); s != "" {
			lines = append(lines, s)
		}
	}
	if len(lines) != 2 {
		return Network{}, fmt.Errorf("%w: the file has a line with the name and one with the secret", ErrNetwork)
	}
	name, second := lines[0], lines[1]
	if err := checkNetworkName(name); err != nil {
		return Network{}, err
	}
	if passphrase, ok := strings.CutPrefix(second, passphraseLine); ok {
		return PassphraseNetwork(name, strings.TrimSpace(passphrase))
	}
	if second == openLine {
		return Network{Name: name}, nil
	}
	secret, err := wire.ParseID(second)
	if err != nil {
		return Network{}, fmt.Errorf("%w: the secret has %d characters of lower-case base32", ErrNetwork, wire.IDTextSize)
	}
	return Network{Name: name, Secret: secret[:]}, nil
}

// Marshal returns the network file. It holds the secret: write it 0600.
func (n Network) Marshal() []byte {
	second := openLine
	if n.HasSecret() {
		second = wire.ID(n.Secret).String()
	}
	return []byte(n.Name + "\n" + second + "\n")
}

// HasSecret reports whether the network has a secret.
func (n Network) HasSecret() bool { return len(n.Secret) == NetworkSecretSize }

// Check returns ErrNetwork unless the name is a network's and the secret is
// absent or of the right size.
func (n Network) Check() error {
	if len(n.Secret) != 0 && !n.HasSecret() {
		return fmt.Errorf("%w: a secret has %d bytes", ErrNetwork, NetworkSecretSize)
	}
	return checkNetworkName(n.Name)
}

// PSK returns the key that the handshake mixes in: H("network", name, secret or
// nothing). Without a secret it is no secret either, and only keeps networks of
// different names apart.
func (n Network) PSK() [32]byte { return wire.Hash("network", []byte(n.Name), n.Secret) }

// Key returns the network's key for one use: HKDF-SHA-256 Expand of the PSK
// with the info "parley/1/network/" ‖ use, 32 bytes.
func (n Network) Key(use string) [32]byte {
	psk := n.PSK()
	defer clear(psk[:])
	key, err := hkdf.Expand(sha256.New, psk[:], "parley/1/network/"+use, 32)
	if err != nil {
		panic(err) // only for lengths that Expand cannot give
	}
	return [32]byte(key)
}

// String returns the name alone.
func (n Network) String() string { return n.Name }

// Format keeps the secret out of every fmt verb.
func (n Network) Format(f fmt.State, _ rune) { _, _ = f.Write([]byte(n.String())) }

// LogValue keeps the secret out of logs.
func (n Network) LogValue() slog.Value {
	return slog.GroupValue(slog.String("name", n.Name), slog.Bool("secret", n.HasSecret()))
}
