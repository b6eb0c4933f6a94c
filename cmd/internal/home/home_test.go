package home

import (
	"errors"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"testing"

	"parley/handshake/identity"
	"parley/wire"
)

func open(t *testing.T) *Home {
	t.Helper()
	h, err := Open(filepath.Join(t.TempDir(), "home"))
	if err != nil {
		t.Fatal(err)
	}
	return h
}

func TestAHomeIsItsUsersAlone(t *testing.T) {
	if runtime.GOOS == "windows" {
		return // no such permissions
	}
	h := open(t)
	if _, err := h.LoadOrCreateUser(t.Context(), KeyOptions{}); err != nil {
		t.Fatal(err)
	}
	if err := h.WriteAddress("127.0.0.1:1", wire.Hash("p")); err != nil {
		t.Fatal(err)
	}
	if err := h.SetNetwork(identity.Network{Name: "n"}); err != nil {
		t.Fatal(err)
	}
	n := 0
	err := filepath.Walk(h.Dir(), func(path string, info os.FileInfo, err error) error {
		if n++; err == nil && info.Mode().Perm()&0o077 != 0 {
			t.Errorf("%s has mode %v", path, info.Mode())
		}
		return err
	})
	if err != nil || n < 8 {
		t.Errorf("%d files, %v", n, err)
	}
	if err := os.Chmod(h.UserDir(), 0o755); err != nil {
		t.Fatal(err)
	}
	if _, err := Open(h.Dir()); !errors.Is(err, ErrPermissions) || !strings.Contains(err.Error(), "chmod 700") {
		t.Errorf("opened: %v", err)
	}
}

func TestTheHomeIsWhereTheEnvironmentSays(t *testing.T) {
	t.Setenv(EnvHome, "/somewhere")
	if got := Default(); got != "/somewhere" {
		t.Errorf("%q", got)
	}
	t.Setenv(EnvHome, "")
	if got := Default(); filepath.Base(got) != "parley" || !filepath.IsAbs(got) {
		t.Errorf("%q", got)
	}
}

func TestASecondDaemonIsToldTheFirstOnesProcess(t *testing.T) {
	h := open(t)
	l, err := h.LockPeer()
	if err != nil {
		t.Fatal(err)
	}
	var held *HeldError
	if _, err := h.LockPeer(); !errors.As(err, &held) || held.PID != os.Getpid() || held.What != "daemon" {
		t.Errorf("locked twice: %v", err)
	}
	a, err := h.LockAgent()
	if err != nil {
		t.Errorf("the agent's lock is not the daemon's: %v", err)
	}
	if err := errors.Join(l.Unlock(), l.Unlock(), a.Unlock()); err != nil {
		t.Error(err)
	}
	if l, err = h.LockPeer(); err != nil {
		t.Fatal(err)
	}
	l.Unlock()
}

func TestTheAddressIsReadBack(t *testing.T) {
	h := open(t)
	if _, _, err := h.ReadAddress(); !errors.Is(err, ErrNoAddress) {
		t.Errorf("read: %v", err)
	}
	peer := wire.Hash("peer")
	if err := h.WriteAddress("[fe80::1%eth0]:19946", peer); err != nil {
		t.Fatal(err)
	}
	if addr, id, err := h.ReadAddress(); addr != "[fe80::1%eth0]:19946" || id != peer || err != nil {
		t.Errorf("%q %v %v", addr, id, err)
	}
	if err := errors.Join(h.RemoveAddress(), h.RemoveAddress()); err != nil {
		t.Error(err)
	}
	if _, _, err := h.ReadAddress(); !errors.Is(err, ErrNoAddress) {
		t.Errorf("read: %v", err)
	}
}

func FuzzAddress(f *testing.F) {
	f.Add([]byte("127.0.0.1:19946 " + wire.Hash("p").String() + "\n"))
	f.Fuzz(func(t *testing.T, b []byte) {
		addr, peer, err := parseAddress(b)
		if err == nil && (addr == "" || peer.String() == "") {
			t.Error("half an address")
		}
	})
}

