package embedded_test

import (
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"testing"

	"parley/store"
	"parley/store/storetest"
)

const (
	testedRuns   = 60_000  // in the test
	measuredRuns = 500_000 // in the benchmark

	// memoryBound is what a process that holds a store may have resident after many runs: the
	// figure that the caches were chosen for (limits.go).
	memoryBound = 50 << 20
)

// memory prints the resident memory of this process, in bytes, with a store open, after a number of runs of
// one message were appended, and after they were read by arrival.
func memory(s store.Store, runs int) int {
	fmt.Println("open", resident())
	storetest.Fill(&testing.T{}, s, 20, runs, 10)
	fmt.Println("appended", resident())
	n := 0
	for _, err := range s.Arrivals(context.Background(), storetest.ID("room"), 0) {
		if err != nil {
			fmt.Println(err)
			return 1
		}
		n++
	}
	if n != runs {
		fmt.Println("only", n, "runs")
		return 1
	}
	fmt.Println("read", resident())
	return 0
}

const statusFile = "/proc/self/status"

// resident is this process's resident memory, the pages of its program included; 0 where
// the system does not tell.
func resident() int {
	text, err := os.ReadFile(statusFile)
	if err != nil {
		return 0
	}
	for line := range strings.Lines(string(text)) {
		if rest, ok := strings.CutPrefix(line, "VmRSS:"); ok {
			n, _ := strconv.Atoi(strings.Fields(rest)[0])
			return n << 10
		}
	}
	return 0
}

// measure returns what memory prints in a process of its own.
func measure(t testing.TB, runs int) map[string]int {
	t.Helper()
	command := exec.Command(os.Args[0])
	command.Env = append(os.Environ(), "STORE_HELD_BY_CHILD="+filepath.Join(t.TempDir(), "store"), "STORE_MEMORY="+fmt.Sprint(runs))
	out, err := command.CombinedOutput()
	if err != nil {
		t.Fatalf("%v: %s", err, out)
	}
	sizes := map[string]int{}
	for line := range strings.Lines(string(out)) {
		var when string
		var size int
		if _, err := fmt.Sscan(line, &when, &size); err == nil {
			sizes[when] = size
		}
	}
	if len(sizes) != 4 {
		t.Fatalf("the other process says %s", out)
	}
	return sizes
}

func TestAStoreStaysSmallInMemory(t *testing.T) {
	sizes := measure(t, testedRuns)
	for when, size := range sizes {
		if size > memoryBound && !raceEnabled {
			t.Errorf("%d MiB resident when %s, the bound is %d", size>>20, when, memoryBound>>20)
		}
	}
}

// BenchmarkResidentMemory reports the resident memory of a process in MB: before a store is opened in it, with it open,
// after 500,000 runs. Run it with -bench ResidentMemory -benchtime 1x.
func BenchmarkResidentMemory(b *testing.B) {
	for range b.N {
		for when, size := range measure(b, measuredRuns) {
			b.ReportMetric(float64(size)/1e6, "MB-"+when)
		}
	}
}
