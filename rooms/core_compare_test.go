package rooms

import (
	"testing"
	"time"

	"parley/wire"
)

func TestAPeerThatHasARoomByItsLinkOnlyIsInStepWithAnEmptyOne(t *testing.T) {
	n := newSim(t, 90, "a", "b")
	a, b := n.nodes[0], n.nodes[1]
	n.mesh()
	kit := n.privateRoom(a, 0)
	u := n.user(b, kit.link.Room)
	d, err := NewLinkDelegation(kit.link, b.id, 1)
	if err != nil {
		t.Fatal(err)
	}
	u.done(u.ask(&wire.Submit{Room: u.room, Delegation: d.Raw}))
	n.run(5 * time.Second)
	// The entries are there, and nobody has written. On the next session both tell the same
	// digest; a step that compared it for ever would not return.
	n.cut(n.between(a, b))
	n.connect(a, b)
	n.maxSteps = n.steps + 200
	n.run(time.Minute)
}
