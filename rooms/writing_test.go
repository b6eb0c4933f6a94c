package rooms

import (
	"testing"

	"parley/wire"
)

func TestAnAdminWhoseJoinWasRevokedMayRenewAndLeave(t *testing.T) {
	tr := newTestRoom(t)
	bob := newUser(t, "bob")
	invite := tr.invite(RoleMember)
	at := tr.NextBeside(bob.ID(), testTime())
	tr.add(NewRevoke(tr.master, tr.next(), []wire.ID{invite.ID})) // has not seen bob's join
	join := tr.add(NewJoin(bob, at, tr.links[invite.ID], invite.ID, randomBytes(nonceSize)))
	tr.add(NewAppoint(tr.master, tr.next(), bob.ID()))
	if tr.Now().Role(bob.ID()) != RoleAdmin {
		t.Fatalf("bob is a %s", tr.Now().Role(bob.ID()))
	}
	if heads := tr.NextBeside(bob.ID(), testTime()).Heads; !contains(heads, join.ID) {
		t.Error("bob does not name the entry by which the room knows its bundle")
	}
	if err := bob.SetName("robert"); err != nil {
		t.Fatal(err)
	}
	tr.add(NewRenew(bob, tr.NextBeside(bob.ID(), testTime())))
	tr.add(NewLeave(bob, tr.NextBeside(bob.ID(), testTime()), nil))
}
