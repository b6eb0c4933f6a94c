//go:build !linux

package e2e

// A Lab exists on Linux only; elsewhere hosts are made by Loopback.
type Lab struct{}
