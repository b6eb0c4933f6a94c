package sim

import (
	"fmt"
	"math/rand/v2"
	"strings"
	"time"
)

// A Script says what happens in a run: it follows from a seed, and can be
// written down and run again. The same script gives the same run.
type Script struct {
	Seed    uint64
	Peers   int
	Dropped int // percent of live pushes that find a full queue
	Delay   time.Duration
	Ring    bool // peers reach only their neighbours, else everybody
	Actions []Action
}

// An Action is one thing that happens. What A, B and N mean is said by its kind.
type Action struct {
	Kind string
	A, B int
	N    uint64
	Wait time.Duration // after it
}

func (a Action) String() string {
	return fmt.Sprintf("%s %d %d %d %s", a.Kind, a.A, a.B, a.N, a.Wait)
}

// String is the script as text: a line for the world, then one for each action:
// kind, A, B, N and how long to wait after it.
func (s *Script) String() string {
	var b strings.Builder
	fmt.Fprintf(&b, "world seed=%d peers=%d dropped=%d delay=%s ring=%t\n", s.Seed, s.Peers, s.Dropped, s.Delay, s.Ring)
	for _, a := range s.Actions {
		fmt.Fprintln(&b, a)
	}
	return b.String()
}

// ParseScript reads what String writes. Empty lines and those that begin with # are skipped.
func ParseScript(text string) (*Script, error) {
	s := &Script{}
	known := map[string]bool{}
	for _, k := range kinds() {
		known[k.name] = true
	}
	for i, line := range strings.Split(text, "\n") {
		line = strings.TrimSpace(line)
		if line == "" || strings.HasPrefix(line, "#") {
			continue
		}
		var delay string
		if s.Peers == 0 {
			if _, err := fmt.Sscanf(line, "world seed=%d peers=%d dropped=%d delay=%s ring=%t", &s.Seed, &s.Peers, &s.Dropped, &delay, &s.Ring); err != nil {
				return nil, fmt.Errorf("line %d is no world: %w", i+1, err)
			}
			var err error
			if s.Delay, err = time.ParseDuration(delay); err != nil || s.Peers < 1 || s.Peers > maxPeers {
				return nil, fmt.Errorf("line %d: no such world", i+1)
			}
			continue
		}
		var a Action
		if _, err := fmt.Sscanf(line, "%s %d %d %d %s", &a.Kind, &a.A, &a.B, &a.N, &delay); err != nil {
			return nil, fmt.Errorf("line %d is no action: %w", i+1, err)
		}
		var err error
		if a.Wait, err = time.ParseDuration(delay); err != nil || !known[a.Kind] || a.A < 0 || a.B < 0 {
			return nil, fmt.Errorf("line %d: no such action", i+1)
		}
		s.Actions = append(s.Actions, a)
	}
	if s.Peers == 0 {
		return nil, fmt.Errorf("a script without a world")
	}
	return s, nil
}

const (
	maxPeers = 6
	// peoplePerPeer is how many may write at one peer.
	peoplePerPeer = 2
)

// Generate makes the script of a seed with so many actions beyond the first few, by
// which a room comes to be. Without evil nobody lies.
func Generate(seed uint64, actions int, evil bool) *Script {
	rng := rand.New(rand.NewPCG(seed, 2))
	s := &Script{
		Seed: seed, Peers: 2 + rng.IntN(4), Dropped: rng.IntN(3) * 20,
		Delay: time.Duration(1+rng.IntN(30)) * time.Millisecond, Ring: rng.IntN(3) == 0,
	}
	add := func(kind string, a, b int, n uint64, wait time.Duration) {
		s.Actions = append(s.Actions, Action{kind, a, b, n, wait})
	}
	add("create", 0, 0, uint64(rng.IntN(2)), time.Second)
	add("invite", 0, 0, 0, 500*time.Millisecond)
	for i := range s.Peers - 1 {
		add("join", i+1, 0, 0, time.Duration(rng.IntN(2000))*time.Millisecond)
	}
	total := 0
	list := kinds()
	for _, k := range list {
		if evil || !k.evil {
			total += k.weight
		}
	}
	for range actions {
		n := rng.IntN(total)
		for _, k := range list {
			if k.evil && !evil {
				continue
			}
			if n -= k.weight; n < 0 {
				wait := time.Duration(rng.IntN(60)) * time.Millisecond
				if rng.IntN(4) == 0 {
					wait = time.Duration(rng.IntN(4000)) * time.Millisecond
				}
				add(k.name, rng.IntN(64), rng.IntN(64), rng.Uint64()>>40, wait)
				break
			}
		}
	}
	return s
}
