package main

import (
	"errors"
	"io"
	"os"
	"strings"
	"testing"

	"parley/rooms/client"
	"parley/wire"
)

// printed collects what f prints on standard output.
func printed(t *testing.T, f func(out *output) error) (string, error) {
	t.Helper()
	file, err := os.CreateTemp(t.TempDir(), "out")
	if err != nil {
		t.Fatal(err)
	}
	defer file.Close()
	ferr := f(&output{stdout: file, stderr: file})
	if _, err := file.Seek(0, io.SeekStart); err != nil {
		t.Fatal(err)
	}
	b, err := io.ReadAll(file)
	if err != nil {
		t.Fatal(err)
	}
	return string(b), ferr
}

func TestAVerificationNamesEachHoleAndFork(t *testing.T) {
	t.Parallel()
	log := wire.ID{1}
	hole := func(side string) wire.VerifiedPeer {
		return wire.VerifiedPeer{Peer: wire.ID{2}, Name: "b", Holes: []wire.Hole{{Log: log, First: 3, Last: 9, Side: side}}}
	}
	same := wire.VerifiedPeer{Peer: wire.ID{3}, Name: "c", Identical: true}
	for _, test := range []struct {
		name  string
		v     wire.Verified
		human string
		json  string
		err   error
	}{
		{"identical", wire.Verified{Messages: 1, Peers: wire.List[wire.VerifiedPeer]{same}}, "c·ama: identical, 1 message\n", `"identical":true,"messages":1,"holes":[],"forks":[]`, nil},
		{"missing here", wire.Verified{Messages: 5, Peers: wire.List[wire.VerifiedPeer]{same, hole("here")}}, "messages 3 to 9: missing here; that peer has them", `"holes":[{"log":"` + log.String() + `","first":3,"last":9,"side":"here"}]`, errDiffers},
		{"missing there", wire.Verified{Peers: wire.List[wire.VerifiedPeer]{hole("there")}}, "messages 3 to 9: missing there; this peer has them", `"side":"there"`, errDiffers},
		{"different", wire.Verified{Peers: wire.List[wire.VerifiedPeer]{hole("differs")}}, "messages 3 to 9: the two hold different ones", `"side":"differs"`, errDiffers},
		{"a fork", wire.Verified{Forks: wire.List[wire.ID]{log}, Peers: wire.List[wire.VerifiedPeer]{same}}, "fork in log " + log.String()[:12], `"forks":["` + log.String() + `"]`, errDiffers},
		{"not compared", wire.Verified{Peers: wire.List[wire.VerifiedPeer]{{Peer: wire.ID{2}, Problem: "gone\x1b"}}}, "not compared: gone�\n", `"problem":"gone\u001b"`, errUncompared},
		{"alone", wire.Verified{Messages: 2}, "ops: 2 messages here; no other peer of it is connected\n", `"peer":""`, nil},
	} {
		for _, asJSON := range []bool{false, true} {
			c := &roomVerifyCmd{JSON: asJSON}
			text, err := printed(t, func(out *output) error {
				return c.print(&app{out: out}, client.Room{Name: "ops"}, &test.v)
			})
			want := test.human
			if asJSON {
				want = test.json
			}
			if !errors.Is(err, test.err) || test.err == nil && err != nil {
				t.Errorf("%s: %v, want %v", test.name, err, test.err)
			}
			want = strings.Replace(want, "c·ama", "c·"+same.Peer.String()[:4], 1)
			if !strings.Contains(text, want) {
				t.Errorf("%s: %s is not in %s", test.name, want, text)
			}
		}
	}
}
