package vectors

import (
	"errors"

	"parley/discovery"
	"parley/wire"
)

func frameFamilies() map[string]family {
	return map[string]family{
		"frames/bodies": {"each message type's body, empty and filled, and the encodings that are refused", alone(readBodies), answerFrames},
	}
}

func readBodies(raw []byte) ([]Vector, error) {
	type file struct {
		Name, Error string
		Type        uint64
		Body        hexBytes
	}
	return each(raw, func(v file) []Vector {
		in := map[string]any{"type": decimal(v.Type), "body": v.Body.String()}
		if v.Error != "" {
			bad := vector(v.Name, "read-body", false, in, nil)
			bad.Want.Reason = v.Error
			return []Vector{bad}
		}
		return []Vector{vector(v.Name, "read-body", true, in, map[string]string{"again": v.Body.String()})}
	})
}

func answerFrames(do string, in *inputs) Answer {
	if do != "read-body" {
		return Answer{Unknown: true}
	}
	typ, body := wire.Type(in.number("type")), in.bytes("body")
	m, err := wire.DecodeBody(typ, body)
	row, known := wire.Lookup(typ)
	switch {
	case !known:
		return Answer{Reason: "unknown"}
	case len(body) > row.Bound:
		return Answer{Reason: "bound"}
	case errors.Is(err, wire.ErrCanonical):
		return Answer{Reason: "canonical"}
	case err != nil:
		return refused(err)
	}
	again, err := wire.AppendBody(nil, m)
	if err != nil {
		return refused(err)
	}
	return accepted(map[string]string{"again": hexOf(again)})
}

func beaconFamilies() map[string]family {
	return map[string]family{
		"beacons/beacons": {"beacons are read and written, and refused by which rule", alone(readBeacons), answerBeacons},
	}
}

func readBeacons(raw []byte) ([]Vector, error) {
	type file struct {
		Name, Error                   string
		Key, Datagram, Instance, Salt hexBytes
		Kind, Port, Counter           uint64
	}
	return each(raw, func(v file) []Vector {
		in := map[string]any{"key": v.Key.String(), "datagram": v.Datagram.String()}
		if v.Error != "" {
			bad := vector(v.Name, "read-beacon", false, in, nil)
			bad.Want.Reason = v.Error
			return []Vector{bad}
		}
		values := map[string]string{
			"kind": decimal(v.Kind), "port": decimal(v.Port), "counter": decimal(v.Counter),
			"instance": v.Instance.String(), "salt": v.Salt.String(),
		}
		write := map[string]any{"key": v.Key.String()}
		for key, value := range values {
			write[key] = value
		}
		return []Vector{
			vector(v.Name, "read-beacon", true, in, values),
			vector(v.Name+", written", "write-beacon", true, write, map[string]string{"datagram": v.Datagram.String()}),
		}
	})
}

func answerBeacons(do string, in *inputs) Answer {
	key := in.key("key")
	switch do {
	case "write-beacon":
		b := discovery.Beacon{
			Kind: discovery.Kind(in.number("kind")), Port: uint16(in.number("port")), Counter: in.number("counter"),
			Instance: [8]byte(in.sized("instance", 8)), Salt: [8]byte(in.sized("salt", 8)),
		}
		return accepted(map[string]string{"datagram": hexOf(discovery.AppendBeacon(nil, &key, b))})
	case "read-beacon":
		b, err := discovery.ParseBeacon(&key, in.bytes("datagram"))
		for reason, is := range map[string]error{"malformed": discovery.ErrMalformed, "version": discovery.ErrVersion, "foreign": discovery.ErrForeign} {
			if errors.Is(err, is) {
				return Answer{Reason: reason}
			}
		}
		if err != nil {
			return refused(err)
		}
		return accepted(map[string]string{
			"kind": decimal(uint64(b.Kind)), "port": decimal(uint64(b.Port)), "counter": decimal(b.Counter),
			"instance": hexOf(b.Instance[:]), "salt": hexOf(b.Salt[:]),
		})
	}
	return Answer{Unknown: true}
}
