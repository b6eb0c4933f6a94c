package discovery

import "fmt"

// A Layer is the lowest layer of a link that does not work, as far as beacons show.
type Layer string

// The layers, from the lowest. What lies above (TCP, handshake) others must tell.
const (
	LayerInterface  Layer = "interface"  // down, without an address, or not for multicast: the link is not used
	LayerSocket     Layer = "socket"     // the UDP socket cannot be opened
	LayerJoin       Layer = "join"       // the group cannot be joined
	LayerSend       Layer = "send"       // beacons cannot be sent
	LayerReceive    Layer = "receive"    // not even our own beacons come back
	LayerNeighbours Layer = "neighbours" // nothing heard of others
	LayerSubnet     Layer = "subnet"     // only beacons from addresses that are not on the link
	LayerVersion    Layer = "version"    // only beacons of another version
	LayerNetwork    Layer = "network"    // only other networks heard
	LayerNone       Layer = "ok"         // peers of our network are heard
)

// Diagnosis names the layer that fails on this link, and says in one line what is
// the matter and what to do.
func (l *LinkReport) Diagnosis(udpPort uint16) (Layer, string) {
	switch {
	case l.Unusable != "":
		return LayerInterface, l.Unusable
	case l.SocketErr != "":
		return LayerSocket, fmt.Sprintf("UDP port %d cannot be opened (%s): see which program holds it", udpPort, l.SocketErr)
	case l.JoinErr != "":
		return LayerJoin, fmt.Sprintf("the group %s cannot be joined: %s", l.Group, l.JoinErr)
	case l.SendErr != "":
		return LayerSend, fmt.Sprintf("beacons cannot be sent: %s", l.SendErr)
	case l.Sent == 0:
		return LayerSend, "no beacon has been sent yet"
	case l.Heard > 0:
		return LayerNone, fmt.Sprintf("%d beacons of this network heard", l.Heard)
	case l.Foreign > 0:
		return LayerNetwork, "only beacons of another network are heard: compare the network's name and secret"
	case l.OffLink > 0:
		return LayerSubnet, "beacons come from addresses outside this interface's subnet: compare addresses and masks"
	case l.OtherVersion > 0:
		return LayerVersion, "only beacons of another version are heard: upgrade the older side"
	case l.Own == 0:
		return LayerReceive, fmt.Sprintf("not even our own beacons come back: let the firewall accept UDP port %d to %s", udpPort, l.Group)
	}
	return LayerNeighbours, "nobody else is heard: no peer of this link runs, its firewall drops beacons, or the switch or access point keeps multicast back; try --peer HOST:PORT"
}
