package home

import (
	"fmt"

	"parley/handshake/identity"
)

// Network returns the network this home belongs to: the one a daemon or
// SetNetwork copied here, else the open network named "parley".
func (h *Home) Network() (identity.Network, error) {
	b, err := readPrivate(h.NetworkPath())
	if missing(err) {
		return identity.Network{Name: DefaultNetwork}, nil
	}
	if err != nil {
		return identity.Network{}, fmt.Errorf("home: %w", err)
	}
	return identity.ParseNetworkFile(b)
}

// DefaultNetwork is the name of the network of a home that was told none.
const DefaultNetwork = "parley"

// ReadNetwork reads a network's file from anywhere (--network-secret-file).
func ReadNetwork(path string) (identity.Network, error) {
	b, err := readPrivate(path)
	if err != nil {
		return identity.Network{}, fmt.Errorf("home: network: %w", err)
	}
	return identity.ParseNetworkFile(b)
}

// SetNetwork copies a network's name and secret into the home, 0600.
func (h *Home) SetNetwork(n identity.Network) error {
	return WriteFile(h.NetworkPath(), n.Marshal())
}
