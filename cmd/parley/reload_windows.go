package main

import "os"

// notifyReload does nothing: Windows has no signal for it, a restart serves.
func notifyReload(chan<- os.Signal) {}
