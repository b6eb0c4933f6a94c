package conform

import (
	"net"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"parley/cmd/internal/e2e"
	"parley/cmd/internal/report"
	"parley/handshake/identity"
	"parley/wire"
)

func TestMain(m *testing.M) { e2e.Main(m) }

// start starts the daemon and returns it as a target.
func start(t *testing.T) Target { return startWith(t, "--no-discovery") }

func startWith(t *testing.T, flags ...string) Target {
	t.Helper()
	h := e2e.Loopback(t, "target")
	secret := filepath.Join(t.TempDir(), "network")
	n, err := identity.NewNetwork("conform")
	if err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(secret, n.Marshal(), 0o600); err != nil {
		t.Fatal(err)
	}
	d := h.Daemon(append(flags, "--listen", "127.0.0.1:0", "--network-secret-file", secret, "--users", "any")...)
	id, err := wire.ParseID(d.ID)
	if err != nil {
		t.Fatal(err)
	}
	return Target{Addr: d.Addr, Network: n, PeerID: id, Seed: 1, Listen: "127.0.0.1:0"}
}

// failures runs the cases and returns what went wrong, by ID.
func failures(t *testing.T, target Target, cases []Case) map[string]report.Result {
	t.Helper()
	bad := map[string]report.Result{}
	n := 0
	err := Run(t.Context(), target, cases, 16, func(r report.Result) error {
		if r.ID != cases[n].ID {
			t.Errorf("result %d is of %s, not %s", n, r.ID, cases[n].ID)
		}
		n++
		if !r.Passed() {
			bad[r.ID] = r
		}
		return nil
	})
	if err != nil || n != len(cases) {
		t.Fatalf("%d of %d results: %v", n, len(cases), err)
	}
	return bad
}

func TestLoopbackTheDaemonPassesEveryCase(t *testing.T) {
	target := start(t)
	for _, r := range failures(t, target, Without(Cases(), target)) {
		t.Errorf("%s %s: expected %s; got %s: %s", r.ID, r.Name, r.Expected, r.Got, r.Problem)
		for _, b := range r.Trace {
			t.Logf("%s sent=%v %s: %.200x", r.ID, b.Out, b.What, b.Data)
		}
	}
}

func TestLoopbackAPeerThatWasToldToDialPassesTheCasesOfDialling(t *testing.T) {
	cases, err := Select(Cases(), []string{"^D0[1247]", " message 2 of version 2", "a room in step"})
	if err != nil {
		t.Fatal(err)
	}
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	at := ln.Addr().String()
	if err := ln.Close(); err != nil { // the run opens it again
		t.Fatal(err)
	}
	target := startWith(t, "--no-discovery", "--peer", at)
	target.Listen = at
	for _, r := range failures(t, target, cases) {
		t.Errorf("%s %s: expected %s; got %s: %s", r.ID, r.Name, r.Expected, r.Got, r.Problem)
	}
}

func TestLoopbackWhatNeedsMoreThanTheTargetNamesIsLeftOut(t *testing.T) {
	parts := func(target Target) (all string) {
		for _, c := range Without(Cases(), target) {
			if !strings.Contains(all, c.Part()) {
				all += c.Part()
			}
		}
		return all
	}
	if got, want := parts(Target{Interface: "lo", Listen: "127.0.0.1:0"}), "HPTRFCSOMAWVJKUDB"; got != want {
		t.Errorf("the parts are %s, not %s", got, want)
	}
	if got := parts(Target{}); got != "HPTRFCSOMAWVJKU" {
		t.Errorf("without an interface and a place to listen the parts are %s", got)
	}
}

func TestLoopbackAPlaceToListenThatIsNoneEndsTheRun(t *testing.T) {
	for _, listen := range []string{"127.0.0.1", "127.0.0.1:x", "192.0.2.1:7"} {
		err := Run(t.Context(), Target{Addr: "127.0.0.1:1", Listen: listen}, Cases()[:1], 1, func(report.Result) error { return nil })
		if err == nil || !strings.Contains(err.Error(), "listen") && !strings.Contains(err.Error(), "dial") {
			t.Errorf("%q: %v", listen, err)
		}
	}
}

func TestLoopbackTheDaemonPassesTheCasesOfDiscovery(t *testing.T) {
	cases, err := Select(Cases(), []string{"^B"})
	if err != nil {
		t.Fatal(err)
	}
	name := loopbackName(t)
	target := startWith(t, "--interface", name)
	target.Interface = name
	for _, r := range failures(t, target, cases) {
		t.Errorf("%s %s: expected %s; got %s: %s", r.ID, r.Name, r.Expected, r.Got, r.Problem)
	}
}

