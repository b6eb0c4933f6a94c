package client

import (
	"errors"
	"fmt"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"parley/handshake/identity"
	"parley/rooms"
	"parley/wire"
)

func (c *Client) petnamesPath() string { return filepath.Join(c.cfg.Dir, "petnames") }

// The file `verified` has the form of `petnames`, with the day on which the
// user compared the person's fingerprint in the place of the name.

func (c *Client) verifiedPath() string { return filepath.Join(c.cfg.Dir, "verified") }

// SetVerified remembers that the user compared a person's fingerprint.
func (c *Client) SetVerified(person wire.ID) error {
	return changeNames(c.ctx, c.verifiedPath(), func(days map[wire.ID]string) error {
		days[person] = c.cfg.Now().UTC().Format(time.DateOnly)
		return nil
	})
}

// Verified lists whose fingerprint the user compared, with the day.
func (c *Client) Verified() (map[wire.ID]string, error) { return readNames(c.verifiedPath()) }

// ClaimOf is the name that a person claims in the rooms of this home; "" if it
// is in none.
func (c *Client) ClaimOf(person wire.ID) (string, error) {
	people, err := c.people()
	return people[person], err
}

// Petnames are the names that the user gave to people.
func (c *Client) Petnames() (map[wire.ID]string, error) { return readNames(c.petnamesPath()) }

// SetPetname gives a person a name of the user's own; "" takes it away.
func (c *Client) SetPetname(person wire.ID, name string) error {
	if name != "" {
		if err := checkName(name); err != nil {
			return err
		}
	}
	return changeNames(c.ctx, c.petnamesPath(), func(names map[wire.ID]string) error {
		delete(names, person)
		if name == "" {
			return nil
		}
		for id, n := range names {
			if n == name {
				return fmt.Errorf("%w: %s is already %s", ErrBadName, name, id)
			}
		}
		names[person] = name
		return nil
	})
}

// NameOf is how to show an identity: its petname, else claim·fp4x.
func (c *Client) NameOf(id wire.ID, claim string) string {
	if name := c.petnames()[id]; name != "" {
		return name
	}
	return identity.Claim(claim, id)
}

// petnames are read once for each Client: they name what is shown, and change rarely.
func (c *Client) petnames() map[wire.ID]string {
	c.petnamesOnce.Do(func() {
		names, err := c.Petnames()
		if err != nil {
			c.notice("petnames cannot be read: %v", err)
		}
		c.petnamesRead = names
	})
	return c.petnamesRead
}

// FindPerson finds an identity by petname, by a claimed name that only one
// person has, by name·fp4x, or by at least 8 characters of its ID, among the
// members of this home's rooms. Errors wrap ErrNoPerson or ErrAmbiguous, and
// then list the candidates.
func (c *Client) FindPerson(text string) (wire.ID, error) {
	return c.findPerson(text, c.people)
}

// findPerson is FindPerson among the people that candidates gives, by ID with
// their claimed names. It is asked only if neither a whole ID nor a petname decides.
func (c *Client) findPerson(text string, candidates func() (map[wire.ID]string, error)) (wire.ID, error) {
	text = strings.TrimPrefix(text, "@")
	if id, err := wire.ParseID(text); err == nil {
		return id, nil
	}
	pets, err := c.Petnames()
	if err != nil {
		return wire.ID{}, err
	}
	for id, name := range pets {
		if name == text {
			return id, nil
		}
	}
	people, err := candidates()
	if err != nil {
		return wire.ID{}, err
	}
	found := make(map[wire.ID]string)
	for id, claim := range people {
		byID := len(text) >= minIDPrefix && strings.HasPrefix(id.String(), text)
		if claim == text || identity.Claim(claim, id) == text || byID {
			found[id] = claim
		}
	}
	switch len(found) {
	case 0:
		return wire.ID{}, fmt.Errorf("%w: %q", ErrNoPerson, text)
	case 1:
		for id := range found {
			return id, nil
		}
	}
	var list []string
	for id, claim := range found {
		list = append(list, identity.Claim(claim, id)+" "+id.String())
	}
	slices.Sort(list)
	return wire.ID{}, fmt.Errorf("%w: %q may be %s", ErrAmbiguous, text, strings.Join(list, ", "))
}

// people gathers who is, or was, in the rooms of this home, as their caches have
// them, with their claimed names.
func (c *Client) people() (map[wire.ID]string, error) {
	bundles, err := c.bundles()
	people := make(map[wire.ID]string, len(bundles))
	for id, b := range bundles {
		people[id] = b.Name
	}
	return people, err
}

// bundles gathers the newest bundle of everybody in the rooms of this home.
func (c *Client) bundles() (map[wire.ID]*identity.Bundle, error) {
	list, err := c.LocalRooms()
	if err != nil {
		return nil, err
	}
	newest := map[wire.ID]*identity.Bundle{c.me: c.cfg.Identity.Bundle()}
	var errs []error
	for _, local := range list {
		if local.Open {
			continue
		}
		r, err := c.room(local.ID)
		if err != nil {
			errs = append(errs, err)
			continue
		}
		r.view(func(a *rooms.Authority, _ *rooms.View) {
			for _, e := range a.All() {
				if b := bundleOf(e); b != nil && (newest[b.ID()] == nil || newest[b.ID()].Number < b.Number) {
					newest[b.ID()] = b
				}
			}
		})
	}
	return newest, errors.Join(errs...)
}

// bundle is the newest bundle of a person in the rooms of this home, or nil.
func (c *Client) bundle(person wire.ID) *identity.Bundle {
	all, err := c.bundles()
	if err != nil {
		c.cfg.Logger.Warn("some rooms cannot be read", "error", err)
	}
	return all[person]
}

// FindMember is FindPerson for somebody of one room: among its members first,
// then among those who were in it, then anywhere.
func (c *Client) FindMember(id wire.ID, text string) (wire.ID, error) {
	r, err := c.room(id)
	if err != nil {
		return wire.ID{}, err
	}
	among := func(ids func(v *rooms.View) []wire.ID) func() (map[wire.ID]string, error) {
		return func() (map[wire.ID]string, error) {
			found := make(map[wire.ID]string)
			r.view(func(_ *rooms.Authority, v *rooms.View) {
				for _, id := range ids(v) {
					found[id] = r.claimed()[id]
				}
			})
			return found, nil
		}
	}
	for _, candidates := range []func() (map[wire.ID]string, error){
		among(func(v *rooms.View) (ids []wire.ID) {
			for _, m := range v.Members() {
				ids = append(ids, m.ID)
			}
			return ids
		}),
		among(func(*rooms.View) []wire.ID { return sortedIDs(r.claimed()) }),
		c.people,
	} {
		person, err := c.findPerson(text, candidates)
		if err == nil || !errors.Is(err, ErrNoPerson) {
			return person, err
		}
	}
	return wire.ID{}, fmt.Errorf("%w: %q", ErrNoPerson, text)
}
