package rooms

import (
	"fmt"
	"slices"
	"testing"
	"time"

	"parley/handshake/identity"
	"parley/store"
	"parley/wire"
)

// A benchPair is two cores joined without delay, with disks that take everything at once.
type benchPair struct {
	cores [2]*Core
	now   time.Time
	queue []func()
}

func newBenchPair(b *testing.B) *benchPair {
	p := &benchPair{now: simEpoch}
	net := identity.Network{Name: "bench", Secret: make([]byte, identity.NetworkSecretSize)}
	for i := range p.cores {
		p.cores[i] = New(Config{Self: wire.ID{byte(i + 1)}, Network: net, Open: OpenLimits{Bytes: 1 << 40, AuthorRate: 1 << 40, AuthorMax: 1 << 40}})
		p.step(i, Loaded{All: true})
	}
	for i := range p.cores {
		p.step(i, PeerUp{Peer: 1, ID: wire.ID{byte(2 - i)}, Initiator: i == 0})
	}
	p.drain()
	return p
}

func (p *benchPair) drain() {
	for len(p.queue) > 0 {
		f := p.queue[0]
		p.queue = p.queue[1:]
		f()
	}
}

func (p *benchPair) step(i int, ev Event) {
	var runs [][]byte
	for _, e := range p.cores[i].Step(p.now, ev) {
		switch e := e.(type) {
		case Send:
			p.queue = append(p.queue, func() { p.step(1-i, PeerMessage{Peer: 1, Msg: e.Msg}) })
		case SendLive:
			runs = e.Msg.Runs
			in := RunsIn{Peer: 1, Ref: e.Ref}
			for _, raw := range runs {
				in.Runs = append(in.Runs, benchRuns[&raw[0]])
			}
			p.queue = append(p.queue, func() { p.step(1-i, in) })
		case Persist:
			p.queue = append(p.queue, func() { p.step(i, Persisted{From: e.Batch, To: e.Batch}) })
		}
	}
}

// benchRuns keeps parsed runs by the address of their bytes: parsing and signatures are the
// glue's work, on other cores, and not measured here.
var benchRuns = map[*byte]*Run{}

func benchLog(b *testing.B, runs, count int) []*Run {
	b.Helper()
	net := identity.Network{Name: "bench", Secret: make([]byte, identity.NetworkSecretSize)}
	key, err := identity.Generate(identity.Ed25519, "bench")
	if err != nil {
		b.Fatal(err)
	}
	u := &simUser{key: key, room: OpenRoomID(net, Lobby), n: &simNet{now: simEpoch}}
	for range runs {
		r := u.sign(count)
		benchRuns[&r.Raw[0]] = r
	}
	return u.all
}

func BenchmarkMessagesThroughTwoCores(b *testing.B) {
	for _, count := range []int{1, 512} {
		b.Run(fmt.Sprintf("runs of %d", count), func(b *testing.B) {
			const messages = 100_000
			log := benchLog(b, messages/count, count)
			b.ReportAllocs()
			for b.Loop() {
				b.StopTimer()
				p := newBenchPair(b)
				b.StartTimer()
				for _, r := range log {
					p.step(0, UserMessage{Req: 1, User: r.Author, Msg: &wire.Append{Room: r.Room}, Parts: &Parts{Runs: []*Run{r}}})
					p.drain()
				}
				b.StopTimer()
				if got := p.cores[1].Stats().Messages; got != uint64(len(log)*count) {
					b.Fatalf("%d messages arrived", got)
				}
				b.StartTimer()
			}
			b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N)/float64(len(log)), "ns/run")
		})
	}
}

// BenchmarkJudgeARoomAgain reads a room that was never judged by the entries held, as after an update: all of its logs are judged.
func BenchmarkJudgeARoomAgain(b *testing.B) {
	for _, logs := range []int{300, 3000, 30000} {
		b.Run(fmt.Sprint(logs, " logs"), func(b *testing.B) {
			n := newSim(b, 90, "a")
			a := n.nodes[0]
			kit := n.privateRoom(a, 0)
			run := kit.master.write(1)
			n.run(time.Second)
			a.crash()
			longHistory(run.Room, run, logs, uint64(2*logs), a)
			a.store.set(store.Value{Key: RoomValues(run.Room) + "judged"})
			state := run.Extend(nil)
			state.FirstHeads = []wire.ID{run.Room} // so that the store is asked for runs between
			for log, h := range a.store.room(run.Room).heads {
				h.Note = string(state.note())
				a.store.room(run.Room).heads[log] = h
			}
			for b.Loop() {
				core := New(a.cfg)
				effects := core.Step(n.now, Loaded{Rooms: []*RoomData{a.store.data(run.Room, false)}, All: true})
				for todo := slices.Clone(effects); len(todo) > 0; todo = todo[1:] {
					if e, ok := todo[0].(Find); ok {
						todo = append(todo, core.Step(n.now, Found{Find: e.Find})...)
					}
				}
				if core.rooms[run.Room].judgedOn == 0 {
					b.Fatal("the room is not judged")
				}
			}
			b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N)/float64(logs), "ns/log")
		})
	}
}
