package identity

import (
	"bytes"
	"crypto/ed25519"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"runtime"

	"filippo.io/age"

	"parley/wire"
)

// Errors of key files.
var (
	ErrKeyFile     = errors.New("identity: not a key file")
	ErrPermissions = errors.New("identity: others may read the key file")
	ErrPassphrase  = errors.New("identity: the key file needs its passphrase")
)

// keyMagic is the first element of a key file, ageMagic how a file that age
// encrypted begins.
const (
	keyMagic = "parley key 1"
	ageMagic = "age-encryption.org/v1\n"
)

// marshal returns the key file's content without passphrase: see the package
// documentation. The caller wipes it after use.
func (p *Private) marshal() ([]byte, error) {
	now := p.now.Load()
	private := make([][]byte, len(now.sealing))
	for i, k := range now.sealing {
		var err error
		if private[i], err = k.key.Bytes(); err != nil { // the key's own memory: not to be wiped
			return nil, err
		}
	}
	b := now.bundle
	dst := wire.AppendArray(make([]byte, 0, maxKeyFile), 7)
	dst = wire.AppendStr(dst, keyMagic)
	dst = wire.AppendUint(dst, uint64(Ed25519))
	dst = wire.AppendBin(dst, p.signer.key.Seed())
	dst = wire.AppendBin(dst, private[0])
	dst = wire.AppendUint(dst, b.Number)
	dst = wire.AppendStr(dst, b.Name)
	dst = wire.AppendArray(dst, len(private)-1)
	for _, older := range private[1:] {
		dst = wire.AppendBin(dst, older)
	}
	return dst, nil
}

func parseKey(raw []byte) (*Private, error) {
	r := wire.NewReader(raw)
	r.Array(7)
	if magic := r.Str(len(keyMagic)); r.Err() != nil || magic != keyMagic {
		return nil, ErrKeyFile
	}
	algorithm := r.Uint()
	seed := r.Bin(maxKeyFile)
	private := [][]byte{r.Bin(maxKeyFile)}
	number := r.Uint()
	name := r.Str(MaxName)
	for range r.ArrayLen(maxOlderKeys) {
		private = append(private, r.Bin(maxKeyFile))
	}
	if err := r.Done(); err != nil {
		return nil, fmt.Errorf("%w: %w", ErrKeyFile, err)
	}
	if algorithm != uint64(Ed25519) || len(seed) != ed25519.SeedSize {
		return nil, fmt.Errorf("%w: %w", ErrKeyFile, ErrAlgorithm)
	}
	if err := CheckName(name); err != nil || number == 0 {
		return nil, fmt.Errorf("%w: name or number", ErrKeyFile)
	}
	sealing := make([]*SealingKey, len(private))
	for i := range private {
		var err error
		if sealing[i], err = parseSealing(private[i]); err != nil {
			return nil, fmt.Errorf("%w: %w", ErrKeyFile, err)
		}
	}
	return newPrivate(SigningFromSeed([32]byte(seed)), sealing[0], number, name, sealing[1:]...), nil
}

// Save writes the identity to a file that only its owner may read (0600), whole
// or not at all; an older file of that name is replaced. With a passphrase
// (not empty) the content is encrypted by age (scrypt).
func Save(path string, p *Private, passphrase []byte) error {
	content, err := p.marshal()
	if err != nil {
		return err
	}
	defer clear(content)
	if len(passphrase) > 0 {
		if content, err = encryptKey(content, passphrase); err != nil {
			return err
		}
	}
	return writePrivate(path, content)
}

func encryptKey(content, passphrase []byte) ([]byte, error) {
	recipient, err := age.NewScryptRecipient(string(passphrase))
	if err != nil {
		return nil, err
	}
	recipient.SetWorkFactor(keyFileWork)
	var out bytes.Buffer
	w, err := age.Encrypt(&out, recipient)
	if err != nil {
		return nil, err
	}
	if _, err := w.Write(content); err != nil {
		return nil, err
	}
	if err := w.Close(); err != nil {
		return nil, err
	}
	return out.Bytes(), nil
}

// Load reads an identity from a file that Save wrote. It returns
// ErrPermissions, with what to do, if the file's group or others may read it
// (where the system has such permissions); ErrPassphrase if the file needs a
// passphrase and the one given is missing or wrong; ErrKeyFile for anything
// that is no key file. A file without passphrase is loaded whatever passphrase
// is given.
func Load(path string, passphrase []byte) (*Private, error) {
	content, err := readPrivate(path)
	if err != nil {
		return nil, err
	}
	defer clear(content)
	if bytes.HasPrefix(content, []byte(ageMagic)) {
		if content, err = decryptKey(content, passphrase); err != nil {
			return nil, fmt.Errorf("%w: %s", err, path)
		}
		defer clear(content)
	}
	p, err := parseKey(content)
	if err != nil {
		return nil, fmt.Errorf("%w: %s", err, path)
	}
	return p, nil
}

func decryptKey(content, passphrase []byte) ([]byte, error) {
	if len(passphrase) == 0 {
		return nil, ErrPassphrase
	}
	id, err := age.NewScryptIdentity(string(passphrase))
	if err != nil {
		return nil, err
	}
	id.SetMaxWorkFactor(maxKeyFileWork)
	r, err := age.Decrypt(bytes.NewReader(content), id)
	var noMatch *age.NoIdentityMatchError
	if errors.As(err, &noMatch) {
		return nil, ErrPassphrase
	}
	if err != nil {
		return nil, fmt.Errorf("%w: %w", ErrKeyFile, err)
	}
	plain, err := io.ReadAll(io.LimitReader(r, maxKeyFile))
	if err != nil {
		return nil, fmt.Errorf("%w: %w", ErrKeyFile, err)
	}
	return plain, nil
}

// readPrivate reads a small file that must not be readable by others.
func readPrivate(path string) ([]byte, error) {
	f, err := os.Open(path)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	info, err := f.Stat()
	if err != nil {
		return nil, err
	}
	if !info.Mode().IsRegular() {
		return nil, fmt.Errorf("%w: %s is no regular file", ErrKeyFile, path)
	}
	if runtime.GOOS != "windows" && info.Mode().Perm()&0o077 != 0 {
		return nil, fmt.Errorf("%w: %s has mode %04o; run: chmod 600 %s", ErrPermissions, path, info.Mode().Perm(), path)
	}
	content, err := io.ReadAll(io.LimitReader(f, maxKeyFile+1))
	if err != nil {
		return nil, err
	}
	if len(content) > maxKeyFile {
		return nil, fmt.Errorf("%w: %s is too long", ErrKeyFile, path)
	}
	return content, nil
}

// writePrivate writes a file 0600 under another name, syncs it, and puts it in place.
func writePrivate(path string, content []byte) error {
	f, err := os.CreateTemp(filepath.Dir(path), "."+filepath.Base(path)+".*") // created 0600
	if err != nil {
		return err
	}
	_, err = f.Write(content)
	if err == nil {
		err = f.Sync()
	}
	if closeErr := f.Close(); err == nil {
		err = closeErr
	}
	if err == nil {
		err = os.Rename(f.Name(), path)
	}
	if err != nil {
		return errors.Join(err, ignoreMissing(os.Remove(f.Name())))
	}
	return syncDir(filepath.Dir(path))
}

func ignoreMissing(err error) error {
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	return err
}

// syncDir makes a rename in the folder durable, where folders can be synced.
func syncDir(dir string) error {
	if runtime.GOOS == "windows" {
		return nil
	}
	d, err := os.Open(dir)
	if err != nil {
		return err
	}
	defer d.Close()
	return d.Sync()
}
