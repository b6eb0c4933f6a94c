package e2e

import (
	"bytes"
	"fmt"
	"os"
	"strconv"
	"strings"
	"syscall"
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

// Memory returns what the process has in memory, a copy of each of its readable
// mappings but those of the binary's own file, which nothing writes to. Pages that
// hold only zeros are left out. The process stands still meanwhile.
func (p *Process) Memory() (regions [][]byte) {
	p.t.Helper()
	p.Signal(syscall.SIGSTOP)
	defer p.Signal(syscall.SIGCONT)
	maps, err := os.ReadFile(fmt.Sprintf("/proc/%d/maps", p.Pid()))
	if err != nil {
		p.t.Fatalf("lab: %s: %v", p.name, err)
	}
	mem, err := os.Open(fmt.Sprintf("/proc/%d/mem", p.Pid()))
	if err != nil {
		p.t.Fatalf("lab: %s: %v", p.name, err)
	}
	defer mem.Close()
	zeros := make([]byte, memoryChunk)
	for line := range strings.Lines(string(maps)) {
		// proc_pid_maps(5): from-to perms offset device inode, and a path or [name].
		var from, to uint64
		var perms string
		if _, err := fmt.Sscanf(line, "%x-%x %s", &from, &to, &perms); err != nil {
			p.t.Fatalf("lab: %s: %q: %v", p.name, line, err)
		}
		if perms[0] != 'r' || perms[1] != 'w' && strings.Contains(line, "/") || strings.Contains(line, "[v") {
			continue
		}
		var region []byte
		for ; from < to; from += memoryChunk {
			chunk := make([]byte, min(memoryChunk, to-from))
			if _, err := mem.ReadAt(chunk, int64(from)); err != nil {
				p.t.Fatalf("lab: %s: %x: %v", p.name, from, err)
			}
			if !bytes.Equal(chunk, zeros[:len(chunk)]) {
				region = append(region, chunk...)
			} else if len(region) > 0 {
				regions, region = append(regions, region), nil
			}
		}
		if len(region) > 0 {
			regions = append(regions, region)
		}
	}
	return regions
}

// memoryChunk is how much of a process's memory is read at once, in bytes: some pages.
const memoryChunk = 64 << 10

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
