// Package storetest is the contract of store.Store as tests. Every engine passes it whole:
//
//	func TestConformance(t *testing.T) {
//		storetest.Run(t, func(t *testing.T) storetest.Engine { ... })
//	}
package storetest

import (
	"testing"

	"parley/store"
)

// An Engine is one store of an engine under test, which can be closed and opened again.
type Engine interface {
	// Open opens the store, which keeps what it held when it was closed. The suite closes what it opens, and
	// opens it again only then.
	Open(t *testing.T) store.Store
}

// A Modest engine is tested against a server that is too slow for long logs and many commits: it says how many runs the longest
// log of a case has, which must be more than two of its pages, and the cases with many writers, rooms, records or values have a quarter
// of them. Other engines get longLog.
type Modest interface{ LongLog() int }

// longLog is the length in runs of the longest log in a case of the suite.
const longLog = 2400

func (h *harness) longLog() int {
	if modest, ok := h.engine.(Modest); ok {
		return modest.LongLog()
	}
	return longLog
}

// many is n, or less where each commit and each read takes long.
func (h *harness) many(n int) int {
	if _, ok := h.engine.(Modest); ok {
		return n / 4
	}
	return n
}

// Run runs the suite. fresh returns an engine with an empty store of its own for each case.
func Run(t *testing.T, fresh func(t *testing.T) Engine) {
	families := []struct {
		name  string
		cases []testCase
	}{
		{"append", appendCases},
		{"atomic", atomicCases},
		{"read", readCases},
		{"arrival", arrivalCases},
		{"record", recordCases},
		{"value", valueCases},
		{"trim", trimCases},
		{"cut", cutCases},
		{"drop", dropCases},
		{"concurrent", concurrentCases},
		{"life", lifeCases},
	}
	for _, family := range families {
		if len(family.cases) == 0 {
			t.Fatalf("the family %q has no cases", family.name)
		}
		t.Run(family.name, func(t *testing.T) {
			for _, c := range family.cases {
				t.Run(c.name, func(t *testing.T) { run(t, fresh(t), c) })
			}
		})
	}
}

// A testCase says in its name what must hold. It gets an empty store.
type testCase struct {
	name string
	test func(h *harness)
}

// run runs a case, and checks afterwards, as it stands and after being opened again, that the
// store is consistent.
func run(t *testing.T, engine Engine, c testCase) {
	h := &harness{T: t, engine: engine}
	h.open()
	defer h.close()
	c.test(h)
	if t.Failed() || h.Store == nil {
		return
	}
	CheckConsistent(t, h.Store)
	before := h.dump()
	h.reopen()
	CheckConsistent(t, h.Store)
	if after := h.dump(); after != before {
		t.Errorf("after closing and opening, the store holds\n%s\nand held before\n%s", after, before)
	}
}
