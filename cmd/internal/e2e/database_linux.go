package e2e

import (
	"net"

	"parley/store/mongo/mongotest"
)

// Database starts the database server of the tests on the host, with its files in the host's home, until the test ends.
func (h *Host) Database() *mongotest.Server {
	h.t.Helper()
	return mongotest.StartAt(h.t, net.JoinHostPort(h.IPv4.String(), "0"), h.Folder("database"), h.Start)
}
