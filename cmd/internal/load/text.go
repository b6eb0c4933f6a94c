package load

import (
	"fmt"
	"io"
	"maps"
	"slices"
	"strconv"
	"strings"
	"unicode/utf8"
)

// WriteText writes the report for people.
func (r *Report) WriteText(w io.Writer) error {
	var b strings.Builder
	if r.Traffic != nil {
		r.traffic(&b)
	}
	if i := r.Idle; i != nil {
		fmt.Fprintf(&b, "%d sessions were made, %.0f a second, and held for %.1f s: %d lived to the end\n", i.Sessions, i.PerSecond, i.Seconds, i.Live)
		if i.Told {
			fmt.Fprintf(&b, "each cost %.1f KB of memory and %.1f goroutines, as the peers tell: %.1f MB before, %.1f MB with all\n",
				i.Bytes/1e3, i.Goroutines, float64(i.Before)/1e6, float64(i.After)/1e6)
		}
	}
	if s := r.Storm; s != nil {
		fmt.Fprintf(&b, "storm      %d sessions cut, %d back, the last after %.2f s (p50 %.0f ms, p99 %.0f ms); %d dials, %d of them in vain\n",
			s.Sessions, s.Back, s.Seconds, s.Each.P50, s.Each.P99, s.Dials, s.Failed)
	}
	if s := r.Slow; s != nil {
		fmt.Fprintf(&b, "slow       %d readers at %d bytes/s were %d messages behind, and had them %.2f s after they were let go on\n",
			s.Readers, s.Pace, s.Behind, s.CaughtUp)
		fmt.Fprintf(&b, "others     with slow readers beside them, p99 was %.1f times as long to the acknowledgement, %.1f times to the reader\n",
			s.AckP99, s.ReadP99)
	}
	if len(r.Clients) > 0 {
		fmt.Fprintf(&b, "clients    %s\n", counts(r.Clients))
	}
	for _, warning := range r.Warnings {
		fmt.Fprintf(&b, "note       %s\n", warning)
	}
	for _, problem := range r.Problems {
		fmt.Fprintf(&b, "FAILED     %s\n", problem)
	}
	_, err := io.WriteString(w, b.String())
	return err
}

func (r *Report) traffic(b *strings.Builder) {
	t := r.Traffic
	fmt.Fprintf(b, "%s in %s at %s, %s, messages of %d bytes, %s arrivals, seed %d\n\n", plural(t.Writers, "writer"), plural(t.Rooms, "room"),
		plural(len(r.Peers), "peer"), plural(t.Readers, "reader"), t.Size, t.Arrivals, r.Seed)
	rows := [][]string{{"", "due/s", "acked/s", "read/s", "in time", "ms to", "p50", "p90", "p99", "p99.9", "max"}}
	for _, p := range r.Phases {
		rate := 0.0
		if p.Seconds > 0 {
			rate = float64(p.Due) / p.Seconds
		}
		rows = append(rows, append([]string{p.Name, perSecond(rate), perSecond(p.Acked), perSecond(p.Read), fmt.Sprintf("%.1f%%", 100*p.Achieved)}, latencies("ack", p.ToAck)...))
		empty := make([]string, 5)
		if p.ToPlaced != nil {
			rows = append(rows, append(slices.Clone(empty), latencies(strconv.Itoa(t.Replicas)+" more", *p.ToPlaced)...))
		}
		if t.Readers > 0 {
			rows = append(rows, append(slices.Clone(empty), latencies("reader", p.ToRead)...))
		}
	}
	table(b, rows)
	rows = [][]string{{"second", "due", "acked", "read", "p50 ack", "p99 ack", "p99 read", "ms"}}
	for _, s := range r.Timeline {
		rows = append(rows, []string{
			strconv.FormatFloat(s.At, 'f', -1, 64), strconv.FormatUint(s.Due, 10), strconv.FormatUint(s.Acked, 10), strconv.FormatUint(s.Read, 10),
			millis(s.P50Ack), millis(s.P99Ack), millis(s.P99Read), "",
		})
	}
	b.WriteByte('\n')
	table(b, rows)
	fmt.Fprintf(b, "\nmessages   %d due, %d acknowledged, %d read by all readers; %d lost, %d doubled, %d out of order\n",
		t.Due, t.Acked, t.Read, t.Lost, t.Doubled, t.Disorder)
	if len(t.Errors) > 0 {
		fmt.Fprintf(b, "errors     %s\n", counts(t.Errors))
	}
	fmt.Fprintf(b, "generator  p99 %.2f ms late with a message (most %.2f ms), p99 %.2f ms until a processor was free\n", t.Lateness.P99, t.Lateness.Max, t.Waits.P99)
}

func latencies(what string, q Quantiles) []string {
	if q.Count == 0 {
		return []string{what, "", "", "", "", ""}
	}
	return []string{what, millis(q.P50), millis(q.P90), millis(q.P99), millis(q.P999), millis(q.Max)}
}

func perSecond(v float64) string { return strconv.FormatFloat(v, 'f', 1, 64) }

// millis has three digits that count, or whole milliseconds.
func millis(v float64) string {
	switch {
	case v >= 100:
		return strconv.FormatFloat(v, 'f', 0, 64)
	case v >= 10:
		return strconv.FormatFloat(v, 'f', 1, 64)
	}
	return strconv.FormatFloat(v, 'f', 2, 64)
}

// plural is a number of something.
func plural(n int, what string) string {
	if n == 1 {
		return "1 " + what
	}
	return fmt.Sprintf("%d %ss", n, what)
}

// counts lists names and how often each was counted.
func counts(m map[string]uint64) string {
	var parts []string
	for _, name := range slices.Sorted(maps.Keys(m)) {
		parts = append(parts, fmt.Sprintf("%s (%d)", name, m[name]))
	}
	return strings.Join(parts, ", ")
}

// table writes rows in columns that are aligned to the right, all but the first.
func table(b *strings.Builder, rows [][]string) {
	width := make([]int, len(rows[0]))
	for _, row := range rows {
		for i, cell := range row {
			width[i] = max(width[i], utf8.RuneCountInString(cell))
		}
	}
	for _, row := range rows {
		var line strings.Builder
		for i, cell := range row {
			pad := strings.Repeat(" ", width[i]-utf8.RuneCountInString(cell))
			switch {
			case i == 0:
				line.WriteString(cell + pad)
			default:
				line.WriteString("  " + pad + cell)
			}
		}
		b.WriteString(strings.TrimRight(line.String(), " ") + "\n")
	}
}
