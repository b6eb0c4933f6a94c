package identity

import (
	"bytes"
	"errors"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"testing"
)

func TestAKeyFileBringsTheSameIdentityBack(t *testing.T) {
	p := generate(t, "ada")
	if err := p.SetName("countess"); err != nil {
		t.Fatal(err)
	}
	for name, passphrase := range map[string][]byte{"plain": nil, "passphrase": []byte("correct horse")} {
		t.Run(name, func(t *testing.T) {
			path := filepath.Join(t.TempDir(), "key")
			sealed, err := SealTo(p.Bundle().Sealing, nil, []byte("x"))
			if err != nil {
				t.Fatal(err)
			}
			if err := Save(path, p, passphrase); err != nil {
				t.Fatal(err)
			}
			if content, err := os.ReadFile(path); err != nil || bytes.HasPrefix(content, []byte(ageMagic)) != (passphrase != nil) {
				t.Errorf("a file under passphrase %q begins %.20q (%v)", passphrase, content, err)
			}
			back, err := Load(path, passphrase)
			if err != nil {
				t.Fatal(err)
			}
			if got, err := p.OpenSealed(nil, sealed); err != nil || string(got) != "x" {
				t.Errorf("saving broke the identity in memory: %v", err)
			}
			if !bytes.Equal(back.Bundle().Raw, p.Bundle().Raw) {
				t.Error("the bundle changed")
			}
			if got, err := back.OpenSealed(nil, sealed); err != nil || string(got) != "x" {
				t.Errorf("the sealing key changed: %v", err)
			}
			content, err := os.ReadFile(path)
			if err != nil {
				t.Fatal(err)
			}
			if passphrase != nil && bytes.Contains(content, p.signer.key.Seed()) {
				t.Error("the encrypted file holds the seed")
			}
			if passphrase != nil {
				for _, wrong := range [][]byte{nil, []byte("wrong horse")} {
					if _, err := Load(path, wrong); !errors.Is(err, ErrPassphrase) {
						t.Errorf("passphrase %q: %v", wrong, err)
					}
				}
			}
			entries, err := os.ReadDir(filepath.Dir(path))
			if err != nil || len(entries) != 1 {
				t.Errorf("files left behind: %v, %v", entries, err)
			}
		})
	}
}

func TestAKeyFileThatOthersMayReadIsRefusedWithWhatToDo(t *testing.T) {
	if runtime.GOOS == "windows" {
		return // has no such permissions
	}
	path := filepath.Join(t.TempDir(), "key")
	if err := Save(path, generate(t, ""), nil); err != nil {
		t.Fatal(err)
	}
	info, err := os.Stat(path)
	if err != nil || info.Mode().Perm() != 0o600 {
		t.Fatalf("saved with %v, %v", info.Mode(), err)
	}
	for _, mode := range []os.FileMode{0o640, 0o604, 0o666, 0o610} {
		if err := os.Chmod(path, mode); err != nil {
			t.Fatal(err)
		}
		if _, err := Load(path, nil); !errors.Is(err, ErrPermissions) || !strings.Contains(err.Error(), "chmod 600 "+path) {
			t.Errorf("mode %o: %v", mode, err)
		}
	}
}

func TestAKeyFileCutOrAlteredIsRefused(t *testing.T) {
	dir := t.TempDir()
	path := filepath.Join(dir, "key")
	p := generate(t, "ada")
	if err := Save(path, p, nil); err != nil {
		t.Fatal(err)
	}
	whole, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	try := func(content []byte) error {
		t.Helper()
		if err := os.WriteFile(path, content, 0o600); err != nil {
			t.Fatal(err)
		}
		_, err := Load(path, nil)
		return err
	}
	for n := range whole {
		if err := try(whole[:n]); !errors.Is(err, ErrKeyFile) {
			t.Fatalf("cut to %d bytes: %v", n, err)
		}
	}
	for name, content := range map[string][]byte{
		"a byte too many":    append(bytes.Clone(whole), 0),
		"too long":           bytes.Repeat([]byte{0x91}, maxKeyFile+1),
		"other magic":        bytes.Replace(whole, []byte(keyMagic), []byte("parley key 9"), 1),
		"not age after all":  []byte(ageMagic + "garbage"),
		"reserved algorithm": bytes.Replace(whole, []byte(keyMagic+"\x01"), []byte(keyMagic+"\x02"), 1),
	} {
		err := try(content)
		if name == "not age after all" && errors.Is(err, ErrPassphrase) {
			continue
		}
		if !errors.Is(err, ErrKeyFile) {
			t.Errorf("%s: %v", name, err)
		}
	}
	if err := os.Remove(path); err != nil {
		t.Fatal(err)
	}
	if _, err := Load(path, nil); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("missing: %v", err)
	}
	if err := os.Mkdir(path, 0o700); err != nil {
		t.Fatal(err)
	}
	if _, err := Load(path, nil); !errors.Is(err, ErrKeyFile) {
		t.Errorf("a folder: %v", err)
	}
}