func loopbackName(t *testing.T) string {
	t.Helper()
	all, err := net.Interfaces()
	if err != nil {
		t.Fatal(err)
	}
	for _, i := range all {
		if i.Flags&net.FlagLoopback != 0 {
			return i.Name
		}
	}
	t.Fatal("there is no loopback interface")
	return ""
}

func TestLoopbackAPeerThatIsNotThereFailsEveryCase(t *testing.T) {
	cases, err := Select(Cases(), []string{"^H0[1-5]", "^R01", "^S01"})
	if err != nil {
		t.Fatal(err)
	}
	if bad := failures(t, Target{Addr: "127.0.0.1:1", Network: identity.Network{Name: "x"}}, cases); len(bad) != len(cases) {
		t.Errorf("%d of %d cases fail", len(bad), len(cases))
	}
}

func TestLoopbackAPeerOfAnotherNetworkOrIdentityFails(t *testing.T) {
	cases, err := Select(Cases(), []string{"^H01"})
	if err != nil {
		t.Fatal(err)
	}
	target := start(t)
	other := target
	other.Network.Name = "another"
	if bad := failures(t, other, cases); len(bad) != 1 {
		t.Error("a peer of another network passes")
	}
	other = target
	other.PeerID[0] ^= 1
	if bad := failures(t, other, cases); len(bad) != 1 || !strings.Contains(bad["H01"].Problem, "another identity") {
		t.Errorf("a peer of another identity: %+v", bad)
	}
}

func TestLoopbackEveryCaseCitesASectionThatExistsAndHasANameOfItsOwn(t *testing.T) {
	docs := map[string]string{}
	for name, dir := range map[string]string{
		"wire": "wire", "seal": "wire/seal", "identity": "handshake/identity", "handshake": "handshake",
		"session": "session", "rooms": "rooms", "discovery": "discovery",
	} {
		files, err := filepath.Glob(filepath.Join(root, filepath.FromSlash(dir), "doc*.go"))
		if err != nil || len(files) == 0 {
			t.Fatalf("package %s has no documentation: %v", name, err)
		}
		for _, f := range files {
			text, err := os.ReadFile(f)
			if err != nil {
				t.Fatal(err)
			}
			docs[name] += string(text)
		}
	}
	note := regexp.MustCompile(` \([^)]*\)`)
	names := map[string]bool{}
	for _, c := range Cases() {
		if names[c.Name] {
			t.Errorf("two cases are named %q", c.Name)
		}
		names[c.Name] = true
		if c.Expect == "" || c.run == nil {
			t.Errorf("%s has nothing that it expects", c.ID)
		}
		for _, section := range strings.Split(c.Section, "; ") {
			pkg, heading, _ := strings.Cut(note.ReplaceAllString(section, ""), ", ")
			_, isType := typeNamed(heading)
			if !strings.Contains(docs[pkg], "// # "+heading+"\n") && (pkg != "wire" || !isType) {
				t.Errorf("%s cites %q: package %s has no section %q", c.ID, section, pkg, heading)
			}
		}
	}
}

func typeNamed(name string) (wire.Row, bool) {
	for _, row := range wire.Rows() {
		if row.Name == name {
			return row, true
		}
	}
	return wire.Row{}, false
}

func TestLoopbackASelectionThatMatchesNothingIsAnError(t *testing.T) {
	for _, only := range []string{"no such case", "("} {
		if _, err := Select(Cases(), []string{only}); err == nil {
			t.Errorf("%q selects something", only)
		}
	}
}

func TestLoopbackASeedMakesTheSameBytesAgain(t *testing.T) {
	target := start(t)
	sent := func(seed uint64) (all string) {
		cases, err := Select(Cases(), []string{"^P09"})
		if err != nil {
			t.Fatal(err)
		}
		target.Seed = seed
		err = Run(t.Context(), target, cases, 1, func(r report.Result) error {
			for _, b := range r.Trace {
				if b.Out && b.What == "message 1" {
					all += string(b.Data)
				}
			}
			return nil
		})
		if err != nil {
			t.Fatal(err)
		}
		return all
	}
	if a, b, c := sent(5), sent(5), sent(6); a == "" || a != b || a == c {
		t.Errorf("%d, %d and %d bytes of message 1; equal %v and %v", len(a), len(b), len(c), a == b, a == c)
	}
}
