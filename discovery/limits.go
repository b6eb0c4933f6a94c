package discovery

import "time"

// Fixed by the protocol (see the package documentation).
const (
	// DefaultUDPPort is the port that beacons are sent to.
	DefaultUDPPort = 19946
	// beaconVersion is the version of the layout that this package writes and reads.
	beaconVersion = 1
	// BeaconSize is the size of a beacon in bytes, small enough for any link's MTU.
	BeaconSize = 80
	// multicastTTL keeps beacons on the link: no router forwards a TTL of 1.
	multicastTTL = 1
	// announceInterval is the mean time between announces on a quiet link.
	announceInterval = 30 * time.Second
	// announceJitter is the part of announceInterval by which each wait may differ,
	// so that peers started together drift apart.
	announceJitter = 0.2
	// answerDelay is the longest random wait before an answer, so that many peers
	// do not answer one newcomer in the same instant.
	answerDelay = 200 * time.Millisecond
	// answerGap is the least time between two answers on a link: a newcomer still
	// gets its answer within 2 s.
	answerGap = time.Second
	// neighbourLife is how long an instance is remembered without being heard:
	// three announces at their longest interval, and a little.
	neighbourLife = 110 * time.Second
)

const burstRepeats = 3

// burstGaps are the waits after the first announces on a new link. Three repeats
// within 2 s survive the loss of one or two without waiting for the next period.
func burstGaps() [burstRepeats]time.Duration {
	return [burstRepeats]time.Duration{250 * time.Millisecond, 500 * time.Millisecond, time.Second}
}

// Chosen by this implementation.
const (
	// maxInterfaces bounds the interfaces used at once: a host with hundreds of
	// virtual ones would spend itself on beacons. (Linux allows 20 IPv4 memberships
	// a socket by default; joins beyond that fail and are reported.)
	maxInterfaces = 32
	// maxSubnets bounds the IPv4 subnets of one interface that beacons are sent to.
	maxSubnets = 4
	// maxNeighbours bounds the instances remembered over all links, about 200
	// bytes each; the one longest not heard goes first.
	maxNeighbours = 4096
	// maxSources bounds the source addresses with an allowance of their own.
	maxSources = 4096
	// maxStatic bounds the static peers of one Service.
	maxStatic = 256
	// maxStaticAddrs bounds the addresses used of one static peer's name.
	maxStaticAddrs = 16
	// sightingsBuffer bounds the sightings that wait for the reader; beyond it the
	// oldest goes, since a newer one says more about who is there now.
	sightingsBuffer = 256
	// sightingGap is the least time between two sightings of the same instance at
	// the same address: the repeats of a burst say nothing new.
	sightingGap = 500 * time.Millisecond

	// pollWatched and pollUnwatched are the intervals at which the interfaces are
	// listed with and without the system's notice of changes. Without it, half of
	// the 2 s in which hosts must find each other may go by.
	pollWatched   = 10 * time.Second
	pollUnwatched = 750 * time.Millisecond
	// refreshGap is the least time between two listings: a container starting
	// makes dozens of notices at once.
	refreshGap = 50 * time.Millisecond
	// rejoinInterval renews memberships for snooping switches without a querier;
	// it is below their usual 260 s by more than a factor of two.
	rejoinInterval = 110 * time.Second

	// retryFirst and retryLast bound the wait after a failed send or join. The first
	// is well below the second or so that IPv6 duplicate address detection takes.
	retryFirst = 250 * time.Millisecond
	retryLast  = 30 * time.Second
	// reopenFirst and reopenLast bound the wait before a socket is opened again.
	reopenFirst = 250 * time.Millisecond
	reopenLast  = 10 * time.Second
	// sendTimeout bounds one send: a link whose queue is stuck must not hold up the others.
	sendTimeout = 500 * time.Millisecond

	// goodbyeTimeout bounds the goodbyes on all links together: shutting down must not wait for them.
	goodbyeTimeout = 500 * time.Millisecond
	// maxDatagram is the buffer of a reader: no datagram is larger, so none makes a
	// read fail (as Windows does with one that is cut short).
	maxDatagram = 64 << 10

	// resolveInterval is how often a static peer's name is resolved again, and its
	// addresses sighted again; resolveRetry after a failure.
	resolveInterval = 30 * time.Second
	resolveRetry    = 5 * time.Second
	// resolveTimeout bounds one lookup; resolveParallel how many run at once.
	resolveTimeout  = 5 * time.Second
	resolveParallel = 4
)

// sendRate is the allowance of one link: a burst, its answers and another burst
// fit at once, a flapping link does not make a storm.
func sendRate() rate { return rate{burst: 12, perSecond: 1} }

// sourceRate is the allowance of one source address: several users on one host
// who all start at once fit.
func sourceRate() rate { return rate{burst: 32, perSecond: 8} }
