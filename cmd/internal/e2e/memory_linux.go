package e2e

import (
	"fmt"
	"os"
	"strconv"
	"strings"
)

// Resident returns the process's resident memory in bytes: what is its own, as
// /proc/PID/smaps_rollup counts it, without the pages of the binary's file that
// the kernel may drop at any time.
func (p *Process) Resident() uint64 {
	p.t.Helper()
	private, err := field(fmt.Sprintf("/proc/%d/smaps_rollup", p.Pid()), "Private_Dirty:")
	if err != nil {
		p.t.Fatalf("lab: %s: %v", p.name, err)
	}
	return private
}

// ResidentPeak returns the most that was ever resident, in bytes, the binary's
// file included.
func (p *Process) ResidentPeak() uint64 {
	p.t.Helper()
	peak, err := field(fmt.Sprintf("/proc/%d/status", p.Pid()), "VmHWM:")
	if err != nil {
		p.t.Fatalf("lab: %s: %v", p.name, err)
	}
	return peak
}

// field reads a line of kilobytes from a file of /proc.
func field(file, name string) (uint64, error) {
	text, err := os.ReadFile(file)
	if err != nil {
		return 0, err
	}
	for line := range strings.Lines(string(text)) {
		if value, ok := strings.CutPrefix(line, name); ok {
			kb, err := strconv.ParseUint(strings.Fields(value)[0], 10, 64)
			return kb << 10, err
		}
	}
	return 0, fmt.Errorf("%s has no %s", file, name)
}
