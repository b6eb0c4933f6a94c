package main

import (
	"time"

	"github.com/schollz/progressbar/v3"
)

// progressAfter is how long a command runs before it shows a bar: what is done
// by then needs none.
const progressAfter = 500 * time.Millisecond

// A progress shows how far a long command is, on a terminal only. Its methods
// are called from one goroutine.
type progress struct {
	out   *output
	what  string
	shown bool // at all
	since time.Time
	bar   *progressbar.ProgressBar
}

// newProgress counts messages. With shown false it never shows anything.
func newProgress(out *output, what string, shown bool) *progress {
	return &progress{out: out, what: what, shown: shown && isTerminal(out.stderr), since: time.Now()}
}

// set shows that done of total messages are done; total 0: their number is not
// known.
func (p *progress) set(done, total uint64) {
	if !p.shown || p.bar == nil && time.Since(p.since) < progressAfter {
		return
	}
	known := int64(-1)
	if total > 0 {
		known = int64(total)
	}
	if p.bar == nil {
		p.bar = progressbar.NewOptions64(known,
			progressbar.OptionSetWriter(p.out.stderr),
			progressbar.OptionSetDescription(p.what),
			progressbar.OptionSetItsString("messages"),
			progressbar.OptionShowIts(),
			progressbar.OptionShowCount(),
			progressbar.OptionSetWidth(30),
			progressbar.OptionThrottle(100*time.Millisecond),
			progressbar.OptionClearOnFinish(),
			progressbar.OptionEnableColorCodes(false),
		)
	}
	if known > 0 && known != p.bar.GetMax64() {
		p.bar.ChangeMax64(known)
	}
	_ = p.bar.Set64(int64(done)) // a terminal that is gone is no failure of the command
}

// end takes the bar off the terminal.
func (p *progress) end() {
	if p.bar != nil {
		_ = p.bar.Clear()
	}
}
