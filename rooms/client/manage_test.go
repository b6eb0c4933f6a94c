package client

import (
	"fmt"
	"testing"

	"parley/rooms"
	"parley/wire"
)

func TestARoomOf500MembersRotatesItsKeyInBoundedFrames(t *testing.T) {
	const members = 500
	p := newFakePeer(t)
	a := testClient(t, p, "ann", "")
	room := invited(t, a, CreateOptions{Name: "ops"})
	r, err := a.room(room.ID)
	if err != nil {
		t.Fatal(err)
	}
	var ids []wire.ID
	var entries [][]byte
	for i := range members - 1 {
		key := newKey(t, fmt.Sprint("member ", i))
		entry, _, err := a.sign(r, rooms.KindAdd, key.ID(), func(at rooms.Place, _ secret) (*rooms.Entry, error) {
			return rooms.NewAdd(a.cfg.Identity, at, key.Bundle(), rooms.RoleMember)
		})
		if err != nil {
			t.Fatal(err)
		}
		ids, entries = append(ids, key.ID()), append(entries, entry.Raw)
	}
	if err := a.submit(t.Context(), &wire.Submit{Room: room.ID}, entries, nil); err != nil {
		t.Fatal(err)
	}
	frames := 0
	p.before = func(m wire.Message) error {
		if sub, ok := m.(*wire.Submit); ok {
			if body, err := wire.AppendBody(nil, sub); err != nil || len(body) > wire.MaxFrame {
				t.Errorf("a frame of %d bytes: %v", len(body), err)
			}
			frames++
		}
		return nil
	}
	gone := ids[7]
	if was, err := a.Kick(t.Context(), room.ID, gone, false); err != nil || was.Role != "removed" {
		t.Fatalf("%+v, %v", was, err)
	}
	if frames > 2 {
		t.Errorf("%d frames", frames)
	}
	info, err := a.Info(t.Context(), room.ID)
	if err != nil || info.Members != members-1 || info.Epochs != 2 {
		t.Errorf("%+v, %v", info, err)
	}
	newest := make(map[wire.ID]int)
	p.mu.Lock()
	for _, b := range p.room(room.ID).boxes {
		if e := p.room(room.ID).auth.Entry(b.Epoch); e.Kind == rooms.KindStop {
			newest[b.Recipient]++
		}
	}
	p.mu.Unlock()
	if newest[gone] != 0 || len(newest) != members-1 {
		t.Errorf("the new key is sealed to %d, %d times to the removed one", len(newest), newest[gone])
	}
	if err := a.Rotate(t.Context(), room.ID); err != nil {
		t.Fatal(err)
	}
	if frames > 4 {
		t.Errorf("%d frames", frames)
	}
}