func TestAnIdentityIsMadeOnceAndSaidSo(t *testing.T) {
	h := open(t)
	var said []string
	opts := KeyOptions{Name: "Ann\x00 Example " + strings.Repeat("é", 60), Notice: func(s string) { said = append(said, s) }}
	if h.HasUser() {
		t.Error("there is a user already")
	}
	first, err := h.LoadOrCreateUser(t.Context(), opts)
	if err != nil {
		t.Fatal(err)
	}
	again, err := h.LoadOrCreateUser(t.Context(), opts)
	if err != nil || again.ID() != first.ID() || len(said) != 1 || !strings.Contains(said[0], first.ID().String()) {
		t.Errorf("%v %v %q %v", again, first, said, err)
	}
	if name := first.Bundle().Name; !strings.HasPrefix(name, "Ann Example é") || len(name) > identity.MaxName {
		t.Errorf("called %q", name)
	}
	if !h.HasUser() || !h.IsLocalUser(first.ID()) || h.IsLocalUser(wire.Hash("x")) {
		t.Error("not registered as a local user")
	}
	peer, err := h.LoadOrCreatePeer(t.Context(), KeyOptions{})
	if err != nil || peer.ID() == first.ID() {
		t.Errorf("the peer is %v, %v", peer, err)
	}
}

func TestAPassphraseComesFromAFileTheEnvironmentOrACredential(t *testing.T) {
	dir := t.TempDir()
	file := filepath.Join(dir, "f")
	if err := errors.Join(
		os.WriteFile(file, []byte("from file\r\n"), 0o600),
		os.WriteFile(filepath.Join(dir, "parley-passphrase"), []byte("from systemd"), 0o600),
		os.WriteFile(filepath.Join(dir, "empty"), []byte("\n"), 0o600),
	); err != nil {
		t.Fatal(err)
	}
	t.Setenv("CREDENTIALS_DIRECTORY", dir)
	expect := func(p Passphrase, want string) {
		t.Helper()
		if got, err := p.Given(); string(got) != want || err != nil {
			t.Errorf("%q %v, want %q", got, err, want)
		}
	}
	expect(StandardPassphrase(""), "from systemd")
	t.Setenv(EnvPassphrase, "from environment")
	expect(StandardPassphrase(""), "from environment")
	expect(StandardPassphrase(file), "from file")
	expect(Passphrase{}, "")
	if _, err := StandardPassphrase(filepath.Join(dir, "empty")).Given(); err == nil {
		t.Error("an empty passphrase is taken")
	}
	if _, err := StandardPassphrase(filepath.Join(dir, "missing")).Given(); err == nil {
		t.Error("a missing file is taken")
	}
}

func TestAProtectedKeyIsNotAskedForWithoutATerminal(t *testing.T) {
	h := open(t)
	pass := filepath.Join(t.TempDir(), "pass")
	if err := os.WriteFile(pass, []byte("correct horse"), 0o600); err != nil {
		t.Fatal(err)
	}
	made, err := h.LoadOrCreateUser(t.Context(), KeyOptions{Passphrase: Passphrase{File: pass}})
	if err != nil {
		t.Fatal(err)
	}
	stdin, err := os.Open(os.DevNull)
	if err != nil {
		t.Fatal(err)
	}
	defer stdin.Close()
	if _, err := h.LoadOrCreateUser(t.Context(), KeyOptions{Passphrase: Passphrase{Terminal: stdin}}); !errors.Is(err, ErrPassphrase) {
		t.Errorf("loaded: %v", err)
	}
	again, err := h.LoadOrCreateUser(t.Context(), KeyOptions{Passphrase: Passphrase{File: pass}})
	if err != nil || again.ID() != made.ID() {
		t.Errorf("%v, %v", again, err)
	}
}

func TestTheNetworkIsCopiedToTheHome(t *testing.T) {
	h := open(t)
	if n, err := h.Network(); err != nil || n.Name != DefaultNetwork || n.HasSecret() {
		t.Errorf("%v, %v", n, err)
	}
	n, err := identity.NewNetwork("ship")
	if err != nil {
		t.Fatal(err)
	}
	if err := h.SetNetwork(n); err != nil {
		t.Fatal(err)
	}
	back, err := h.Network()
	if err != nil || back.PSK() != n.PSK() {
		t.Errorf("%v, %v", back, err)
	}
	if other, err := ReadNetwork(h.NetworkPath()); err != nil || other.PSK() != n.PSK() {
		t.Errorf("%v, %v", other, err)
	}
}