func TestAFailedSaveLeavesTheOldFileAndNothingElse(t *testing.T) {
	dir := t.TempDir()
	path := filepath.Join(dir, "key")
	if err := os.MkdirAll(filepath.Join(path, "in-the-way"), 0o700); err != nil { // a rename onto it fails
		t.Fatal(err)
	}
	if err := Save(path, generate(t, ""), nil); err == nil {
		t.Fatal("saved over a folder")
	}
	entries, err := os.ReadDir(dir)
	if err != nil || len(entries) != 1 {
		t.Fatalf("left behind: %v, %v", entries, err)
	}
}

func FuzzParseKey(f *testing.F) {
	p := generate(f, "ada")
	content, err := p.marshal()
	if err != nil {
		f.Fatal(err)
	}
	f.Add(content)
	f.Add([]byte{0x96})
	f.Fuzz(func(t *testing.T, raw []byte) {
		p, err := parseKey(raw)
		if err != nil {
			return
		}
		again, err := p.marshal()
		if err != nil || !bytes.Equal(again, raw) {
			t.Fatalf("accepted %x, writes %x (%v)", raw, again, err)
		}
	})
}

func TestARenewedIdentityOpensWhatWasSealedToTheOldKeyUntilItRetiresIt(t *testing.T) {
	p := generate(t, "ada")
	path := filepath.Join(t.TempDir(), "key")
	if err := Save(path, p, nil); err != nil {
		t.Fatal(err)
	}
	other, err := Load(path, nil) // another process of the same user
	if err != nil {
		t.Fatal(err)
	}
	old, number := p.Bundle().Sealing, p.Bundle().Number
	sealed, err := SealTo(old, []byte("i"), []byte("x"))
	if err != nil {
		t.Fatal(err)
	}
	if err := p.Renew(); err != nil {
		t.Fatal(err)
	}
	if b := p.Bundle(); bytes.Equal(b.Sealing, old) || b.Number != number+1 || b.Name != "ada" || len(p.Sealings()) != 2 || !bytes.Equal(p.Sealings()[1], old) {
		t.Fatalf("renewed: %+v", b)
	}
	if err := Save(path, p, nil); err != nil {
		t.Fatal(err)
	}
	saved, err := Load(path, nil)
	if err != nil {
		t.Fatal(err)
	}
	if changed, err := other.Adopt(saved); !changed || err != nil || !bytes.Equal(other.Bundle().Raw, p.Bundle().Raw) {
		t.Errorf("adopted: %t, %v", changed, err)
	}
	if changed, err := other.Adopt(saved); changed || err != nil {
		t.Errorf("adopted again: %t, %v", changed, err)
	}
	if _, err := other.Adopt(generate(t, "eve")); !errors.Is(err, ErrKeyFile) {
		t.Errorf("another identity: %v", err)
	}
	for name, key := range map[string]*Private{"in memory": p, "saved": saved, "adopted": other} {
		if got, err := key.OpenSealed([]byte("i"), sealed); err != nil || string(got) != "x" {
			t.Errorf("%s: %v", name, err)
		}
	}
	if !p.Retire() || p.Retire() {
		t.Error("an older key is retired once")
	}
	if _, err := p.OpenSealed([]byte("i"), sealed); !errors.Is(err, ErrSealing) {
		t.Errorf("a retired key opens: %v", err)
	}
	if err := Save(path, p, nil); err != nil {
		t.Fatal(err)
	}
	last, err := Load(path, nil)
	if err != nil || len(last.Sealings()) != 1 || !bytes.Equal(last.Bundle().Raw, p.Bundle().Raw) {
		t.Errorf("%v", err)
	}
	if a, b := p.FileKey("a", 64), p.FileKey("b", 64); bytes.Equal(a, b) || !bytes.Equal(a, other.FileKey("a", 64)) || len(a) != 64 {
		t.Error("file keys follow from the seed and the use alone")
	}
}
