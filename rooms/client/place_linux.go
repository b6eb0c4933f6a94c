package client

import (
	"os"
	"strings"
)

// machineIDs returns what names this machine and its present boot; empty where
// the system does not tell.
func machineIDs() (machine, boot string) {
	m, err := os.ReadFile("/etc/machine-id")
	if err != nil {
		m, _ = os.ReadFile("/var/lib/dbus/machine-id")
	}
	b, _ := os.ReadFile("/proc/sys/kernel/random/boot_id")
	return strings.TrimSpace(string(m)), strings.TrimSpace(string(b))
}
