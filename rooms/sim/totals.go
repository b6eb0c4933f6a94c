package sim

import (
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"
)

// Totals count what a run went through.
type Totals struct {
	Seeds, Actions, Messages, Counted int            // Messages between peers; Counted: written by users and counting at the end
	Faults                            map[string]int // by kind
	Entries, Runs, Acked              int
	Simulated                         time.Duration
}

// Add adds another run's totals.
func (t *Totals) Add(o *Totals) {
	t.Seeds += o.Seeds
	t.Actions += o.Actions
	t.Messages += o.Messages
	t.Counted += o.Counted
	t.Entries += o.Entries
	t.Runs += o.Runs
	t.Acked += o.Acked
	t.Simulated += o.Simulated
	for k, n := range o.Faults {
		t.fault(k, n)
	}
}

func (t *Totals) fault(kind string, n int) {
	if t.Faults == nil {
		t.Faults = map[string]int{}
	}
	t.Faults[kind] += n
}

// All is the number of faults of every kind.
func (t *Totals) All() (n int) {
	for _, k := range t.Faults {
		n += k
	}
	return n
}

// String is the totals as a few lines.
func (t *Totals) String() string {
	var b strings.Builder
	fmt.Fprintf(&b, "%d seeds, %d actions, %d faults injected, %d messages between peers over %s of their time\n", t.Seeds, t.Actions, t.All(), t.Messages, t.Simulated.Round(time.Second))
	fmt.Fprintf(&b, "%d runs and %d entries signed, %d messages of honest writers acknowledged, %d messages count at the end\nfaults:", t.Runs, t.Entries, t.Acked, t.Counted)
	for i, k := range slices.Sorted(maps.Keys(t.Faults)) {
		if i > 0 {
			b.WriteString(",")
		}
		fmt.Fprintf(&b, " %d %s", t.Faults[k], k)
	}
	return b.String()
}
