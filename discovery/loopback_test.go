package discovery

import (
	"net"
	"testing"
	"time"
)

// loopback returns the name of the loopback interface and a UDP port that is free.
func loopback(t *testing.T) (name string, port uint16) {
	t.Helper()
	list, err := net.Interfaces()
	if err != nil {
		t.Fatal(err)
	}
	for _, i := range list {
		if i.Flags&net.FlagLoopback != 0 && i.Flags&net.FlagUp != 0 {
			name = i.Name
		}
	}
	conn, err := net.ListenPacket("udp4", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	return name, uint16(conn.LocalAddr().(*net.UDPAddr).Port)
}

// eventually waits for a condition with a bound that only a broken program reaches.
func eventually(t *testing.T, what string, condition func() bool) time.Duration {
	t.Helper()
	began := time.Now()
	tick := time.NewTicker(5 * time.Millisecond)
	defer tick.Stop()
	for !condition() {
		if time.Since(began) > 30*time.Second {
			t.Fatalf("not within 30 s: %s", what)
		}
		<-tick.C
	}
	return time.Since(began)
}

func TestTwoUsersOfThisHostMeetOnLoopback(t *testing.T) {
	name, port := loopback(t)
	var services []*running
	for n := range 2 {
		s, err := New(Config{Network: testNetwork(1), Port: uint16(1001 + n), UDPPort: port, Interfaces: []string{name}})
		if err != nil {
			t.Fatal(err)
		}
		services = append(services, start(t, s))
	}
	stranger, err := New(Config{Network: testNetwork(2), Port: 1003, UDPPort: port, Interfaces: []string{name}})
	if err != nil {
		t.Fatal(err)
	}
	other := start(t, stranger)
	eventually(t, "the first sees the second", func() bool { return services[0].sees("127.0.0.1:1002", time.Time{}) })
	eventually(t, "the second sees the first", func() bool { return services[1].sees("127.0.0.1:1001", time.Time{}) })
	eventually(t, "the stranger is heard as such", func() bool { return services[0].link(t, name, IPv4).Foreign > 0 })
	eventually(t, "own beacons come back", func() bool { return services[0].link(t, name, IPv4).Own > 0 })
	services[1].stop(t)
	eventually(t, "goodbye", func() bool {
		seen := services[0].sightingsSoFar()
		return len(seen) > 0 && seen[len(seen)-1].Goodbye
	})
	services[0].stop(t)
	other.stop(t)
	if len(other.sightingsSoFar()) != 0 {
		t.Errorf("the stranger sighted %v", other.sightingsSoFar())
	}
}

func TestAProbeOfThisHostHearsItselfOnLoopback(t *testing.T) {
	name, port := loopback(t)
	r, err := Probe(t.Context(), Config{Network: testNetwork(1), UDPPort: port, Interfaces: []string{name}}, time.Second)
	if err != nil {
		t.Fatal(err)
	}
	for _, l := range r.Links {
		layer, text := l.Diagnosis(port)
		switch l.Family {
		case IPv4:
			if layer != LayerNeighbours || l.Own == 0 {
				t.Errorf("%s: %s: %s: %+v", l.Interface, layer, text, l)
			}
		case IPv6:
			if layer != LayerInterface {
				t.Errorf("IPv6 on loopback: %s: %s", layer, text)
			}
		}
	}
	if len(r.Links) != 2 {
		t.Errorf("links %+v", r.Links)
	}
}
