package rooms

import (
	"slices"

	"parley/wire"
)

// A heldBox is what a peer keeps in mind of a box.
type heldBox struct {
	boxPlace
	durable bool
}

// A boxPlace is what a box is for, and by whom: who seals honestly does so once for each sealing key of the recipient's.
type boxPlace struct{ epoch, recipient, sealer wire.ID }

// takeBoxes stages boxes that belong to the room's epochs and members.
func (c *Core) takeBoxes(r *room, from *link, boxes []*Box) error {
	var first error
	for _, b := range boxes {
		if r.openRoom || b.Room != r.id {
			c.refuseRecord(from)
			continue
		}
		if r.boxInfo[b.ID] != nil {
			continue
		}
		if v, why := r.auth.JudgeBox(b); v != Valid {
			if v == Reject {
				c.refuseRecord(from)
			}
			if first == nil {
				first = why
			}
			continue
		}
		place := boxPlace{b.Epoch, b.Recipient, b.Sealer}
		if !c.placeForBox(r, place, b.ID) {
			if first == nil {
				first = wire.Errorf(wire.CodeTooLarge, "the room holds as many keys as it may")
			}
			continue
		}
		r.boxInfo[b.ID] = &heldBox{boxPlace: place}
		r.boxPlaces[place] = append(r.boxPlaces[place], b.ID)
		f := c.fly(r)
		f.addRecord(r, storeBox, b.ID, b.Raw)
		f.boxes = append(f.boxes, flightRecord{r, b.ID, from})
	}
	return first
}

// placeForBox makes place for a box, by letting go of another if it must: of one sealer for one
// recipient in one epoch those with the lowest IDs stay, so that peers keep the same ones. Of a room that holds as many as it may, those stay that its
// master and admins sealed.
func (c *Core) placeForBox(r *room, place boxPlace, id wire.ID) bool {
	if same := r.boxPlaces[place]; len(same) >= maxBoxesPerPlace {
		highest := slices.MaxFunc(same, wire.ID.Compare)
		if id.Compare(highest) > 0 {
			return false
		}
		c.dropBox(r, highest)
		return true
	}
	if len(r.boxInfo) < maxBoxes {
		return true
	}
	now := r.auth.Now()
	if now.Role(place.sealer) < RoleAdmin {
		return false
	}
	var gives *wire.ID
	for other, ids := range r.boxPlaces { // the lowest, so that it does not depend on the map's order
		if now.Role(other.sealer) < RoleAdmin && (gives == nil || ids[0].Compare(*gives) < 0) {
			gives = &ids[0]
		}
	}
	if gives != nil {
		c.dropBox(r, *gives)
	}
	return gives != nil
}

// dropBox lets a box go.
func (c *Core) dropBox(r *room, id wire.ID) {
	b := r.boxInfo[id]
	other := func(o wire.ID) bool { return o == id }
	if r.boxPlaces[b.boxPlace] = slices.DeleteFunc(r.boxPlaces[b.boxPlace], other); len(r.boxPlaces[b.boxPlace]) == 0 {
		delete(r.boxPlaces, b.boxPlace)
	}
	r.boxesFor[b.recipient] = slices.DeleteFunc(r.boxesFor[b.recipient], other)
	delete(r.boxInfo, id)
	r.boxes.drop(id)
	r.digestsFresh = false
	c.fly(r).dropRecord(r, storeBox, id)
}
