package seal

import (
	"crypto/aes"
	"crypto/cipher"
	"crypto/hmac"
	"crypto/sha256"
	"crypto/subtle"
	"errors"
	"fmt"
	"hash"
	"log/slog"
)

const (
	KeySize   = 32                  // of each of the three keys
	IVSize    = aes.BlockSize       // 16
	TagSize   = sha256.Size         // 32: HMAC-SHA-256, not truncated
	BlockSize = aes.BlockSize       // 16: ciphertexts are a multiple of it
	Overhead  = BlockSize + TagSize // the most that sealing adds, the IV apart
)

// ErrOpen says that sealed bytes were not made with these keys for this place.
// It does not say what is wrong with them.
var ErrOpen = errors.New("seal: authentication failed")

// Keys are the three keys of one direction or use.
type Keys struct {
	Enc [KeySize]byte // AES-256 in CBC mode
	Mac [KeySize]byte // HMAC-SHA-256
	IV  [KeySize]byte // AES-256, makes the IVs of records
}

// String hides the keys.
func (k Keys) String() string { return "seal.Keys(hidden)" }

// Format hides the keys from every verb of package fmt.
func (k Keys) Format(f fmt.State, _ rune) { _, _ = f.Write([]byte(k.String())) }

// LogValue hides the keys from package log/slog.
func (k Keys) LogValue() slog.Value { return slog.StringValue(k.String()) }

// SealedSize is the number of bytes of ciphertext and tag for a plaintext of n bytes.
func SealedSize(n int) int { return n + BlockSize - n%BlockSize + TagSize }

// A chain is one direction of CBC under one key, reused with a new IV each time.
type chain struct {
	block cipher.Block
	mode  cipher.BlockMode
	reset interface{ SetIV([]byte) } // mode, where it can be reused
	fresh func(cipher.Block, []byte) cipher.BlockMode
}

func newChain(block cipher.Block, fresh func(cipher.Block, []byte) cipher.BlockMode) chain {
	c := chain{block: block, fresh: fresh, mode: fresh(block, make([]byte, IVSize))}
	c.reset, _ = c.mode.(interface{ SetIV([]byte) })
	return c
}

// start makes the mode begin anew with an IV.
func (c *chain) start(iv []byte) {
	if c.reset == nil {
		c.mode = c.fresh(c.block, iv)
	} else {
		c.reset.SetIV(iv)
	}
}

// run encrypts or decrypts whole blocks from src to dst, which are the same
// slice or do not overlap.
func (c *chain) run(dst, src, iv []byte) {
	c.start(iv)
	c.mode.CryptBlocks(dst, src)
}

func mustAES(key *[KeySize]byte) cipher.Block {
	block, err := aes.NewCipher(key[:])
	if err != nil {
		panic(err) // only for a key of another size
	}
	return block
}

// newMAC returns an HMAC whose inner and outer states are computed once: the
// first Reset makes crypto/hmac keep both, and later ones restore them.
func newMAC(key *[KeySize]byte) hash.Hash {
	mac := hmac.New(sha256.New, key[:])
	mac.Reset()
	return mac
}

// pad writes the PKCS#7 padding of the n bytes of plaintext at the start of
// padded, whose length is the next multiple of the block size.
func pad(padded []byte, n int) {
	p := byte(len(padded) - n)
	for i := n; i < len(padded); i++ {
		padded[i] = p
	}
}

// unpad returns the plaintext without its padding. It runs only under a good
// tag, so its time tells nothing to who does not hold the key.
func unpad(padded []byte) ([]byte, error) {
	p := int(padded[len(padded)-1])
	if p < 1 || p > BlockSize {
		return nil, ErrOpen
	}
	n := len(padded) - p
	for _, b := range padded[n:] {
		if int(b) != p {
			return nil, ErrOpen
		}
	}
	return padded[:n:n], nil
}

// split cuts sealed bytes into ciphertext and tag, refusing sizes that sealing
// does not produce.
func split(sealed []byte) (ct, tag []byte, err error) {
	n := len(sealed) - TagSize
	if n < BlockSize || n%BlockSize != 0 {
		return nil, nil, ErrOpen
	}
	return sealed[:n], sealed[n:], nil
}

func equal(a, b []byte) bool { return subtle.ConstantTimeCompare(a, b) == 1 }
