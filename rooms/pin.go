package rooms

import (
	"slices"

	"parley/wire"
)

// A Pin names the last run of a log that counts, or that its writer had seen:
// the number of its last message, and its hash.
type Pin struct {
	Log    wire.ID
	Number uint64
	Link   wire.ID
}

// sortPins returns pins in ascending order of their logs.
func sortPins(pins []Pin) []Pin {
	pins = slices.Clone(pins)
	slices.SortFunc(pins, func(a, b Pin) int { return a.Log.Compare(b.Log) })
	return pins
}

// pinOf is what an ascending list says about a log.
func pinOf(pins []Pin, log wire.ID) (Pin, bool) {
	i, ok := slices.BinarySearchFunc(pins, log, func(p Pin, log wire.ID) int { return p.Log.Compare(log) })
	if !ok {
		return Pin{}, false
	}
	return pins[i], true
}

// pins are the logs' heads that an entry names: a leave's, a stop's, an epoch's.
func (e *Entry) pins() []Pin {
	switch body := e.Body.(type) {
	case *Leave:
		return body.Pins
	case *Stop:
		return body.Pins
	case *EpochBody:
		return body.Pins
	}
	return nil
}

func appendPins(dst []byte, pins []Pin) []byte {
	dst = wire.AppendArray(dst, len(pins))
	for _, p := range pins {
		dst = wire.AppendArray(dst, 3)
		dst = wire.AppendID(dst, p.Log)
		dst = wire.AppendUint(dst, p.Number)
		dst = wire.AppendID(dst, p.Link)
	}
	return dst
}

func readPins(in *wire.Reader) (pins []Pin) {
	for range in.ArrayLen(MaxPins) {
		if in.Err() != nil {
			break
		}
		in.Array(3)
		pins = append(pins, Pin{Log: in.ID(), Number: in.Uint(), Link: in.ID()})
	}
	return pins
}

func checkPins(pins []Pin) error {
	for i, p := range pins {
		if p.Number == 0 || p.Link.IsZero() || i > 0 && pins[i-1].Log.Compare(p.Log) >= 0 {
			return refuse(ReasonBounds, "pins out of order")
		}
	}
	return nil
}
