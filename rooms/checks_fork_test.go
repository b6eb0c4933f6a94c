package rooms

import (
	"slices"

	"parley/wire"
)

// handoverOf is the body of a handover to somebody.
func (w *world) handoverOf(name string) *Handover { return &Handover{Bundle: w.keys[name].Bundle()} }

// reigning expects somebody to be the master.
func (w *world) reigning(name string) { w.role(name, RoleMaster) }

// rivals is a world in which ada hands over to zoe, as bob has seen, and, unseen by
// that, to eve, by an entry with the lower ID.
func rivals(p *people, omits rule, before func(*world), first, second func(*world)) *world {
	w := newWorld(p, omits)
	if before != nil {
		before(w)
	}
	other := w.split()
	at := other.place("ada")
	if first != nil {
		first(w)
	}
	h1 := w.handover("ada", "zoe")
	if second != nil {
		second(other)
		at = other.place("ada")
	}
	other.lower(h1, "ada", at, KindHandover, other.handoverOf("eve"))
	return w.merge(other.then(func() {
		if w.err == nil {
			w.err = other.err
		}
	}))
}

func handoverChecks() []check {
	return []check{
		{"ExMasterCannotRewriteWitnessedHandover", func(p *people, omits rule) error {
			w := newWorld(p, omits)
			other := w.split()
			h1 := w.handover("ada", "zoe")
			w.invite("bob", RoleMember) // names it
			other.lower(h1, "ada", other.place("ada"), KindHandover, other.handoverOf("eve"))
			w.merge(other)
			w.reigning("zoe")
			w.role("ada", RoleMember)
			w.role("eve", RoleMember)
			c := w.Now().Contests()
			w.want(len(c) == 1 && c[0].Continues == h1 && len(c[0].Others) == 1, "the contest is not shown: %v", c)
			return w.err
		}},
		{"AWitnessOfTwoCountsForNone", func(p *people, omits rule) error {
			w := newWorld(p, omits)
			one, two := w.split(), w.split()
			h1 := w.handover("ada", "zoe")
			one.at("ada", one.place("ada"), KindHandover, one.handoverOf("eve"))
			h2 := one.All()[one.Len()-1]
			low := h1
			if h2.ID.Compare(h1.ID) < 0 {
				low = h2
			}
			two.lower(low, "ada", two.place("ada"), KindHandover, two.handoverOf("rex"))
			// bob, dishonest, names two of the three.
			at := w.place("bob")
			one.take(h1, h2)
			at.Heads = union(at.Heads, []wire.ID{h1.ID, h2.ID})
			one.at("bob", at, KindInvite, one.inviteBody(RoleMember))
			w.merge(one, two)
			w.reigning("rex")
			return w.err
		}},
		{"NoWitnessAppointedAfterwards", func(p *people, omits rule) error {
			w := rivals(p, omits, func(w *world) {
				w.addUser("ada", "lux", RoleMember)
				w.addUser("ada", "moe", RoleMember)
			}, nil, func(o *world) { o.appoint("ada", "lux"); o.appoint("ada", "moe") })
			// lux and moe, appointed in the rival's branch, witness it; bob has seen the other first.
			other := w.split()
			h := w.rival(w.id("eve"))
			for _, name := range []string{"lux", "moe"} {
				other.witnessAs(name, h)
			}
			w.witnessAs("bob", w.rival(w.id("zoe")))
			w.merge(other)
			w.reigning("zoe")
			return w.err
		}},
		{"NoWitnessWhoWasDemoted", func(p *people, omits rule) error {
			w := rivals(p, omits, func(w *world) { w.addUser("ada", "lux", RoleMember); w.appoint("ada", "lux") }, func(w *world) { w.demote("ada", "lux") }, nil)
			w.witnessAs("bob", w.rival(w.id("zoe")))
			w.witnessAs("lux", w.rival(w.id("eve")))
			w.reigning("zoe")
			return w.err
		}},
		{"NoWitnessInItsOwnCause", func(p *people, omits rule) error {
			w := rivals(p, omits, func(w *world) { w.appoint("ada", "eve") }, nil, nil)
			w.witnessAs("bob", w.rival(w.id("zoe")))
			w.witnessAs("eve", w.rival(w.id("eve")))
			w.reigning("zoe")
			return w.err
		}},
		{"ExMasterHandsOverOnce", func(p *people, omits rule) error {
			w := newWorld(p, omits)
			at := w.place("ada")
			h1 := w.handover("ada", "zoe")
			at.Heads = union(at.Heads, []wire.ID{h1.ID})
			h2 := w.lower(h1, "ada", at, KindHandover, w.handoverOf("eve"))
			w.reigning("zoe")
			w.at("eve", Place{Room: w.room, Number: h2.Number + 1, Prev: h2.ID, Heads: []wire.ID{h2.ID}}, KindAdd, &Add{Bundle: w.keys["lux"].Bundle(), Role: RoleMember})
			w.reigning("zoe")
			w.role("lux", RoleNone)
			return w.err
		}},
		{"NothingOfAnExMasterUnseenByItsHandover", func(p *people, omits rule) error {
			w := newWorld(p, omits)
			other := w.split()
			w.handover("ada", "zoe")
			other.must("ada", KindPolicy, &Policy{Name: "mine"})
			other.addUser("ada", "lux", RoleMember)
			w.merge(other)
			w.role("lux", RoleNone)
			w.want(w.Now().Name() == "ops", "the room is called %s", w.Now().Name())
			return w.err
		}},
		{"ConvergeAnyOrderOfRivals", func(p *people, omits rule) error {
			w := rivals(p, omits, nil, nil, nil)
			w.reigning("eve")
			other := &world{people: p, Authority: NewAuthority(w.room)}
			other.omits = omits
			for _, e := range slices.Backward(w.All()) {
				other.take(e)
			}
			other.reigning("eve")
			if w.err == nil {
				w.err = other.err
			}
			return w.err
		}},
	}
}

