package agent

import "time"

const (
	// DefaultEpochAge is how long a room key is used: a week bounds what a
	// stolen one opens, and a key a week costs nothing.
	DefaultEpochAge = 7 * 24 * time.Hour

	// roomsEvery is how often the list of rooms is read: how long a room joined
	// in another process waits to be looked after.
	roomsEvery = 2 * time.Second

	// lookEvery is how often a room is looked at when nothing changes in it.
	lookEvery = time.Hour

	// retryMin and retryMax bound the pause after a session was lost.
	retryMin = 200 * time.Millisecond
	retryMax = 5 * time.Second

	// sealDelay is how long a member without a box is given to get one by
	// itself, and rankDelay how much longer each further member's agent waits.
	sealDelay = time.Second
	rankDelay = 500 * time.Millisecond
	maxRank   = 20
)
