//go:build unix

package main

import (
	"os"
	"os/signal"
	"syscall"
)

// notifyReload asks for the signal on which the daemon reads its files again.
func notifyReload(c chan<- os.Signal) { signal.Notify(c, syscall.SIGHUP) }
