package rooms

import (
	"math/rand/v2"
	"reflect"
	"slices"
	"testing"
	"time"

	"parley/wire"
)

// FuzzCore lets two peers with honest users live through what its input says: three bytes an act. Beside them are a
// member who signs what it must not, that member's peer and a stranger's, which send what they like. A watch looks at
// every step; in the end the honest ones are left alone, and must be equal.
func FuzzCore(f *testing.F) {
	f.Fuzz(func(t *testing.T, program []byte) { newStage(t).play(program) })
}

// FuzzCore finds nothing where nothing happens: with the acts as they are, all that follows does in some of these lives.
func TestInSomeLivesOfFuzzCoreEverythingHappens(t *testing.T) {
	var all CoreStats
	told := 0
	for seed := range uint64(150) {
		t.Run("", func(t *testing.T) {
			rng := rand.New(rand.NewPCG(seed, 5))
			program := make([]byte, 3*maxActs)
			for i := range program {
				program[i] = byte(rng.Uint32())
			}
			s := newStage(t)
			s.play(program)
			for _, stats := range s.stats {
				got, sum := reflect.ValueOf(stats), reflect.ValueOf(&all).Elem()
				for i := range got.NumField() {
					if got.Field(i).CanUint() {
						sum.Field(i).SetUint(sum.Field(i).Uint() + got.Field(i).Uint())
					}
				}
			}
			for _, nd := range s.nodes {
				for _, r := range nd.core.roomList {
					told += len(r.notices)
				}
			}
		})
	}
	seldom := []string{"Limited", "Revived"} // nobody is that fast, and it takes five acts in a row; package sim has these
	for i, v := 0, reflect.ValueOf(all); i < v.NumField(); i++ {
		if name := v.Type().Field(i).Name; v.Field(i).CanUint() && v.Field(i).IsZero() && !slices.Contains(seldom, name) {
			t.Errorf("no %s in any life", name)
		}
	}
	if told == 0 {
		t.Error("no author is told anything in any life")
	}
}

// maxActs is how much of a program is played: what goes wrong does so after a few acts, and short ones are many more.
const maxActs = 60

// A stage is the world of one program.
type stage struct {
	*simNet
	*watch
	a, b     *simNode
	kit      *simRoomKit
	users    []*simUser // the honest ones
	mallory  *simUser   // a member whose client and peer do as they like
	stranger *simUser   // to the room
	villains []*simNode // mallory's peer, and one of nobody in the room
	sessions []*villain
	tape     []wire.Message // of what the honest peers told each other
	pool     []*Run         // that anybody has signed
	open     []ReqKey
}

// A villain is a session of a dishonest peer with an honest one.
type villain struct {
	end *simEnd // of the honest side
	key PeerKey // by which the honest side knows it
	id  wire.ID // of the dishonest peer
}

func newStage(t *testing.T) *stage {
	n := newSim(t, 1, "a", "b")
	n.maxSteps = 200_000
	s := &stage{simNet: n, a: n.nodes[0], b: n.nodes[1]}
	n.mesh()
	s.kit = n.privateRoom(s.a, 0)
	u := s.kit.join(s.b)
	s.mallory, s.stranger = s.kit.join(s.b), n.user(s.b, s.kit.link.Room)
	s.users = []*simUser{s.kit.master, u, n.user(s.a, n.lobby()), n.user(s.b, n.lobby())}
	n.run(2 * time.Second)
	s.mallory.refresh()
	for _, u := range append(s.users, s.mallory) {
		s.pool = append(s.pool, u.write(2), u.write(1))
	}
	n.run(2 * time.Second)
	for _, name := range []string{"m", "x"} {
		s.villains = append(s.villains, &simNode{n: n, name: name, id: wire.Hash("villain", []byte(name)), evil: true, conns: map[PeerKey]*simEnd{}, byType: map[wire.Type]int{}})
	}
	s.watch = newWatch(n)
	n.tap = func(from *simEnd, m wire.Message) {
		if len(s.tape) < 200 && !from.node.evil && !from.other.node.evil {
			s.tape = append(s.tape, m)
		}
	}
	return s
}

func (s *stage) play(program []byte) {
	all := acts()
	for range maxActs {
		if len(program) < 3 {
			break
		}
		rng := rand.New(rand.NewPCG(uint64(program[1]), uint64(program[2])))
		all[int(program[0])%len(all)](s, rng)
		program = program[3:]
		s.simNet.run(time.Millisecond)
	}
	s.heal()
}

func (s *stage) other(nd *simNode) *simNode {
	if nd == s.a {
		return s.b
	}
	return s.a
}

// heal ends what was done to the honest, and checks what they are left with.
func (s *stage) heal() {
	s.dropLive = 0
	for _, v := range s.sessions {
		s.cut(v.end.conn)
	}
	for _, nd := range s.nodes {
		if nd.store.fail = 0; nd.core == nil {
			nd.start()
		}
	}
	s.mesh()
	for range 4 {
		for _, u := range s.users {
			u.resend()
		}
		s.simNet.run(15 * time.Second)
	}
	s.simNet.run(time.Minute)
	quiet := s.steps
	s.simNet.run(time.Minute)
	if busy := s.steps - quiet; busy > 200 {
		s.t.Errorf("%d events in a minute in which nothing happens", busy)
	}
	for _, nd := range s.nodes {
		s.promises(nd)
		for _, r := range nd.core.roomList {
			if r.failed || r.inFlight > 0 {
				s.t.Errorf("%s is not done with its store", nd.name)
			}
			for _, l := range r.links {
				o := s.other(nd).core.rooms[r.id]
				if both := o != nil && len(o.links) == 1 && o.links[0].gives() && l.gives(); both && !l.inStep() {
					s.t.Errorf("%s is not in step with %s in room %s", nd.name, l.p.name, r.id.Short())
				}
			}
		}
		if len(nd.core.pulls) > 0 || len(nd.core.finds) > 0 {
			s.t.Errorf("%s waits for %d pulls and %d runs of its store", nd.name, len(nd.core.pulls), len(nd.core.finds))
		}
	}
}
