package wire

// TypePeersGet is the number of PeersGet.
const TypePeersGet Type = 24

// PeersGet asks for sessions and sightings. Answer: Peers, again at every change if Watch.
type PeersGet struct {
	Watch bool
}

// MessageType implements Message.
func (*PeersGet) MessageType() Type { return TypePeersGet }
