package fuzz

import (
	"os/exec"
	"syscall"
)

// dieWithFuzzer ends a target when the fuzzer is killed: one that hangs would go on for ever.
func dieWithFuzzer(cmd *exec.Cmd) {
	cmd.SysProcAttr = &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL}
}
