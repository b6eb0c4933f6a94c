package embedded_test

import (
	"errors"
	"flag"
	"fmt"
	"math/rand/v2"
	"strconv"
	"sync"
	"testing"

	"github.com/cockroachdb/pebble/v2/vfs"
	"github.com/cockroachdb/pebble/v2/vfs/errorfs"

	"parley/store"
	"parley/store/embedded"
	"parley/store/storetest"
	"parley/wire"
)

var syncSeeds = flag.Int("sync.seeds", 1, "how many random histories the power-loss test cuts at every sync")

var crashSeeds = flag.Int("crash.seeds", 12, "how many random histories the power-loss test cuts")

const (
	crashWriters = 4
	crashBatches = 40 // of each writer
	crashPoints  = 12 // power cuts of one history
)

// TestNothingAcknowledgedIsLostWhenThePowerFails runs random histories of concurrent writers on a file system
// that keeps what was synced and, by chance, some of what was not. It cuts the power just before random operations
// of the disk, and opens what is left.
func TestNothingAcknowledgedIsLostWhenThePowerFails(t *testing.T) {
	for seed := range uint64(*crashSeeds) {
		t.Run(fmt.Sprint("seed ", seed), func(t *testing.T) {
			t.Parallel()
			cutHistory(t, rand.New(rand.NewPCG(seed, 1)))
		})
	}
}

// TestNothingAcknowledgedIsLostAtWhicheverSyncThePowerFails cuts the power before every sync of a file or a folder of
// a history that makes a store, fills it, closes and opens it again: what was promised before each is there afterwards, whole.
func TestNothingAcknowledgedIsLostAtWhicheverSyncThePowerFails(t *testing.T) {
	for seed := range uint64(*syncSeeds) {
		t.Run(fmt.Sprint("seed ", seed), func(t *testing.T) {
			c := &cutter{t: t, mem: vfs.NewCrashableMem(), rng: rand.New(rand.NewPCG(seed, 2)), model: newModel()}
			left := make(chan crash)
			c.taken = left
			var checking sync.WaitGroup
			cuts := 0
			checking.Go(func() {
				for one := range left { // one at a time: a disk is large
					cuts++
					(&cutter{t: t, crashes: []crash{one}}).check()
				}
			})
			c.history(2)
			close(left)
			checking.Wait()
			if cuts < crashBatches {
				t.Errorf("the disk was synced only %d times", cuts)
			}
			t.Logf("%d syncs", cuts)
		})
	}
}

func isSync(op errorfs.Op) bool {
	return op.Kind == errorfs.OpFileSync || op.Kind == errorfs.OpFileSyncData || op.Kind == errorfs.OpFileSyncTo
}

// TestNothingAcknowledgedIsLostWhenThePowerFailsTwice cuts the power again while what the first cut left is
// being opened and written on.
func TestNothingAcknowledgedIsLostWhenThePowerFailsTwice(t *testing.T) {
	rng := rand.New(rand.NewPCG(77, 1))
	left := cutHistory(t, rng)
	for i := range left {
		disk := left[i].disk
		second := &cutter{t: t, mem: disk, rng: rng, model: left[i].model, every: 30}
		second.history(1)
		second.check()
	}
}

// cutHistory runs one history and checks what each power cut left.
func cutHistory(t *testing.T, rng *rand.Rand) []crash {
	c := &cutter{t: t, mem: vfs.NewCrashableMem(), rng: rng, model: newModel(), every: 8 * crashBatches / crashPoints}
	c.history(2)
	if len(c.crashes) < crashPoints/2 {
		t.Errorf("the power was cut only %d times", len(c.crashes))
	}
	c.check()
	return c.crashes
}

// cutter cuts the power of a disk at random operations.
type cutter struct {
	t     *testing.T
	mem   *vfs.MemFS
	model *model
	every int // operations between two cuts, on average

	taken chan<- crash // what every sync would leave goes there; nil: crashes are gathered by chance

	mu      sync.Mutex
	rng     *rand.Rand
	crashes []crash
}

// A crash is what a power cut left, and what had been promised before it.
type crash struct {
	disk  *vfs.MemFS
	model *model
}

