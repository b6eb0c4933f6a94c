package discovery

import (
	"context"
	"errors"
	"net"
	"net/netip"
	"time"
)

// A neighbourKey is what one sender sends on one link since it began there, as heard
// on one link of ours. (Two links of the sender may lie on one link of ours.)
type neighbourKey struct {
	link     linkKey
	instance [8]byte
	salt     [8]byte
}

// A neighbour is what was last heard of it.
type neighbour struct {
	addr    netip.AddrPort // port 0: accepts no sessions
	counter uint64
	gone    bool // said goodbye; kept so that replays stay without effect
	heard   time.Time
	sighted time.Time // when a sighting was last made of it
}

// A sourceKey is a source address on one interface.
type sourceKey struct {
	name string
	addr netip.Addr
}

// receiveAll keeps the family's socket open and handles what it receives, until ctx is done.
func (s *Service) receiveAll(ctx context.Context, f Family) {
	var wait time.Duration
	buf := make([]byte, maxDatagram)
	for ctx.Err() == nil {
		sock, err := s.openSocket(ctx, f, s.cfg.UDPPort)
		if err == nil {
			opened := time.Now()
			err = s.receiveOn(ctx, f, sock, buf)
			if time.Since(opened) > reopenLast {
				wait = 0 // it worked for a while
			}
		}
		if ctx.Err() != nil {
			return
		}
		s.mu.Lock()
		if state := s.socketOf(f); state.err == nil || state.err.Error() != err.Error() {
			s.log.Warn("the discovery socket failed; it will be opened again", "family", f.String(), "error", err)
		}
		s.socketOf(f).err = err
		s.mu.Unlock()
		wait = backOff(wait, reopenFirst, reopenLast)
		pause(ctx, wait)
	}
}

// receiveOn handles what one socket receives until it fails or ctx is done.
func (s *Service) receiveOn(ctx context.Context, f Family, sock socket, buf []byte) error {
	s.mu.Lock()
	state := s.socketOf(f)
	state.sock, state.err = sock, nil
	state.opened++
	for _, l := range s.links {
		if l.key.family == f {
			l.joined, l.joinAt, l.joinRetry = false, time.Now(), 0
		}
	}
	s.mu.Unlock()
	poke(s.work)

	stop := context.AfterFunc(ctx, sock.close)
	defer func() {
		s.mu.Lock()
		state.sock = nil // first, so that nobody sends on a closed socket
		for _, l := range s.links {
			if l.key.family == f {
				l.joined = false
			}
		}
		s.mu.Unlock()
		if stop() {
			sock.close()
		}
	}()
	for {
		p, err := sock.receive(buf)
		if err != nil {
			return err
		}
		s.heard(time.Now(), f, p)
	}
}

// heard handles one datagram; the steps are those of the package documentation.
func (s *Service) heard(now time.Time, f Family, p packet) {
	s.mu.Lock()
	defer s.mu.Unlock()
	l := s.linkOf(f, p)
	if l == nil || p.dst.IsValid() && p.dst != f.Group() {
		s.stray++
		return
	}
	count := &l.count
	if p.ttl > multicastTTL {
		count.OffLink++
		return
	}
	b, err := ReadBeacon(p.data)
	switch {
	case errors.Is(err, ErrVersion):
		count.OtherVersion++
		return
	case err != nil:
		count.Malformed++
		return
	case b.Instance == s.cfg.Instance:
		count.Own++
		return
	}
	src := p.src.Addr().WithZone("")
	if !onLink(src, &l.on) {
		count.OffLink++
		return
	}
	if !s.sourceBucket(sourceKey{l.key.name, src}).take(now, sourceRate()) {
		count.Limited++
		return
	}
	switch err := CheckBeacon(&s.key, p.data); {
	case errors.Is(err, ErrForeign):
		if count.Foreign == 0 {
			s.log.Info("heard a beacon of another network", "interface", l.key.name, "address", src.String())
		}
		count.Foreign++
		count.LastForeign = now
		return
	case err != nil:
		count.Malformed++
		return
	}
	s.accept(now, l, src, b)
}

// accept takes in a beacon of our network.
func (s *Service) accept(now time.Time, l *link, src netip.Addr, b Beacon) {
	if src.Is6() && src.IsLinkLocalUnicast() {
		src = src.WithZone(l.key.name)
	}
	addr := netip.AddrPortFrom(src, b.Port)
	key := neighbourKey{l.key, b.Instance, b.Salt}
	known := s.neighbours.get(key)
	if known != nil && now.Sub(known.heard) > neighbourLife {
		s.neighbours.drop(key)
		known = nil
	}
	if known != nil && b.Counter <= known.counter {
		l.count.Replayed++
		return
	}
	l.count.Heard++
	l.count.LastHeard = now
	newcomer := known == nil
	if newcomer {
		known = s.neighbours.put(key, neighbour{})
	}
	moved := known.addr != addr
	known.addr, known.counter, known.heard = addr, b.Counter, now
	known.gone = b.Kind == KindGoodbye
	if newcomer && b.Kind == KindAnnounce {
		l.schedule.owe(now, chance())
		poke(s.work)
	}
	if b.Port != 0 && (moved || known.gone || now.Sub(known.sighted) >= sightingGap) {
		known.sighted = now
		s.emit(Sighting{Addr: addr, Instance: b.Instance, Interface: l.key.name, Goodbye: known.gone, At: now})
	}
}

// linkOf finds the link that a packet came on: by interface where the platform
// tells, else by the source's zone or prefix. nil: none that has joined.
func (s *Service) linkOf(f Family, p packet) *link {
	src := p.src.Addr()
	for key, l := range s.links {
		if key.family != f || l.unusable != "" || !l.joined {
			continue
		}
		switch {
		case p.ifIndex != 0:
			if l.on.index == p.ifIndex {
				return l
			}
		case src.Zone() != "":
			if key.name == src.Zone() {
				return l
			}
		case onLink(src, &l.on):
			return l
		}
	}
	return nil
}

func (s *Service) sourceBucket(key sourceKey) *bucket {
	if b := s.sources.get(key); b != nil {
		return b
	}
	return s.sources.put(key, bucket{})
}

// pause waits, or returns at once when ctx is done.
func pause(ctx context.Context, d time.Duration) {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-ctx.Done():
	case <-timer.C:
	}
}

func quietClosed(err error) bool { return errors.Is(err, net.ErrClosed) }
