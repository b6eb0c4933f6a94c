package discovery

import (
	"crypto/rand"
	"slices"
	"time"
)

// A linkKey names a link. Interfaces are known by name: one that is made anew
// under the same name, with another index, is the same link.
type linkKey struct {
	name   string
	family Family
}

// A link is what the Service does on one interface in one family.
type link struct {
	key      linkKey
	on       netInterface
	unusable string // why the link is not used now; "" if it is

	joined bool
	// joinedOn is the interface of the membership held or tried last: leaving
	// needs the index it had then.
	joinedOn  netInterface
	joinErr   error
	joinAt    time.Time // when to join, try again, or renew
	joinRetry time.Duration

	salt     [8]byte // of the beacons since begin
	schedule schedule
	count    Counts
	sendErr  error // of the last send; nil if it went well
}

// begin announces us on the link anew. The new salt makes us a newcomer to all who
// hear it, so they answer.
func (l *link) begin(now time.Time) {
	rand.Read(l.salt[:])
	l.schedule.restart(now)
}

// refresh lists the interfaces and brings the links in line with them.
func (s *Service) refresh(now time.Time) {
	list, err := s.interfaces()
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.listErr = err; err != nil {
		s.log.Warn("cannot list network interfaces", "error", err)
		return
	}
	slices.SortFunc(list, func(a, b netInterface) int { return a.index - b.index })
	seen := make(map[string]bool)
	gained := false
	for _, i := range list {
		named := slices.Contains(s.cfg.Interfaces, i.name)
		if len(s.cfg.Interfaces) > 0 && !named {
			continue
		}
		seen[i.name] = true
		for _, f := range []Family{IPv4, IPv6} {
			if s.follow(now, linkKey{i.name, f}, i, i.unusable(f, named)) {
				gained = true
			}
		}
	}
	for _, name := range s.cfg.Interfaces {
		for _, f := range []Family{IPv4, IPv6} {
			if !seen[name] {
				s.follow(now, linkKey{name, f}, netInterface{name: name}, "there is no interface of this name")
			}
		}
		seen[name] = true
	}
	for key, l := range s.links {
		if !seen[key.name] {
			s.leave(l)
			delete(s.links, key)
		}
	}
	if gained {
		s.static.again()
	}
}

// follow brings one link in line with its interface, and reports whether it became
// usable or gained an address.
func (s *Service) follow(now time.Time, key linkKey, i netInterface, unusable string) (gained bool) {
	l := s.links[key]
	if l == nil {
		l = &link{key: key, unusable: "new"}
		s.links[key] = l
	}
	if unusable == "" && l.unusable != "" && s.inUse(key.family) >= maxInterfaces {
		unusable = "too many interfaces: name the ones to use"
	}
	gained = unusable == "" && (l.unusable != "" || i.gained(&l.on, key.family))
	if unusable != "" && l.unusable == "" {
		s.log.Info("a link is not used any more", "interface", key.name, "family", key.family.String(), "reason", unusable)
	}
	l.on, l.unusable = i, unusable
	if unusable != "" {
		s.leave(l)
		l.schedule.stop()
	}
	if gained {
		s.log.Debug("a link is new or has a new address", "interface", key.name, "family", key.family.String())
		s.leave(l) // joining again makes the system report the membership again
		l.joinAt, l.joinRetry = now, 0
	}
	return gained
}

func (s *Service) inUse(f Family) (n int) {
	for key, l := range s.links {
		if key.family == f && l.unusable == "" {
			n++
		}
	}
	return n
}

// leave gives up a membership; the system may have done so already.
func (s *Service) leave(l *link) {
	if !l.joined {
		return
	}
	l.joined = false
	if sock := s.socketOf(l.key.family).sock; sock != nil {
		_ = sock.leave(&l.joinedOn)
	}
}

// joinAll joins the group on the links where it is time to, and renews memberships.
func (s *Service) joinAll(now time.Time) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, l := range s.links {
		sock := s.socketOf(l.key.family).sock
		if sock == nil || l.unusable != "" || l.joinAt.After(now) {
			continue
		}
		renewal := l.joined
		if renewal {
			_ = sock.leave(&l.joinedOn)
		}
		l.joinedOn = l.on
		if err := sock.join(&l.on); err != nil {
			l.joined = false
			l.joinRetry = backOff(l.joinRetry, retryFirst, retryLast)
			l.joinAt = now.Add(l.joinRetry)
			if l.joinErr == nil {
				s.log.Warn("cannot join the multicast group", "interface", l.key.name, "family", l.key.family.String(), "error", err)
			}
			l.joinErr = err
			// Others can hear us all the same, and dial.
			if l.schedule.next.IsZero() {
				l.begin(now)
			}
			continue
		}
		l.joined, l.joinErr, l.joinRetry = true, nil, 0
		l.joinAt = now.Add(rejoinInterval)
		if !renewal {
			l.begin(now)
			s.log.Info("listening for peers", "interface", l.key.name, "family", l.key.family.String())
		}
	}
}

// A sending is one beacon to put on one link.
type sending struct {
	link *link
	kind Kind
	on   netInterface
	sock socket
	data []byte
}

// prepare signs the next beacon for a link.
func (s *Service) prepare(l *link, kind Kind) sending {
	s.counter++
	return sending{link: l, kind: kind, on: l.on, sock: s.socketOf(l.key.family).sock, data: AppendBeacon(nil, &s.key, Beacon{
		Kind: kind, Port: s.cfg.Port, Instance: s.cfg.Instance, Salt: l.salt, Counter: s.counter,
	})}
}

// sendAll sends every beacon that is due.
func (s *Service) sendAll() {
	s.mu.Lock()
	var list []sending
	now := time.Now()
	for _, l := range s.links {
		if l.unusable != "" || s.socketOf(l.key.family).sock == nil {
			continue
		}
		if kind, ok := l.schedule.due(now); ok {
			list = append(list, s.prepare(l, kind))
		}
	}
	s.mu.Unlock()
	for _, b := range list {
		err := b.sock.send(&b.on, b.data)
		s.mu.Lock()
		s.sent(time.Now(), b, err)
		s.mu.Unlock()
	}
}

func (s *Service) sent(now time.Time, b sending, err error) {
	l := b.link
	if err == nil {
		l.sendErr = nil
		l.count.Sent++
		l.count.LastSent = now
		l.schedule.sent(now, b.kind, chance())
		return
	}
	if quietClosed(err) {
		return // the socket is being opened again, which restarts the schedule
	}
	l.count.SendErrors++
	if l.sendErr == nil {
		s.log.Info("cannot send beacons", "interface", l.key.name, "family", l.key.family.String(), "error", err)
	}
	l.sendErr = err
	l.schedule.failed(now)
	poke(s.changed) // perhaps the interface is not what it was
}

// goodbye tells every link that we stop.
func (s *Service) goodbye() {
	s.mu.Lock()
	var list []sending
	for _, l := range s.links {
		if l.unusable == "" && l.count.Sent > 0 && s.socketOf(l.key.family).sock != nil {
			list = append(list, s.prepare(l, KindGoodbye))
		}
	}
	s.mu.Unlock()
	for began, n := time.Now(), 0; n < len(list) && time.Since(began) < goodbyeTimeout; n++ {
		_ = list[n].sock.send(&list[n].on, list[n].data)
	}
}
