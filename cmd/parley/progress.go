package main

import (
	"time"

	"github.com/schollz/progressbar/v3"
)

// A progress shows how far a long command is, on a terminal only.
type progress struct{ bar *progressbar.ProgressBar }

// newProgress counts messages; max -1 when their number is not known.
func newProgress(out *output, what string, max int64) *progress {
	if !isTerminal(out.stderr) {
		return &progress{}
	}
	return &progress{progressbar.NewOptions64(max,
		progressbar.OptionSetWriter(out.stderr),
		progressbar.OptionSetDescription(what),
		progressbar.OptionSetItsString("messages"),
		progressbar.OptionShowIts(),
		progressbar.OptionShowCount(),
		progressbar.OptionThrottle(100*time.Millisecond),
		progressbar.OptionClearOnFinish(),
		progressbar.OptionSetRenderBlankState(false),
		progressbar.OptionEnableColorCodes(false),
	)}
}

func (p *progress) set(n uint64) {
	if p.bar != nil {
		_ = p.bar.Set64(int64(n)) // a terminal that is gone is no failure of the command
	}
}

func (p *progress) max(n uint64) {
	if p.bar != nil {
		p.bar.ChangeMax64(int64(n))
	}
}

func (p *progress) end() {
	if p.bar != nil {
		_ = p.bar.Finish()
	}
}
