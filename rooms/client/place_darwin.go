package client

import "golang.org/x/sys/unix"

// machineIDs returns what names this machine and its present boot; empty where
// the system does not tell.
func machineIDs() (machine, boot string) {
	machine, _ = unix.Sysctl("kern.uuid")
	boot, _ = unix.Sysctl("kern.bootsessionuuid")
	return machine, boot
}
