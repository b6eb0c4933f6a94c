package discovery

import (
	"cmp"
	"encoding/hex"
	"net/netip"
	"slices"
	"time"
)

// Counts are the beacons of one link since it is followed.
type Counts struct {
	Sent       uint64    `json:"sent"`
	SendErrors uint64    `json:"send_errors"`
	LastSent   time.Time `json:"last_sent,omitzero"`

	Heard       uint64    `json:"heard"`   // of our network, from others
	Own         uint64    `json:"own"`     // our own, come back
	Foreign     uint64    `json:"foreign"` // of other networks
	LastHeard   time.Time `json:"last_heard,omitzero"`
	LastForeign time.Time `json:"last_foreign,omitzero"`

	Malformed    uint64 `json:"malformed"`     // no beacon, damaged or forged
	OtherVersion uint64 `json:"other_version"` // of a version we do not speak
	OffLink      uint64 `json:"off_link"`      // from an address that is not on the link
	Replayed     uint64 `json:"replayed"`      // replays and duplicates
	Limited      uint64 `json:"limited"`       // beyond the source's allowance
}

// A LinkReport is the state of one link.
type LinkReport struct {
	Interface string         `json:"interface"`
	Family    Family         `json:"family"`
	Group     netip.Addr     `json:"group"`
	Addrs     []netip.Prefix `json:"addrs"`                // usable addresses of the family
	Unusable  string         `json:"unusable,omitempty"`   // why the link is not used; "" if it is
	Joined    bool           `json:"joined"`               // member of the group
	SocketErr string         `json:"socket_err,omitempty"` // the family's socket is not open
	JoinErr   string         `json:"join_err,omitempty"`
	SendErr   string         `json:"send_err,omitempty"` // of the last beacon; "" if it went out
	Counts
}

// A NeighbourReport is an instance of our network heard of late.
type NeighbourReport struct {
	Addr      netip.AddrPort `json:"addr"`
	Instance  string         `json:"instance"` // hexadecimal
	Interface string         `json:"interface"`
	LastHeard time.Time      `json:"last_heard"`
}

// A StaticReport is a static peer.
type StaticReport struct {
	Peer     string       `json:"peer"` // HOST:PORT
	Addrs    []netip.Addr `json:"addrs"`
	Err      string       `json:"err,omitempty"`
	Resolved time.Time    `json:"resolved,omitzero"`
}

// A Report is what `parley doctor` prints of discovery.
type Report struct {
	UDPPort    uint16            `json:"udp_port"`
	Multicast  bool              `json:"multicast"`        // false: static peers only
	ListErr    string            `json:"err,omitempty"`    // interfaces cannot be listed
	Links      []LinkReport      `json:"links"`            // by interface, then family
	Neighbours []NeighbourReport `json:"neighbours"`       // the latest heard first
	Static     []StaticReport    `json:"static"`           // in the order given
	Stray      uint64            `json:"stray"`            // packets that came for no link of ours
	Reopened   uint64            `json:"sockets_reopened"` // sockets that failed and were opened again
}

// Report returns the state of now. It may be called at any time, also after Run.
func (s *Service) Report() Report {
	r := Report{UDPPort: s.cfg.UDPPort, Multicast: !s.cfg.NoMulticast, Links: []LinkReport{}, Static: s.static.report()}
	now := time.Now()
	s.mu.Lock()
	defer s.mu.Unlock()
	r.Stray, r.ListErr = s.stray, text(s.listErr)
	for _, state := range s.sockets {
		if state.opened > 1 {
			r.Reopened += state.opened - 1
		}
	}
	for key, l := range s.links {
		r.Links = append(r.Links, LinkReport{
			Interface: key.name, Family: key.family, Group: key.family.Group(),
			Addrs: l.on.addrs(key.family), Unusable: l.unusable, Joined: l.joined,
			SocketErr: text(s.socketOf(key.family).err), JoinErr: text(l.joinErr), SendErr: text(l.sendErr),
			Counts: l.count,
		})
	}
	slices.SortFunc(r.Links, func(a, b LinkReport) int {
		return cmp.Or(cmp.Compare(a.Interface, b.Interface), cmp.Compare(a.Family, b.Family))
	})
	r.Neighbours = s.neighbourReports(now)
	return r
}

// neighbourReports lists the neighbours, each address of an instance once, as it was heard last.
func (s *Service) neighbourReports(now time.Time) []NeighbourReport {
	type id struct {
		link     linkKey
		instance [8]byte
		addr     netip.AddrPort
	}
	last := make(map[id]*neighbour)
	for key, n := range s.neighbours.all {
		of := id{key.link, key.instance, n.addr}
		if was := last[of]; was == nil || was.heard.Before(n.heard) {
			last[of] = n
		}
	}
	list := []NeighbourReport{}
	for of, n := range last {
		if !n.gone && now.Sub(n.heard) <= neighbourLife {
			list = append(list, NeighbourReport{
				Addr: n.addr, Instance: hex.EncodeToString(of.instance[:]), Interface: of.link.name, LastHeard: n.heard,
			})
		}
	}
	slices.SortFunc(list, func(a, b NeighbourReport) int {
		return cmp.Or(b.LastHeard.Compare(a.LastHeard), a.Addr.Compare(b.Addr))
	})
	return list
}

func (s *staticPeers) report() []StaticReport {
	s.mu.Lock()
	defer s.mu.Unlock()
	list := []StaticReport{}
	for _, p := range s.peers {
		list = append(list, StaticReport{Peer: p.name, Addrs: slices.Clone(p.addrs), Err: text(p.err), Resolved: p.resolved})
	}
	return list
}

func text(err error) string {
	if err == nil {
		return ""
	}
	return err.Error()
}
