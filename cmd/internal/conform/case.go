package conform

import (
	"fmt"
	"regexp"
	"slices"
	"strings"
)

// A Case is one rule of the specification.
type Case struct {
	ID      string // part and number, as "H07"
	Name    string
	Section string // of the package documentation, that says so
	Expect  string

	run func(*T)
}

// A part is the cases of one layer.
type part struct {
	letter string
	cases  []Case
}

// Cases are all cases in order.
func Cases() (all []Case) {
	for _, p := range []part{
		{"H", helloCases()},
		{"P", proofCases()},
		{"T", tokenCases()},
		{"R", recordCases()},
		{"F", frameCases()},
		{"C", creditCases()},
		{"S", syncCases()},
		{"O", openRoomCases()},
		{"M", memberCases()},
		{"A", entryCases()},
		{"W", countCases()},
		{"V", validityCases()},
		{"J", admitCases()},
		{"K", boxCases()},
		{"U", userCases()},
		{dialledPart, dialledCases()},
		{beaconPart, beaconCases()},
	} {
		for i, c := range p.cases {
			c.ID = fmt.Sprintf("%s%02d", p.letter, i+1)
			all = append(all, c)
		}
	}
	return all
}

// beaconPart is the part that needs an interface, and the link for itself.
const beaconPart = "B"

// Without leaves out the cases that need what the target does not name: those of
// discovery without an interface, those in which the peer dials without a place
// where it can reach this program.
func Without(all []Case, target Target) []Case {
	return slices.DeleteFunc(slices.Clone(all), func(c Case) bool {
		return c.Part() == beaconPart && target.Interface == "" || c.Part() == dialledPart && target.Listen == ""
	})
}

// Select returns the cases whose "ID name" matches one of the expressions, all
// without any; an expression that matches none is an error.
func Select(all []Case, only []string) ([]Case, error) {
	if len(only) == 0 {
		return all, nil
	}
	var out []Case
	chosen := map[string]bool{}
	for _, text := range only {
		re, err := regexp.Compile(text)
		if err != nil {
			return nil, fmt.Errorf("the expression %q: %w", text, err)
		}
		found := false
		for _, c := range all {
			if re.MatchString(c.ID + " " + c.Name) {
				chosen[c.ID], found = true, true
			}
		}
		if !found {
			return nil, fmt.Errorf("no case matches %q; see --list", text)
		}
	}
	for _, c := range all {
		if chosen[c.ID] {
			out = append(out, c)
		}
	}
	return out, nil
}

// Part is the letter of the case's part.
func (c *Case) Part() string { return strings.TrimRight(c.ID, "0123456789") }
