// Package discovery finds the other peers of a network: those on the same
// links by multicast beacons, and those named by hand ("static peers"). What it
// finds comes out as a stream of Sightings; it never dials.
//
// A beacon proves nothing. It says where a peer of the same network probably
// listens; who is there, the handshake finds out. The documentation below is the
// specification of the beacon protocol.
//
// # Where beacons go
//
//	IPv4  239.192.112.108, UDP port 19946, TTL 1        (RFC 2365 section 6.2, organisation-local scope)
//	IPv6  ff12::7061:726c, UDP port 19946, hop limit 1  (RFC 4291 section 2.7, transient, link-local scope)
//
// A peer sends on every link: a pair of interface and family that is up, can do
// multicast and has an address (IPv6: a link-local one that is not tentative).
// The loopback interface is a link too, with IPv4 only, so that two users on one
// host meet without any network. A port of a bridge or bond is none: the bridge
// or bond is. On an interface with several IPv4 subnets the same datagram is sent from
// an address of each. Multicast loopback stays on, and the port is shared (SO_REUSEADDR),
// so several users on a host hear each other.
//
// # The beacon
//
// A beacon is one datagram of exactly 80 bytes, integers big-endian:
//
//	offset  size  field
//	     0     4  magic     50 4c 59 42 ("PLYB")
//	     4     1  version   1
//	     5     1  kind      1 announce, 2 answer, 3 goodbye
//	     6     2  port      the sender's TCP port; 0: it accepts no sessions
//	     8     8  instance  random, fresh at each start of the peer, as in the session's Hello; not zero
//	    16     8  salt      random, fresh each time the sender begins to announce itself on a link
//	    24     8  counter   at least 1, and larger in each next beacon under this salt
//	    32    16  tag       HMAC-SHA-256(K, "parley/1/beacon-tag" ‖ 00 ‖ salt ‖ counter), the first 16 bytes
//	    48    32  mac       HMAC-SHA-256(K, "parley/1/beacon-mac" ‖ 00 ‖ bytes 0 to 47)
//
// K is the network's key for the use "beacon" (identity.Network.Key). The tag
// tells a receiver that knows K whether the beacon belongs to its network; to all
// others it is noise that differs in every beacon, so it does not show which
// machines share a network. A matching tag with a wrong mac is a forgery or
// damage. Neither the identity nor a name of the sender is in a beacon. Vectors, of
// what is refused too, are in testdata/beacons/beacons.json.
//
// # When beacons are sent
//
// On each link, independently:
//
//   - Announce at once, under a new salt, when the link becomes usable (start, interface
//     added, link up, address added, socket reopened), repeated after 250 ms, 500 ms and 1 s
//     more, in case some are lost; then every 30 s, varied by ±20 %.
//   - Answer after hearing an announce of a newcomer: an instance and salt not known on
//     this link. The answer is multicast (several users may share the address and
//     port that sent the announce), delayed at random by up to 200 ms, and sent at most
//     once a second; any beacon sent meanwhile serves as the answer. Only announces
//     are answered.
//   - Goodbye when the peer shuts down.
//   - A send that fails (an address still tentative, a link not quite up) is tried
//     again after 250 ms, doubling up to 30 s.
//
// All of it is under one allowance per link of 12 beacons at once and one a second
// after that, so neither a flapping link nor a flood of newcomers makes a storm.
// Nothing received is ever forwarded, so bridges and docker networks make no loops.
//
// # What a receiver does
//
// In this order; each drop is counted for the report:
//
//  1. The datagram must have come to the group, on a link that has joined it, with
//     a TTL or hop limit of at most 1, where the platform tells (Windows does not).
//  2. It must be 80 bytes with the right magic, version, kind, and neither instance
//     nor counter zero; else malformed. The right magic and another version, in
//     whatever length, are counted as that.
//  3. The receiver's own instance is ignored (and counted: it shows that sending,
//     receiving and the firewall work).
//  4. The source address must be on the link: inside a prefix of that interface,
//     or link-local. Loopback addresses count only on the loopback interface.
//  5. Each source has an allowance of 32 beacons at once and 8 a second.
//  6. The tag must match; else the beacon is a foreign network's. It is counted,
//     for diagnosis, and never dialled. Then the mac must match; else malformed.
//  7. Per link, instance and salt the counter must grow; else the beacon is a
//     replay or a duplicate.
//  8. An announce or answer with a port makes a Sighting of the packet's source
//     address (with the interface as its zone if it is link-local) and the beacon's
//     port; a goodbye makes a Sighting marked so.
//
// An instance and salt not heard for 110 s (three periods at their longest) is forgotten.
//
// # Replays
//
// Somebody who recorded a beacon and sends it again can at most cause one dial of
// an address on the link, which the handshake refuses, and one answer: while the
// salt is remembered, its counter shows the replay; after that the replay is
// a sighting that goes unconfirmed. Beacons carry no time, since hosts without a
// network have no common clock.
//
// # Group membership
//
// Memberships are renewed (left and joined) every 110 s: switches that snoop IGMP
// or MLD without a querier on the network otherwise forget them after some 260 s,
// and beacons stop arriving for no visible reason.
package discovery
