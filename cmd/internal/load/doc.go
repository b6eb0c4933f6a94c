// Package load puts peers under honest traffic and measures what it costs.
//
// The traffic is open-loop. Every message has an intended moment, which follows
// from the rate and the seed and not from how the peers answer, and its latency
// counts from that moment: to the acknowledgement (the message is on its peer's
// disk), to the disks of more peers, and to the reading at a subscribed user's.
// So a peer that stands still for a second shows in every message that was due in
// that second, and not in the one that happened to be on its way.
//
// Users are real ones: each has a key of its own, a session, and a folder that is
// gone afterwards, and writes and reads through rooms/client. Every reader checks
// that it is given each message once, in each writer's order.
//
//   - [Messages] plays one rate after another.
//   - [Idle] holds sessions that do nothing.
//   - [Storm] cuts many sessions at once and sees them come back, under traffic.
//   - [Slow] adds readers that do not keep up, and looks at the others.
package load
