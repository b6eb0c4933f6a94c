package rooms

import (
	"flag"
	"fmt"
	"testing"
	"time"

	"parley/wire"
)

var (
	simSeed  = flag.Uint64("sim.seed", 0, "run only this seed of the crash test")
	simSeeds = flag.Uint64("sim.seeds", 40, "how many seeds the crash test runs")
	simSteps = flag.Int("sim.steps", 250, "actions for each seed")
)

func TestNothingAcknowledgedIsLostWhateverCrashes(t *testing.T) {
	first, last := uint64(1), *simSeeds
	if *simSeed != 0 {
		first, last = *simSeed, *simSeed
	}
	for seed := first; seed <= last; seed++ {
		if !t.Run(fmt.Sprint(seed), func(t *testing.T) { crashRun(t, seed) }) {
			t.Fatalf("replay with: go test ./rooms -run TestNothingAcknowledgedIsLost -sim.seed=%d -sim.steps=%d", seed, *simSteps)
		}
	}
}

// crashRun runs one seed and returns a hash of everything that was sent.
func crashRun(t *testing.T, seed uint64) string {
	names := []string{"a", "b", "c", "d"}
	n := newSim(t, seed, names...)
	n.dropLive = float64(seed%3) * 0.2
	n.delay = time.Duration(1+seed%20) * time.Millisecond
	n.mesh()
	kit := n.privateRoom(n.nodes[0], 0)
	users := []*simUser{kit.master}
	for _, nd := range n.nodes[1:] {
		users = append(users, kit.join(nd))
	}
	for _, nd := range n.nodes {
		users = append(users, n.user(nd, n.lobby()))
	}
	rooms := []wire.ID{kit.link.Room, n.lobby()}
	n.run(time.Duration(n.rng.IntN(2000)) * time.Millisecond)

	up := func(u *simUser) bool { return u.node.core != nil }
	for range *simSteps {
		nd := n.nodes[n.rng.IntN(len(n.nodes))]
		switch p := n.rng.IntN(100); {
		case p < 60:
			u := users[n.rng.IntN(len(users))]
			if up(u) {
				runs := []*Run{u.sign(1 + n.rng.IntN(3))}
				for range n.rng.IntN(4) {
					runs = append(runs, u.sign(1+n.rng.IntN(5)))
				}
				u.append(runs...)
			}
		case p < 68:
			if nd.core != nil {
				nd.crash()
			}
		case p < 78:
			if nd.core == nil {
				nd.start()
				for _, u := range users {
					if u.node == nd {
						u.resend()
					}
				}
			}
		case p < 84:
			if c := n.conns[n.rng.IntN(len(n.conns))]; c.up {
				n.cut(c)
			}
		case p < 92:
			if o := n.nodes[n.rng.IntN(len(n.nodes))]; o != nd && o.core != nil && nd.core != nil && n.between(o, nd) == nil {
				n.connect(o, nd)
			}
		case p < 94:
			nd.store.fail = 1 + n.rng.IntN(2)
		case p < 97:
			if u := users[n.rng.IntN(len(users))]; up(u) {
				u.resend()
			}
		default:
			n.run(time.Duration(n.rng.IntN(3000)) * time.Millisecond)
		}
		n.run(time.Duration(n.rng.IntN(20)) * time.Millisecond)
	}
	for _, nd := range n.nodes {
		nd.store.fail = 0
		if nd.core == nil {
			nd.start()
		}
	}
	n.mesh()
	total := map[wire.ID]uint64{}
	for range 30 {
		n.run(time.Second)
		for _, u := range users {
			u.resend()
		}
	}
	n.run(20 * time.Second)
	for _, u := range users {
		if u.prev == nil {
			continue
		}
		total[u.room] += u.prev.Last()
		if u.acknowledged() != u.prev.Last() {
			t.Errorf("a user at %s has %d of %d messages acknowledged", u.node.name, u.acked, u.prev.Last())
		}
		for _, nd := range n.nodes {
			n.holdsAll(nd, u)
		}
	}
	for _, room := range rooms {
		n.wantEqual(room, total[room], n.nodes...)
	}
	quiet := n.steps
	n.run(time.Minute)
	if busy := n.steps - quiet; busy > 400 {
		t.Errorf("%d events in a minute in which nothing happens", busy)
	}
	return fmt.Sprintf("%x", n.trace.Sum(nil))
}

func TestEqualEventsGiveEqualEffects(t *testing.T) {
	var traces []string
	for range 3 {
		t.Run("", func(t *testing.T) { traces = append(traces, crashRun(t, 77)) })
	}
	if traces[0] != traces[1] || traces[1] != traces[2] {
		t.Error("a seed does not determine what is sent")
	}
}

// holdsAll checks that a node's disk has each of a user's runs, once and in order.
func (n *simNet) holdsAll(nd *simNode, u *simUser) {
	n.t.Helper()
	runs := nd.store.room(u.room).runs[u.prev.Log]
	if len(runs) != len(u.all) {
		n.t.Errorf("%s holds %d runs of a log of %d, of a user at %s, acknowledged %d, head %d", nd.name, len(runs), len(u.all), u.node.name, u.acked, nd.store.room(u.room).heads[u.prev.Log].Last)
		return
	}
	for i, run := range runs {
		if run.Link != u.all[i].Hash {
			n.t.Errorf("%s holds another run %d", nd.name, i)
			return
		}
	}
}
