package sim

import (
	"fmt"
	"testing"
	"time"
)

// Options say what else a run is given.
type Options struct {
	Only  string                           // apply only the check of this name; empty: all
	Trace func(format string, args ...any) // what happens, line by line; nil: silent
	Wire  bool                             // trace every message between peers too
	plant *plant                           // a fault planted in the world; nil: none
}

// A Result is what came of a run.
type Result struct {
	Failure *Failure // nil: every check holds
	Totals  Totals
	Hash    string // of everything that was sent between peers
}

// Play carries a script out, lets the world heal, and applies every check. It makes all
// randomness of the process deterministic, so that nothing else may run in parallel.
func Play(t *testing.T, s *Script, o Options) *Result {
	w := enact(t, s, o)
	w.check(o.Only)
	return &Result{w.failure, w.totals, fmt.Sprintf("%x", w.history.hash.Sum(nil)[:16])}
}

// enact carries a script out and lets the world heal.
func enact(t *testing.T, s *Script, o Options) *World {
	w := newWorld(t, s.Seed)
	w.trace, w.wiretap, w.plant = o.Trace, o.Wire, o.plant
	w.dropped, w.delay = float64(s.Dropped)/100, s.Delay
	for i := range s.Peers {
		p := w.addPeer(fmt.Sprintf("p%d", i))
		w.addPerson(fmt.Sprintf("u%d", i), p)
		if w.plant != nil && w.plant.disk != nil && i == 0 {
			p.disk.tamper = w.plant.disk
		}
	}
	for i := range s.Peers * (peoplePerPeer - 1) {
		w.addPerson(fmt.Sprintf("v%d", i), w.peers[i])
	}
	for i, p := range w.peers {
		for j := range i {
			if !s.Ring || j == i-1 || j == 0 && i == len(w.peers)-1 {
				w.link(p, w.peers[j])
			}
		}
	}
	for _, p := range w.peers {
		p.start()
	}
	do := map[string]func(*World, Action){}
	for _, k := range kinds() {
		do[k.name] = k.do
	}
	for _, a := range s.Actions {
		if w.failure != nil {
			break
		}
		w.say("-- %s", a)
		do[a.Kind](w, a)
		w.pass(a.Wait)
		w.totals.Actions++
	}
	w.settle()
	w.totals.Seeds, w.totals.Simulated = 1, w.now.Sub(epoch)
	w.totals.Runs, w.totals.Entries = len(w.history.order), len(w.history.made)
	return w
}

const (
	// healing is how long the world is given with everybody started and reachable, while
	// the dishonest go on, and again after they are gone. A comparison is made again after 30 s at most.
	healing = 90 * time.Second

	// resting is how long nothing more may happen after that.
	resting = 60 * time.Second
)

// settle lets the world heal. Everybody can reach everybody: in a ring, whoever belongs to a
// room may have between them only peers that must not have it.
func (w *World) settle() {
	w.say("-- healing")
	for _, p := range w.peers {
		for _, o := range w.peers {
			w.link(p, o)
		}
	}
	w.heal()
	for _, p := range w.peers {
		p.disk.failing = 0
		p.start()
	}
	w.pass(healing)
	for _, p := range w.peers {
		if p.evil {
			w.say("-- %s is gone", p.name)
			p.lies = nil
			for _, o := range w.peers {
				delete(w.linked, [2]*Peer{p, o})
				delete(w.linked, [2]*Peer{o, p})
			}
			for _, c := range append([]*conn(nil), w.conns...) {
				if c.a.peer == p || c.b.peer == p {
					w.cut(c)
				}
			}
		}
	}
	w.pass(healing)
	for _, p := range w.peers {
		p.quiet = 0
	}
	if w.plant != nil && w.plant.idle {
		w.babble()
	}
	if w.plant != nil && w.plant.asks {
		w.pester()
	}
	w.pass(resting)
}
