package agent

import "time"

const (
	// roomsEvery is how often the list of rooms is read: how long a room joined
	// in another process waits to be looked after.
	roomsEvery = 2 * time.Second

	// pairsEvery is how often the rooms of two are looked at: how long what somebody
	// first says there waits to be seen.
	pairsEvery = 5 * time.Second

	// keyEvery is how often the user's key file is read: what another process
	// changed there is found then at the latest.
	keyEvery = time.Minute

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
