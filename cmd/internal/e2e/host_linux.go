package e2e

import (
	"os/exec"
	"syscall"
)

// dieWithTests ends a process with the thread that starts it.
func dieWithTests(cmd *exec.Cmd) {
	cmd.SysProcAttr = &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL}
}