// rival is the handover to somebody.
func (w *world) rival(to wire.ID) *Entry {
	for _, e := range w.All() {
		if e.Kind == KindHandover && reigns(e) == to {
			return e
		}
	}
	w.fail("no handover")
	return w.Genesis()
}

// witnessAs writes an entry of an admin that names one handover.
func (w *world) witnessAs(name string, h *Entry) {
	for i, e := range w.All() {
		if body, ok := e.Body.(*Appoint); ok && body.Subject == w.id(name) && !w.saw(w.Authority.place[h.ID], i) {
			continue
		} else if ok && body.Subject == w.id(name) {
			at := Place{Room: w.room, Chain: e.ID, Number: 1, Heads: union([]wire.ID{e.ID}, []wire.ID{h.ID})}
			w.at(name, at, KindInvite, w.inviteBody(RoleMember))
			return
		}
	}
	w.fail("%s was not appointed before the handover", name)
}

// held are the runs that a judge may ask for.
type held map[wire.ID]HeldRun

func (h held) HeldRun(hash wire.ID) (HeldRun, bool) {
	r, ok := h[hash]
	return r, ok
}

func hold(runs ...*Run) held {
	h := held{}
	for _, r := range runs {
		h[r.Hash] = HeldRun{First: r.First, Last: r.Last(), Prev: r.Prev}
	}
	return h
}

// A forked log is one run, and two branches of two after it, all by eve.
type forked struct {
	root   *Run
	branch [2][2]*Run
}

func (w *world) fork() forked {
	f := forked{root: w.run("eve", nil)}
	for k := range f.branch {
		f.branch[k][0] = w.run("eve", f.root)
		f.branch[k][1] = w.run("eve", f.branch[k][0])
	}
	return f
}

// heldRuns are the runs of a fork that are held.
func (f forked) heldRuns(h held) (list []*Run) {
	for _, r := range f.all() {
		if _, ok := h[r.Hash]; ok {
			list = append(list, r)
		}
	}
	return list
}

func (f forked) all() []*Run {
	return []*Run{f.root, f.branch[0][0], f.branch[0][1], f.branch[1][0], f.branch[1][1]}
}

// forkJudged judges a run of a fork with what is held of it.
func (w *world) forkJudged(what string, want Verdict, f forked, h held, r *Run, before ...*Run) {
	state := &LogState{}
	for _, b := range before {
		state = b.Extend(state)
	}
	state.Fork, state.Held = f.branch[0][0].First, h
	w.tellRun(what, r, state.Fork, f.heldRuns(h), before)
	if v, why, _ := w.Judge(r, state); v != want {
		w.fail("%s is %s (%s), not %s", what, v, why, want)
	}
}

