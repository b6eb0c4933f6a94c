package fuzz

import (
	"fmt"
	"slices"
	"strings"
)

// Roles are the parts that the fuzzer plays.
var roles = []string{roleOutsider, roleMember, roleRemoved, roleRelay}

const (
	roleOutsider = "outsider" // of the network, and a member of nothing
	roleMember   = "member"   // of a room; in a den of its own also the master and an admin
	roleRemoved  = "removed"  // was a member
	roleRelay    = "relay"    // a peer that stores a room and forwards it
)

// Roles are the roles' names.
func Roles() []string { return slices.Clone(roles) }

// A Script is what to play: in which world, and the steps.
type Script struct {
	Seed   uint64
	Series uint64 // whose den it is
	Clock  uint64 // Unix milliseconds, of all that is signed
	Role   string
	Steps  []Step

	// Of a finding: what was found, and what the peer sent.
	Problem  string
	Observed []string
}

// String is the script as text: what was found, the world, a step on each line,
// and what was observed as comments.
func (s *Script) String() string {
	b := &strings.Builder{}
	fmt.Fprintln(b, "# A script of parley-harness fuzz; play it again with --replay FILE.")
	if s.Problem != "" {
		fmt.Fprintf(b, "# %s\n", strings.ReplaceAll(s.Problem, "\n", "\n# "))
	}
	fmt.Fprintf(b, "world seed=%d series=%d clock=%d role=%s\n", s.Seed, s.Series, s.Clock, s.Role)
	for _, step := range s.Steps {
		fmt.Fprintln(b, step)
	}
	for _, line := range s.Observed {
		fmt.Fprintf(b, "# %s\n", line)
	}
	return b.String()
}

// ParseScript reads what String writes. Empty lines and those that begin with # are skipped.
func ParseScript(text string) (*Script, error) {
	var s *Script
	if len(text) > maxScript {
		return nil, fmt.Errorf("a script has at most %d bytes", maxScript)
	}
	number := 0
	for line := range strings.Lines(text) {
		number++
		line = strings.TrimSpace(line)
		if line == "" || line[0] == '#' {
			continue
		}
		if s == nil {
			s = &Script{}
			if _, err := fmt.Sscanf(line, "world seed=%d series=%d clock=%d role=%s", &s.Seed, &s.Series, &s.Clock, &s.Role); err != nil {
				return nil, fmt.Errorf("line %d is no world: %w", number, err)
			}
			if !slices.Contains(roles, s.Role) {
				return nil, fmt.Errorf("line %d: there is no role %q", number, s.Role)
			}
			continue
		}
		step, err := parseStep(line)
		if err != nil {
			return nil, fmt.Errorf("line %d: %w", number, err)
		}
		s.Steps = append(s.Steps, step)
	}
	if s == nil {
		return nil, fmt.Errorf("a script without a world")
	}
	return s, nil
}

// with is the script with other steps, and nothing found yet.
func (s *Script) with(steps []Step) *Script {
	return &Script{Seed: s.Seed, Series: s.Series, Clock: s.Clock, Role: s.Role, Steps: steps}
}
