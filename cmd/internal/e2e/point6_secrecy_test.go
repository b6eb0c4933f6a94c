//go:build linux

package e2e

import (
	"crypto/rand"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"parley/handshake/identity"
	"parley/wire"
	"parley/wire/seal"
)

func TestPoint6NoPlaintextNorKeyIsInThePeersFolderItsLogOrOnTheWire(t *testing.T) {
	s := &site{t: t, lab: New(t)}
	capture := s.lab.Capture()
	for _, name := range []string{"a", "b", "c"} {
		h := s.lab.Host(name, HostOpts{})
		if s.secret == "" {
			s.secret = h.NetworkSecret()
		}
		s.daemons = append(s.daemons, h.Daemon("--network-secret-file", s.secret, "--log-level", "debug"))
	}
	Eventually(t, findWithin, "all hosts connected", func() error { return connected(s.daemons...) })

	// Not a word that compresses or that stands in a file for another reason.
	marker := rand.Text()
	name := "about-" + strings.ToLower(rand.Text())
	s.room(name)
	for _, d := range s.daemons {
		d.Host.MustParleyInput(strings.Repeat(marker+" at "+d.Host.Name+"\n", 100), "send", name, "--replicas", "2")
		d.Host.MustParley("send", "lobby", marker+" in the lobby")
	}
	Eventually(t, findWithin, "everything everywhere", func() error {
		if err := identical(name, s.daemons...); err != nil {
			return err
		}
		return identical("lobby", s.daemons...)
	})

	secrets := map[string][]byte{"plaintext": []byte(marker)}
	for _, d := range s.daemons {
		userKeys(t, d, secrets)
		roomKeys(t, d, secrets)
	}
	for _, d := range s.daemons {
		d.Quit() // so that all it has to write is written
	}
	if err := capture.Stop(); err != nil {
		t.Fatal("the capture is not whole: ", err)
	}
	// A room's name is for those who may sync the room: peers that serve it too.
	if capture.Contains([]byte(name)) {
		t.Error("the room's name is on the wire")
	}
	frames, size := capture.Size()
	t.Logf("%d secrets, %d frames of %d bytes", len(secrets), frames, size)
	for what, secret := range secrets {
		for _, form := range encodings(secret) {
			if capture.Contains(form) {
				t.Errorf("%s is on the wire", what)
			}
			for _, d := range s.daemons {
				if where, err := search(d.Host.Folder("peer"), form); err != nil {
					t.Fatal(err)
				} else if where != "" {
					t.Errorf("%s is in %s", what, where)
				}
				if strings.Contains(d.Err.String()+d.Out.String(), string(form)) {
					t.Errorf("%s is in the log of %v", what, d)
				}
			}
		}
	}
	// What the search would have found, had it been there.
	id, err := idBytes(s.daemons[0].ID)
	if err != nil {
		t.Fatal(err)
	}
	found := false
	for _, form := range encodings(id) {
		where, err := search(s.host(0).Folder("peer"), form)
		found = found || (err == nil && where != "")
	}
	if !found {
		t.Error("the search does not even find the peer's own ID in its folder")
	}
}

// userKeys collects the parts of a user's key file, which handshake/identity
// describes.
func userKeys(t *testing.T, d *Daemon, secrets map[string][]byte) {
	t.Helper()
	content, err := os.ReadFile(filepath.Join(d.Host.Folder("user"), "key"))
	if err != nil {
		t.Fatal(err)
	}
	r := wire.NewReader(content)
	r.Array(7)
	r.Str(64) // what the file is
	r.Uint()  // algorithm
	for _, what := range []string{"signing key", "sealing key"} {
		key := r.Bin(4096)
		if r.Err() != nil || len(key) < 32 {
			t.Fatalf("%v: no %s in the key file: %v", d, what, r.Err())
		}
		secrets[what+" of "+d.Host.Name] = key
	}
}

// roomKeys collects a user's epoch keys.
func roomKeys(t *testing.T, d *Daemon, secrets map[string][]byte) {
	t.Helper()
	keys := epochKeys(t, d.Host)
	if len(keys) == 0 {
		t.Fatalf("%v: no epoch key", d)
	}
	for epoch, key := range keys {
		secrets[fmt.Sprintf("key of the epoch %.8s… of %s", epoch, d.Host.Name)] = key[:]
	}
}

// epochKeys opens a user's files of epoch keys, whose form rooms/client
// describes, and returns the keys by epoch.
func epochKeys(t testing.TB, h *Host) map[string][32]byte {
	t.Helper()
	user, err := identity.Load(filepath.Join(h.Folder("user"), "key"), nil)
	if err != nil {
		t.Fatal(err)
	}
	var file seal.Keys
	secret := user.FileKey("epochs", 2*seal.KeySize)
	copy(file.Enc[:], secret)
	copy(file.Mac[:], secret[seal.KeySize:])
	paths, err := filepath.Glob(filepath.Join(h.Folder("user"), "rooms", "*", "epochs"))
	if err != nil {
		t.Fatal(err)
	}
	keys := make(map[string][32]byte)
	for _, path := range paths {
		sealed, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		room, err := wire.ParseID(filepath.Base(filepath.Dir(path)))
		if err != nil {
			t.Fatal(err)
		}
		content, err := seal.NewState(&file).Open(nil, sealed[:seal.IVSize], room[:], sealed[seal.IVSize:])
		if err != nil {
			t.Fatalf("%s: %v", path, err)
		}
		r := wire.NewReader(content)
		r.Array(2)
		r.Uint() // version
		for range r.ArrayLen(1 << 16) {
			r.Array(2)
			epoch := r.ID()
			keys[epoch.String()] = r.ID()
		}
		if err := r.Done(); err != nil {
			t.Fatalf("%s: %v", path, err)
		}
	}
	return keys
}
