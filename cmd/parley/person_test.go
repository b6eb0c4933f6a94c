//go:build unix

package main

import (
	"encoding/json"
	"strings"
	"testing"
)

// whoami is what `parley id --json` tells.
func whoami(t testing.TB, home string) (id string, words []string) {
	t.Helper()
	var v struct {
		ID          string
		Fingerprint []string
	}
	if err := json.Unmarshal([]byte(must(t, home, "id", "--json").out), &v); err != nil {
		t.Fatal(err)
	}
	return v.ID, v.Fingerprint
}

func TestPeopleAreNamedAndVerified(t *testing.T) {
	t.Parallel()
	a, b := two(t)
	must(t, b.home, "id", "--name", "bob")
	must(t, a.home, "room", "create", "ops")
	must(t, b.home, "room", "join", strings.TrimSpace(must(t, a.home, "room", "invite", "ops").out))
	must(t, a.home, "room", "members", "ops")
	bob, words := whoami(t, b.home)
	ann, own := whoami(t, a.home)
	a.stop() // none of this needs a daemon
	if r := parley(t, a.home, "petname", "nobody", "x"); r.code != exitFailed || !strings.HasPrefix(r.err, `parley: nobody of that name: "nobody"; parley room members ROOM`) {
		t.Errorf("exit code %d: %s", r.code, r.err)
	}
	for _, person := range []string{"bob", "@bob", "bob·" + bob[:4], bob[:8], bob} {
		if r := must(t, a.home, "petname", person, "robert"); !strings.Contains(r.err, "is shown as robert here") {
			t.Errorf("%s: %s", person, r.err)
		}
		must(t, a.home, "petname", "robert", "--remove")
	}
	must(t, a.home, "petname", "bob", "robert")
	if r := must(t, a.home, "petname", "--json"); r.out != `{"id":"`+bob+`","petname":"robert"}`+"\n" {
		t.Errorf("%s", r.out)
	}
	for args, want := range map[string]string{"petname bob": "give the NAME too", "petname bob x --remove": "takes the PERSON alone", "petname bob a@b": "holds @"} {
		if r := parley(t, a.home, strings.Fields(args)...); r.code != exitUsage || !strings.Contains(r.err, want) {
			t.Errorf("%s: exit code %d: %s", args, r.code, r.err)
		}
	}
	if r := parley(t, a.home, "petname", ann, "robert"); r.code != exitUsage || !strings.Contains(r.err, "robert is already") {
		t.Errorf("one name for two: exit code %d: %s", r.code, r.err)
	}

	show := decode[struct {
		ID, Name, Verified string
		Fingerprint, Own   []string
	}](t, must(t, a.home, "verify", "robert", "--json"))[0]
	if show.ID != bob || show.Name != "robert" || strings.Join(show.Fingerprint, " ") != strings.Join(words, " ") || strings.Join(show.Own, " ") != strings.Join(own, " ") || show.Verified != "" {
		t.Errorf("%+v", show)
	}
	if r := must(t, a.home, "verify", "robert", "--qr"); !strings.Contains(r.out, strings.Join(words, " ")) || !strings.Contains(r.err, "▄") || strings.Contains(r.out, "verified") {
		t.Errorf("%s%s", r.out, r.err)
	}
	if r := parley(t, a.home, append([]string{"verify", "robert"}, own...)...); r.code != exitFailed || !strings.Contains(r.err, "this is not the fingerprint of robert") {
		t.Errorf("another's words: exit code %d: %s", r.code, r.err)
	}
	if r := parley(t, a.home, append([]string{"verify", "robert"}, words[:5]...)...); r.code != exitUsage {
		t.Errorf("too few words: exit code %d: %s", r.code, r.err)
	}
	if r := must(t, a.home, "verify", "robert"); strings.Contains(r.out, "verified") {
		t.Errorf("after words that were wrong: %s", r.out)
	}
	must(t, a.home, append([]string{"verify", "robert"}, strings.ToUpper(strings.Join(words, " ")))...)
	must(t, a.home, "verify", "robert", "PARLEY-ID:"+strings.ToUpper(bob))
	if r := must(t, a.home, "verify", "robert"); !strings.Contains(r.out, "verified 20") {
		t.Errorf("%s", r.out)
	}
}
