package wire

// TypePeers is the number of Peers.
const TypePeers Type = 25

// Peers lists the sessions with other peers and the addresses seen without one.
type Peers struct {
	Peers List[PeerInfo]
}

// MessageType implements Message.
func (*Peers) MessageType() Type { return TypePeers }

// PeerInfo is one session, or one sighting without a session.
type PeerInfo struct {
	Peer           ID // zero: not known, no handshake was completed
	Name           string
	Address        string
	State          string // "connected", "dialing", "waiting", "refused"
	Reason         string // why it is not connected
	RTT            uint64 // nanoseconds
	Since          uint64 // Unix nanoseconds, of the session or the sighting
	Rooms          uint64 // shared and open in both directions
	Sent, Received uint64 // bytes since the end of the handshake
	Outbound       bool   // we dialled
}
