package proxy

import (
	"fmt"
	"strconv"
	"strings"
	"time"
)

// Commands is what Do understands, a line each.
const Commands = `delay DURATION            every byte arrives later by so much; 0s takes it back
bandwidth BYTES           so many bytes a second in each direction; 0 is no limit
stall [up|down|both]      half-open: connections stay, nothing gets through
pass [up|down|both]       the end of a stall
reorder N [up|down|both]  of new connections, each Nth record goes behind the next
order                     the end of it
cut [BYTES]               close every connection, now or when so many bytes more have gone through`

// Do carries out one line of Commands; an empty one does nothing.
func (p *Proxy) Do(line string) error {
	words := strings.Fields(line)
	if len(words) == 0 {
		return nil
	}
	args := words[1:]
	number := func() (int64, error) {
		if len(args) == 0 {
			return 0, fmt.Errorf("%s: how much?", words[0])
		}
		n, err := strconv.ParseInt(args[0], 10, 64)
		if err != nil || n < 0 {
			return 0, fmt.Errorf("%s %s: not a number of bytes or records", words[0], args[0])
		}
		args = args[1:]
		return n, nil
	}
	way := func() (Direction, error) {
		if len(args) == 0 {
			return Both, nil
		}
		for d, name := range []string{Up: "up", Down: "down", Both: "both"} {
			if args[0] == name {
				return Direction(d), nil
			}
		}
		return Both, fmt.Errorf("%s: %q is no direction: up, down or both", words[0], args[0])
	}
	switch words[0] {
	case "delay":
		if len(args) == 0 {
			return fmt.Errorf("delay: how long?")
		}
		d, err := time.ParseDuration(args[0])
		if err != nil || d < 0 {
			return fmt.Errorf("delay %s: not a duration, as 50ms", args[0])
		}
		p.Delay(d)
	case "bandwidth":
		n, err := number()
		if err != nil {
			return err
		}
		p.Bandwidth(int(n))
	case "stall", "pass":
		d, err := way()
		if err != nil {
			return err
		}
		p.Stall(d, words[0] == "stall")
	case "reorder":
		n, err := number()
		if err != nil {
			return err
		}
		d, err := way()
		if err != nil {
			return err
		}
		p.Reorder(d, int(n))
	case "order":
		p.Reorder(Both, 0)
	case "cut":
		if len(args) == 0 {
			p.Cut()
			return nil
		}
		n, err := number()
		if err != nil {
			return err
		}
		p.CutAfter(n)
	default:
		return fmt.Errorf("%q is no command; there are:\n%s", words[0], Commands)
	}
	return nil
}
