package vectors

import (
	"encoding/json"
	"fmt"
	"slices"
	"strconv"
	"strings"

	"parley/handshake/identity"
	"parley/rooms"
	"parley/wire"
)

// readValidity makes one question of a whole room: its entries in the order in
// which they are added, the people asked for, and the runs, each with the
// indices of the runs before it in its log.
// A judgedRoom is a room's entries and what its rules make of people and of runs.
type judgedRoom struct {
	Name    string
	Room    string
	Entries []struct{ Name, Input, Refused string }
	Roles   map[string]string
	Runs    []struct {
		Name, Input, Verdict, Reason string
		Before, Held                 []string
		Fork                         uint64
	}
}

func readValidity(raw []byte) ([]Vector, error) {
	v := judgedRoom{Name: "a room judged as a whole"}
	if err := json.Unmarshal(raw, &v); err != nil {
		return nil, err
	}
	return []Vector{v.vector()}, nil
}

// readAuthority reads histories, whose entries' inputs are places in a list that they share.
func readAuthority(raw []byte) ([]Vector, error) {
	var file struct {
		Entries   []string
		Histories []judgedRoom
	}
	if err := json.Unmarshal(raw, &file); err != nil {
		return nil, err
	}
	var list []Vector
	for _, v := range file.Histories {
		for i := range v.Entries {
			n, err := strconv.Atoi(v.Entries[i].Input)
			if err != nil || n < 0 || n >= len(file.Entries) {
				return nil, fmt.Errorf("%s: entry %q is not in the list", v.Name, v.Entries[i].Input)
			}
			v.Entries[i].Input = file.Entries[n]
		}
		list = append(list, v.vector())
	}
	return list, nil
}

// vector is the question and what is to be answered.
func (v *judgedRoom) vector() Vector {
	entries, users, runs := []string{}, []string{}, []string{}
	before, forks, held := []string{}, []string{}, []string{}
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
	places := func(names []string) string {
		var of []string
		for _, name := range names {
			of = append(of, decimal(uint64(index[name])))
		}
		return strings.Join(of, " ")
	}
	for i, r := range v.Runs {
		runs = append(runs, r.Input)
		before = append(before, places(r.Before))
		forks = append(forks, decimal(r.Fork))
		held = append(held, places(r.Held))
		index[r.Name] = i
		out[fmt.Sprintf("run-%d", i)] = r.Verdict
		if r.Reason != "" {
			out[fmt.Sprintf("reason-run-%d", i)] = r.Reason
		}
	}
	in := map[string]any{
		"room": v.Room, "entries": entries, "users": users, "runs": runs, "before": before, "forks": forks, "held": held,
	}
	return vector(v.Name, "judge", true, in, out)
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
	before, forks, held := in.texts("before"), in.texts("forks"), in.texts("held")
	for i, raw := range in.list("runs") {
		r, err := rooms.ParseRun(raw)
		if err == nil {
			err = r.Verify()
		}
		if err != nil {
			return refused(err)
		}
		earlier, err := runsAt(runs, before[i])
		if err != nil {
			return Answer{Reason: err.Error()}
		}
		if runs = append(runs, r); len(forks) != len(before) || len(held) != len(before) {
			return Answer{Reason: "forks and held are as many as before"}
		}
		state, err := forkState(runs, earlier, forks[i], held[i])
		if err != nil {
			return Answer{Reason: err.Error()}
		}
		verdict, why, _ := a.Judge(r, state)
		out[fmt.Sprintf("run-%d", i)] = verdict.String()
		if why != rooms.ReasonNone {
			out[fmt.Sprintf("reason-run-%d", i)] = why.String()
		}
	}
	return accepted(out)
}

// runsAt are the runs at places, decimal numbers with blanks between.
func runsAt(runs []*rooms.Run, places string) (list []*rooms.Run, err error) {
	for _, word := range strings.Fields(places) {
		n, err := strconv.Atoi(word)
		if err != nil || n < 0 || n >= len(runs) {
			return nil, fmt.Errorf("run %q is not among those before", word)
		}
		list = append(list, runs[n])
	}
	return list, nil
}

// forkState is the state of a log after the runs earlier, with a fork (0: none) and the
// runs held beyond it.
func forkState(runs, earlier []*rooms.Run, fork, places string) (state *rooms.LogState, err error) {
	for _, r := range earlier {
		state = r.Extend(state)
	}
	at, err := strconv.ParseUint(fork, 10, 64)
	if err != nil || at == 0 {
		return state, err
	}
	beyond, err := runsAt(runs, places)
	if err != nil {
		return nil, err
	}
	h := heldRuns{}
	for _, r := range beyond {
		h[r.Hash] = rooms.HeldRun{First: r.First, Last: r.Last(), Prev: r.Prev}
	}
	if state == nil {
		state = &rooms.LogState{}
	}
	state.Fork, state.Held = at, h
	return state, nil
}

type heldRuns map[wire.ID]rooms.HeldRun

// HeldRun implements rooms.HeldRuns.
func (h heldRuns) HeldRun(hash wire.ID) (rooms.HeldRun, bool) {
	r, ok := h[hash]
	return r, ok
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
