package rooms

import "testing"

func TestAnEntryThatNamesAnotherTwiceIsHeldOnceWhenItCame(t *testing.T) {
	tr := newTestRoom(t)
	bob := tr.member("bob", RoleMember)
	tr.add(NewRevoke(tr.master, tr.next(), nil)) // confirms the join, so that who is appointed is known
	appointment := tr.add(NewAppoint(tr.master, tr.next(), bob.ID()))
	// The demotion names the appointment among its heads, as what it ends, and as the cut.
	tr.add(NewDemote(tr.master, tr.next(), appointment.ID, appointment.ID, randomBytes(nonceSize), tr.epochKey))
	other, all := NewAuthority(tr.Room()), tr.All()
	for i := len(all) - 1; i >= 0; i-- {
		if _, _, err := other.Add(all[i]); err != nil {
			t.Fatal(err)
		}
	}
	if other.Len() != tr.Len() || other.Digest() != tr.Digest() {
		t.Errorf("%d entries are held, of %d", other.Len(), tr.Len())
	}
}
