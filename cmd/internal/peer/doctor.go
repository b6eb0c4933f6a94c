package peer

import (
	"fmt"
	"strconv"
	"time"

	"parley/discovery"
	"parley/wire"
)

// doctor looks at each layer by which peers find each other.
func (p *Peer) doctor() *wire.Doctor {
	m := &wire.Doctor{}
	add := func(layer, subject string, ok bool, detail, advice string) {
		m.Findings = append(m.Findings, wire.Finding{Layer: layer, Subject: subject, OK: ok, Detail: detail, Advice: advice})
	}
	add("tcp", p.Addr(), true, "listening", "")
	m.Findings = append(m.Findings, Findings(p.discovery.Report())...)
	links := p.sessions.all()
	for _, l := range links {
		add("handshake", l.addr, true, "connected, round trip "+l.session.RTT().Round(10*time.Microsecond).String(), "")
	}
	for _, a := range p.bookNow() {
		if a.self || a.reason == "" || p.sessions.connected(a.peer, a.instance) {
			continue
		}
		if a.stood {
			add("handshake", a.addr.String(), false, a.reason, "compare the network's name and secret on both hosts: parley network show")
			continue
		}
		add("tcp", a.addr.String(), false, a.reason, "let TCP port "+strconv.Itoa(int(a.addr.Port()))+" through that host's firewall")
	}
	if len(links) == 0 {
		add("peers", "this network", false, "no other peer is connected", "start parley up on another host of this link with the same network secret, or name one with --peer HOST:PORT")
	}
	return m
}

// Findings is discovery's report, layer by layer and link by link.
func Findings(r discovery.Report) []wire.Finding {
	var all []wire.Finding
	if r.ListErr != "" {
		all = append(all, wire.Finding{Layer: "interface", Subject: "all", Detail: r.ListErr, Advice: "the daemon may not list interfaces: check its permissions"})
	}
	usable, heard := 0, false
	for i := range r.Links {
		heard = heard || r.Links[i].Heard > 0
	}
	for i := range r.Links {
		l := &r.Links[i]
		subject := l.Interface + " " + l.Family.String()
		layer, detail := l.Diagnosis(r.UDPPort)
		f := wire.Finding{Layer: string(layer), Subject: subject, Detail: detail}
		switch layer {
		case discovery.LayerInterface:
			f.OK = true // not used, which is no fault where another is
		case discovery.LayerNone:
			f.Layer, f.OK = "multicast", true
			usable++
		case discovery.LayerNeighbours:
			// A silent link is no fault beside one on which peers are heard, nor
			// is a host with one user's daemon.
			usable++
			if f.OK = heard || loopback(l); f.OK {
				f.Detail = "nobody else is heard here"
				break
			}
			f.Advice = adviceFor(layer)
		default:
			usable++
			f.Advice = adviceFor(layer)
		}
		all = append(all, f)
	}
	if r.Multicast && usable == 0 {
		all = append(all, wire.Finding{
			Layer: "interface", Subject: "all", Detail: "none is up with an address and multicast",
			Advice: "give an interface an address, or name peers with --peer HOST:PORT",
		})
	}
	for _, s := range r.Static {
		f := wire.Finding{Layer: "static", Subject: s.Peer, OK: s.Err == "", Detail: fmt.Sprintf("%d addresses", len(s.Addrs))}
		if !f.OK {
			f.Detail, f.Advice = s.Err, "check the name given with --peer"
		}
		all = append(all, f)
	}
	return all
}

func adviceFor(layer discovery.Layer) string {
	switch layer {
	case discovery.LayerSocket:
		return "end the program that holds the port without sharing it"
	case discovery.LayerJoin, discovery.LayerSend:
		return "check that the interface is up and allows multicast"
	case discovery.LayerReceive:
		return "let the firewall accept UDP port " + strconv.Itoa(discovery.DefaultUDPPort)
	case discovery.LayerNeighbours:
		return "start parley up on another host of this link; if one runs there, look at its firewall and the switch, or use --peer HOST:PORT"
	case discovery.LayerSubnet:
		return "compare addresses and masks of the two hosts"
	case discovery.LayerVersion:
		return "upgrade the older side"
	case discovery.LayerNetwork:
		return "compare the network's name and secret on both hosts: parley network show"
	}
	return ""
}

func loopback(l *discovery.LinkReport) bool {
	for _, a := range l.Addrs {
		if !a.Addr().IsLoopback() {
			return false
		}
	}
	return len(l.Addrs) > 0
}