func forkChecks() []check {
	return []check{
		{"OneBranchPerLog", func(p *people, omits rule) error {
			w := newWorld(p, omits)
			f := w.fork()
			h := hold(f.all()...)
			w.forkJudged("before the fork", Valid, f, h, f.root)
			w.forkJudged("one branch, unpinned", Void, f, h, f.branch[0][0], f.root)
			w.forkJudged("the other", Void, f, h, f.branch[1][0], f.root)
			return w.err
		}},
		{"ForkTouchesOnlyOwnLog", func(p *people, omits rule) error {
			w := newWorld(p, omits)
			other, f := w.run("eve", nil), w.fork()
			w.epoch("bob", pinsAt(f.branch[0][0])...)
			w.judged("another log of the author", Valid, other)
			w.judged("the next of it", Valid, w.run("eve", other), other)
			w.judged("somebody else", Valid, w.run("rex", nil))
			w.forkJudged("the pinned branch", Valid, f, hold(f.all()...), f.branch[0][0], f.root)
			return w.err
		}},
		{"PinnedBranchNeverFlipsByLaterPin", func(p *people, omits rule) error {
			w := newWorld(p, omits)
			f := w.fork()
			h := hold(f.all()...)
			first := w.epoch("bob", pinsAt(f.branch[0][0])...)
			at := w.place("kim") // has seen the first
			body := w.newKey()
			body.Pins = pinsAt(f.branch[1][1])
			w.lower(first, "kim", at, KindEpoch, body)
			w.forkJudged("the first pin's", Valid, f, h, f.branch[0][0], f.root)
			w.forkJudged("beyond the first pin", Void, f, h, f.branch[0][1], f.root, f.branch[0][0])
			w.forkJudged("the later pin's", Void, f, h, f.branch[1][0], f.root)
			return w.err
		}},
		{"LaterPinsOnTheBranchGoOn", func(p *people, omits rule) error {
			w := newWorld(p, omits)
			f := w.fork()
			h := hold(f.all()...)
			w.epoch("bob", pinsAt(f.branch[0][0])...)
			w.stop("kim", "eve", RoleReader, f.branch[0][1])
			w.forkJudged("at the first pin", Valid, f, h, f.branch[0][0], f.root)
			w.forkJudged("at the later pin", Valid, f, h, f.branch[0][1], f.root, f.branch[0][0])
			return w.err
		}},
		{"ConvergeAnyOrderOfPins", func(p *people, omits rule) error {
			w := newWorld(p, omits)
			f := w.fork()
			other := w.split()
			one := w.epoch("bob", pinsAt(f.branch[0][0])...)
			body := other.newKey()
			body.Pins = pinsAt(f.branch[1][0])
			other.lower(one, "kim", other.place("kim"), KindEpoch, body)
			reverse := other.split().merge(w)
			w.merge(other)
			for _, side := range []*world{w, reverse} {
				side.forkJudged("the lower pin's", Valid, f, hold(f.all()...), f.branch[1][0], f.root)
				side.forkJudged("the higher pin's", Void, f, hold(f.all()...), f.branch[0][0], f.root)
				if w.err == nil {
					w.err = side.err
				}
			}
			return w.err
		}},
		{"AForkWaitsForThePinnedRun", func(p *people, omits rule) error {
			w := newWorld(p, omits)
			f := w.fork()
			w.epoch("bob", pinsAt(f.branch[0][1])...)
			without := hold(f.root, f.branch[1][0], f.branch[1][1])
			w.forkJudged("a branch, while the pinned run is not here", Pending, f, without, f.branch[1][0], f.root)
			w.forkJudged("the pinned run's own, while that is not here", Pending, f, without, f.branch[0][0], f.root)
			w.forkJudged("the same, when it is", Valid, f, hold(f.all()...), f.branch[0][0], f.root)
			w.forkJudged("the other, when it is", Void, f, hold(f.all()...), f.branch[1][0], f.root)
			return w.err
		}},
		{"APinOfNoRunHoldsNothingUp", func(p *people, omits rule) error {
			w := newWorld(p, omits)
			f := w.fork()
			pin := pinsAt(f.branch[0][1])
			pin[0].Number++ // no such run
			w.epoch("bob", pin...)
			w.forkJudged("a branch", Void, f, hold(f.all()...), f.branch[0][0], f.root)
			return w.err
		}},
		{"AForkBelowAFloorIsForgotten", func(p *people, omits rule) error {
			w := newWorld(p, omits)
			f := w.fork()
			at := f.branch[0][0]
			w.must("ada", KindTrim, &Trim{Floors: []Floor{{Log: at.Log, Number: at.Last(), Link: at.Hash, FirstHeads: f.root.Heads, Heads: at.Heads}}})
			w.forkJudged("above the floor", Valid, f, nil, f.branch[0][1])
			w.forkJudged("the other branch", Void, f, nil, f.branch[1][0], f.root)
			return w.err
		}},
	}
}
