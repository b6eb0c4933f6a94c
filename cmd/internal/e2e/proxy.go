package e2e

import (
	"context"
	"net"

	"parley/cmd/internal/proxy"
)

// Proxy listens on a free port of the host and forwards to an address that the
// host reaches. It ends with the test.
func (h *Host) Proxy(target string) *proxy.Proxy {
	h.t.Helper()
	l, err := h.Listen(context.Background(), "tcp", net.JoinHostPort(h.IPv4.String(), "0"))
	if err != nil {
		h.t.Fatalf("lab: proxy: %v", err)
	}
	p := proxy.New(l, func(ctx context.Context) (net.Conn, error) { return h.Dial(ctx, "tcp", target) })
	h.t.Cleanup(func() { _ = p.Close() })
	return p
}
