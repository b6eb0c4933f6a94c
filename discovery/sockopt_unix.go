//go:build unix && !(darwin || dragonfly || freebsd || netbsd || openbsd)

package discovery

import "syscall"

// shareAddress lets several processes receive the same multicast datagrams. On
// Linux SO_REUSEPORT would do so for processes of one user only.
func shareAddress(_, _ string, c syscall.RawConn) error {
	var err error
	if cerr := c.Control(func(fd uintptr) {
		err = syscall.SetsockoptInt(int(fd), syscall.SOL_SOCKET, syscall.SO_REUSEADDR, 1)
	}); cerr != nil {
		return cerr
	}
	return err
}
