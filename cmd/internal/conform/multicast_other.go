//go:build !unix

package conform

import (
	"context"
	"errors"
	"net"
	"net/netip"
)

// multicast is not written for this system.
func multicast(context.Context, string, netip.AddrPort) (hear, say net.PacketConn, err error) {
	return nil, nil, errors.New("the beacon cases run on Unix systems only")
}
