package vectors

import (
	"encoding/json"
	"fmt"
	"slices"
	"strings"

	"parley/handshake/identity"
	"parley/rooms"
	"parley/wire"
)

// readValidity makes one question of a whole room: its entries in the order in
// which they are added, the people asked for, and the runs, each with the
// indices of the runs before it in its log.
func readValidity(raw []byte) ([]Vector, error) {
	var v struct {
		Room    string
		Entries []struct{ Name, Input, Refused string }
		Roles   map[string]string
		Runs    []struct {
			Name, Input, Verdict, Reason string
			Before                       []string
		}
	}
	if err := json.Unmarshal(raw, &v); err != nil {
		return nil, err
	}
	var entries, users, runs, before []string
	out := map[string]string{}
	for i, e := range v.Entries {
		entries = append(entries, e.Input)
		out[fmt.Sprintf("entry-%d", i)] = "added"
		if e.Refused != "" {
			out[fmt.Sprintf("entry-%d", i)] = "refused"
			out[fmt.Sprintf("reason-entry-%d", i)] = e.Refused
		}
	}
	for user := range v.Roles {
		users = append(users, user)
	}
	slices.Sort(users)
	for i, user := range users {
		out[fmt.Sprintf("role-%d", i)] = v.Roles[user]
	}
	index := map[string]int{}
	for i, r := range v.Runs {
		index[r.Name] = i
		runs = append(runs, r.Input)
		var of []string
		for _, name := range r.Before {
			of = append(of, decimal(uint64(index[name])))
		}
		before = append(before, strings.Join(of, " "))
		out[fmt.Sprintf("run-%d", i)] = r.Verdict
		if r.Reason != "" {
			out[fmt.Sprintf("reason-run-%d", i)] = r.Reason
		}
	}
	in := map[string]any{"room": v.Room, "entries": entries, "users": users, "runs": runs, "before": before}
	return []Vector{vector("a room judged as a whole", "judge", true, in, out)}, nil
}

func answerValidity(do string, in *inputs) Answer {
	if do != "judge" {
		return Answer{Unknown: true}
	}
	a := rooms.NewAuthority(in.key("room"))
	out := map[string]string{}
	for i, raw := range in.list("entries") {
		e, err := rooms.ParseEntry(raw)
		if err == nil {
			_, _, err = a.Add(e)
		}
		out[fmt.Sprintf("entry-%d", i)] = "added"
		if err != nil {
			out[fmt.Sprintf("entry-%d", i)] = "refused"
			out[fmt.Sprintf("reason-entry-%d", i)] = reasonOf(err)
		}
	}
	for i, user := range in.list("users") {
		if len(user) != wire.IDSize {
			return Answer{Reason: "a user's ID has 32 bytes"}
		}
		out[fmt.Sprintf("role-%d", i)] = a.Now().Role(wire.ID(user)).String()
	}
	var runs []*rooms.Run
	before := in.texts("before")
	for i, raw := range in.list("runs") {
		r, err := rooms.ParseRun(raw)
		if err == nil {
			err = r.Verify()
		}
		if err != nil {
			return refused(err)
		}
		runs = append(runs, r)
		var state *rooms.LogState
		for _, word := range strings.Fields(before[i]) {
			var n int
			if _, err := fmt.Sscan(word, &n); err != nil || n >= i {
				return Answer{Reason: "a run before this one that is not"}
			}
			state = runs[n].Extend(state)
		}
		verdict, why, _ := a.Judge(r, state)
		out[fmt.Sprintf("run-%d", i)] = verdict.String()
		if why != rooms.ReasonNone {
			out[fmt.Sprintf("reason-run-%d", i)] = why.String()
		}
	}
	return accepted(out)
}

func readRoomKeys(raw []byte) ([]Vector, error) {
	var v struct {
		OpenRooms []struct{ Network, Secret, Name, Room, Key string } `json:"open-rooms"`
		Messages  []struct {
			Name                                       string
			Key                                        string `json:"epoch-key"`
			Room, Epoch, Author, Incarnation, Prev, IV string
			Number                                     uint64
			Data, Sealed                               string
			DisplayName                                string `json:"display-name"`
			Refused                                    bool
		}
		Boxes []struct{ Name, Link, Epoch, Box, Key, Refused string }
	}
	if err := json.Unmarshal(raw, &v); err != nil {
		return nil, err
	}
	var all []Vector
	for _, o := range v.OpenRooms {
		in := map[string]any{"network_name": o.Network, "network_secret": o.Secret, "name": o.Name}
		all = append(all, vector("the open room "+o.Name+" of "+o.Network, "open-room", true, in, map[string]string{"room": o.Room, "key": o.Key}))
	}
	for _, m := range v.Messages {
		in := map[string]any{
			"key": m.Key, "room": m.Room, "epoch": m.Epoch, "author": m.Author, "incarnation": m.Incarnation,
			"number": decimal(m.Number), "prev": m.Prev, "sealed": m.Sealed,
		}
		out := map[string]string{"data": m.Data, "name": m.DisplayName}
		if m.Refused {
			out = nil
		}
		all = append(all, vector(m.Name, "open-message", !m.Refused, in, out))
	}
	for _, b := range v.Boxes {
		out := map[string]string{"key": b.Key}
		if b.Refused != "" {
			out = nil
		}
		box := vector(b.Name, "open-box", b.Refused == "", map[string]any{"link": b.Link, "epoch_entry": b.Epoch, "box": b.Box}, out)
		box.Want.Reason = b.Refused
		all = append(all, box)
	}
	return all, nil
}

func answerRoomKeys(do string, in *inputs) Answer {
	switch do {
	case "open-room":
		n := identity.Network{Name: in.text("network_name")}
		if secret := in.bytes("network_secret"); len(secret) > 0 {
			n.Secret = secret
		}
		id := rooms.OpenRoomID(n, in.text("name"))
		key := rooms.OpenRoomKey(n, id)
		return accepted(map[string]string{"room": hexID(id), "key": hexOf(key[:])})
	case "open-message":
		c := rooms.NewMessageCipher(in.key("key"), in.key("room"), in.key("epoch"), in.key("author"), in.key("incarnation"))
		m, err := c.Open(nil, &rooms.Run{First: in.number("number"), Prev: in.key("prev"), Messages: [][]byte{in.bytes("sealed")}}, 0)
		if err != nil {
			return refused(err)
		}
		return accepted(map[string]string{"data": hexOf(m.Data), "name": m.Name})
	case "open-box":
		return openBox(in)
	}
	return Answer{Unknown: true}
}

func openBox(in *inputs) Answer {
	link, err := rooms.ParseLink(in.text("link"))
	if err != nil {
		return Answer{Reason: reasonOf(err)}
	}
	keys, err := link.Keys()
	if err != nil {
		return refused(err)
	}
	epoch, err := rooms.ParseEntry(in.bytes("epoch_entry"))
	if err != nil {
		return Answer{Reason: reasonOf(err)}
	}
	box, err := rooms.ParseBox(in.bytes("box"))
	if err != nil {
		return Answer{Reason: reasonOf(err)}
	}
	key, err := box.Open(epoch, keys.Seal.Public(), keys.Seal.Open)
	if err != nil {
		return Answer{Reason: reasonOf(err)}
	}
	return accepted(map[string]string{"key": hexOf(key[:])})
}
