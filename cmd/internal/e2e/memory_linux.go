package e2e

import (
	"bytes"
	"fmt"
	"os"
	"strconv"
	"strings"
	"time"
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

// CPU returns what the process has used of the processors, in user mode and in
// the kernel for it, to 10 ms.
func (p *Process) CPU() time.Duration {
	p.t.Helper()
	if !p.Running() {
		return p.cmd.ProcessState.UserTime() + p.cmd.ProcessState.SystemTime()
	}
	text, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", p.Pid()))
	if err != nil {
		p.t.Fatalf("lab: %s: %v", p.name, err)
	}
	// proc(5): utime and stime are fields 14 and 15, the name in parentheses is field 2.
	fields := strings.Fields(string(text[bytes.LastIndexByte(text, ')')+1:]))
	var ticks uint64
	for _, f := range fields[11:13] {
		n, err := strconv.ParseUint(f, 10, 64)
		if err != nil {
			p.t.Fatalf("lab: %s: %v", p.name, err)
		}
		ticks += n
	}
	return time.Duration(ticks) * 10 * time.Millisecond // USER_HZ is 100
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
