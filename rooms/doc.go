// Package rooms is the core of rooms: the signed records that make a room, the
// rules by which they count, and what peers send each other so that all hold
// the same. It does no I/O.
package rooms