// maybeCut is called before each operation of the disk.
func (c *cutter) maybeCut(op errorfs.Op) error {
	if op.Kind.ReadOrWrite() != errorfs.OpIsWrite {
		return nil
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.taken != nil {
		if !isSync(op) {
			return nil
		}
	} else if c.rng.IntN(c.every) != 0 || len(c.crashes) >= crashPoints {
		return nil
	}
	// What was promised is taken first: a promise made between the two must not count.
	promised := c.model.clone()
	unsynced := []int{0, 0, 20, 50, 100}[c.rng.IntN(5)]
	disk := c.mem.CrashClone(vfs.CrashCloneCfg{UnsyncedDataPercent: unsynced, RNG: c.rng})
	if c.taken != nil {
		c.taken <- crash{disk, promised}
		return nil
	}
	c.crashes = append(c.crashes, crash{disk, promised})
	return nil
}

// history opens the store, lets writers work on it, and closes it, a few times.
func (c *cutter) history(lives int) {
	c.t.Helper()
	fs := errorfs.Wrap(c.mem, errorfs.InjectorFunc(c.maybeCut))
	for range lives {
		s, err := embedded.Open("/var/store", embedded.Options{FS: fs})
		if err != nil {
			c.t.Fatalf("Open: %v", err)
		}
		c.model.begin(c.t, s)
		var wg sync.WaitGroup
		for w := range crashWriters {
			c.mu.Lock()
			rng := rand.New(rand.NewPCG(c.rng.Uint64(), uint64(w)))
			c.mu.Unlock()
			wg.Go(func() {
				for range crashBatches {
					c.model.step(c.t, s, rng, w)
				}
			})
		}
		done := make(chan struct{})
		var watching sync.WaitGroup
		watching.Go(func() { c.model.watch(c.t, s, done) })
		wg.Wait()
		close(done)
		watching.Wait()
		if err := s.Close(); err != nil {
			c.t.Fatalf("Close: %v", err)
		}
	}
}

// check opens what each crash left.
func (c *cutter) check() {
	c.t.Helper()
	for i := range c.crashes {
		s, err := embedded.Open("/var/store", embedded.Options{FS: c.crashes[i].disk.CrashClone(vfs.CrashCloneCfg{})})
		if err != nil {
			c.t.Fatalf("after crash %d: Open: %v", i, err)
		}
		storetest.CheckConsistent(c.t, s)
		c.crashes[i].model.check(c.t, s)
		if err := s.Close(); err != nil {
			c.t.Fatalf("Close: %v", err)
		}
	}
}

// model knows, for each writer's log and value, what was promised and what was only tried.
type model struct {
	mu       sync.Mutex
	instance [16]byte
	promised [crashWriters]progress
	tried    [crashWriters]progress
	runs     map[wire.ID]bool   // links of all runs that were tried
	seen     map[uint64]wire.ID // by arrival number: the link that a reader was shown
}

// progress is how far one writer has come.
type progress struct {
	last, floor, value uint64
}

func newModel() *model {
	return &model{runs: map[wire.ID]bool{}, seen: map[uint64]wire.ID{}}
}

func (m *model) clone() *model {
	m.mu.Lock()
	defer m.mu.Unlock()
	// Runs tried are shared by value of the moment; later ones cannot be on an earlier disk.
	c := &model{instance: m.instance, promised: m.promised, tried: m.tried, runs: map[wire.ID]bool{}, seen: map[uint64]wire.ID{}}
	for link := range m.runs {
		c.runs[link] = true
	}
	for arrival, link := range m.seen {
		c.seen[arrival] = link
	}
	return c
}

// begin takes over what a store that was just opened holds: whatever was tried may be there.
func (m *model) begin(t *testing.T, s store.Store) {
	t.Helper()
	m.check(t, s)
	m.mu.Lock()
	defer m.mu.Unlock()
	m.instance = s.Instance()
	for w := range crashWriters {
		head, err := s.Head(t.Context(), storetest.ID("room"), storetest.ID(fmt.Sprint("log ", w)))
		if err != nil && !errors.Is(err, store.ErrNotFound) {
			t.Fatalf("Head: %v", err)
		}
		m.promised[w].last, m.promised[w].floor = head.Last, head.Floor
		m.tried[w] = m.promised[w]
		if text, err := s.Value(t.Context(), fmt.Sprint("value ", w)); err == nil {
			m.promised[w].value, _ = strconv.ParseUint(string(text), 10, 64)
			m.tried[w].value = m.promised[w].value
		}
	}
}

// step applies one random batch of a writer.
func (m *model) step(t *testing.T, s store.Store, rng *rand.Rand, w int) {
	m.mu.Lock()
	next := m.promised[w]
	var b store.Batch
	for range 1 + rng.IntN(4) {
		length, size := 1+rng.Uint64N(5), rng.IntN(3000)
		if rng.IntN(20) == 0 {
			size = 200_000
		}
		run := storetest.NewRun(fmt.Sprint(w), next.last+1, next.last+length, size)
		b.Runs = append(b.Runs, run)
		m.runs[run.Link] = true
		next.last += length
	}
	if rng.IntN(8) == 0 && m.promised[w].last > m.promised[w].floor {
		next.floor = m.promised[w].last
		b.Trims = []store.Trim{{Room: storetest.ID("room"), Log: storetest.ID(fmt.Sprint("log ", w)), Floor: next.floor}}
	}
	if rng.IntN(2) == 0 {
		next.value++
		b.Values = []store.Value{{Key: fmt.Sprint("value ", w), Value: []byte(fmt.Sprint(next.value))}}
	}
	m.tried[w] = next
	m.mu.Unlock()
	if err := s.Apply(t.Context(), &b); err != nil {
		t.Errorf("Apply: %v", err)
		return
	}
	m.mu.Lock()
	m.promised[w] = next
	m.mu.Unlock()
}

// watch reads the newest arrivals all the while: what it has seen must survive.
func (m *model) watch(t *testing.T, s store.Store, done chan struct{}) {
	cursor := uint64(0)
	for {
		for run, err := range s.Arrivals(t.Context(), storetest.ID("room"), cursor) {
			if err != nil {
				t.Errorf("Arrivals: %v", err)
				return
			}
			cursor = run.Arrival
			m.mu.Lock()
			m.seen[run.Arrival] = run.Link
			m.mu.Unlock()
		}
		select {
		case <-done:
			return
		default:
		}
	}
}

// check compares what a store holds with what was promised.
func (m *model) check(t *testing.T, s store.Store) {
	t.Helper()
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.instance != [16]byte{} && s.Instance() != m.instance {
		t.Error("the instance changed")
	}
	for w := range crashWriters {
		promised, tried := m.promised[w], m.tried[w]
		head, err := s.Head(t.Context(), storetest.ID("room"), storetest.ID(fmt.Sprint("log ", w)))
		if err != nil && !(errors.Is(err, store.ErrNotFound) && promised.last == 0) {
			t.Errorf("Head of writer %d: %v", w, err)
		}
		whole := head.Last == promised.last || head.Last == tried.last
		if !whole || head.Floor != promised.floor && head.Floor != tried.floor {
			t.Errorf("writer %d is at %d..%d, promised %d..%d, tried %d..%d: half a batch or less than promised",
				w, head.Floor, head.Last, promised.floor, promised.last, tried.floor, tried.last)
		}
		text, err := s.Value(t.Context(), fmt.Sprint("value ", w))
		if err != nil && !(errors.Is(err, store.ErrNotFound) && promised.value == 0) {
			t.Errorf("Value of writer %d: %v", w, err)
		}
		value, _ := strconv.ParseUint(string(text), 10, 64)
		if head.Last == promised.last && value != promised.value || head.Last == tried.last && value != tried.value {
			t.Errorf("writer %d has value %d at message %d: half a batch", w, value, head.Last)
		}
	}
	newest, err := s.LastArrival(t.Context(), storetest.ID("room"))
	if err != nil {
		t.Fatalf("LastArrival: %v", err)
	}
	for arrival := range m.seen {
		if arrival > newest {
			t.Errorf("arrival %d was shown to a reader and is lost", arrival)
		}
	}
	for run, err := range s.Arrivals(t.Context(), storetest.ID("room"), 0) {
		if err != nil {
			t.Fatalf("Arrivals: %v", err)
		}
		if !m.runs[run.Link] {
			t.Errorf("a run that was never written: %d-%d", run.First, run.Last)
		}
		if link, ok := m.seen[run.Arrival]; ok && link != run.Link {
			t.Errorf("arrival %d was shown as another run", run.Arrival)
		}
	}
}
