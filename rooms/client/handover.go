package client

import (
	"bytes"
	"context"
	"encoding/base32"
	"errors"
	"fmt"
	"strings"

	"parley/rooms"
	"parley/wire"
)

// A handover bears two signatures. The master makes an offer, which it gives the
// successor in whatever way: the text is "parley-offer:" and base32 (RFC 4648
// section 6, lower case, no padding) of
//
//	handover entry without its second signature ‖ sum
//
// where sum is the first 4 bytes of H("offer-text", the entry's bytes). It is no
// secret: nobody but the successor can sign it.

const (
	offerPrefix = "parley-offer:"
	offerSum    = 4
)

// ErrOffer is returned for a text that is no offer, or one that cannot be
// accepted any more.
var ErrOffer = errors.New("not an offer that can be accepted")

func offerEncoding() *base32.Encoding { return base32.StdEncoding.WithPadding(base32.NoPadding) }

func offerText(raw []byte) string {
	sum := wire.Hash("offer-text", raw)
	return offerPrefix + strings.ToLower(offerEncoding().EncodeToString(append(bytes.Clone(raw), sum[:offerSum]...)))
}

// IsOffer reports whether a text looks like an offer.
func IsOffer(text string) bool { return strings.HasPrefix(strings.ToLower(text), offerPrefix) }

func parseOffer(text string) ([]byte, error) {
	if !IsOffer(text) {
		return nil, fmt.Errorf("%w: it begins with %s", ErrOffer, offerPrefix)
	}
	b, err := offerEncoding().DecodeString(strings.ToUpper(text[len(offerPrefix):]))
	if err != nil || len(b) <= offerSum {
		return nil, fmt.Errorf("%w: copied incompletely", ErrOffer)
	}
	raw := b[:len(b)-offerSum]
	if sum := wire.Hash("offer-text", raw); !bytes.Equal(sum[:offerSum], b[len(raw):]) {
		return nil, fmt.Errorf("%w: copied incompletely", ErrOffer)
	}
	return raw, nil
}

// A HandoverOffer is what the master gives the successor.
type HandoverOffer struct {
	Text      string
	Successor wire.ID
	Name      string // as to be shown
	// Contestable says that no admin was appointed who could witness the
	// handover: a dishonest former master could contest it.
	Contestable bool
}

// OfferHandover signs the room over to a person who belongs to it; it takes
// effect when that person accepts. Whatever the master changes in the room
// meanwhile makes the offer void.
func (c *Client) OfferHandover(ctx context.Context, id, person wire.ID) (offer HandoverOffer, err error) {
	err = c.manage(ctx, id, func(r *room) error {
		if r.standing(person).role == rooms.RoleNone {
			return fmt.Errorf("%w: %s; a successor has to be one", ErrNoMember, r.shown(person))
		}
		offer = HandoverOffer{Successor: person, Name: r.shown(person)}
		bundle := r.bundle(person)
		r.view(func(a *rooms.Authority, v *rooms.View) {
			if err = r.may(rooms.KindHandover, person); err != nil {
				return
			}
			var at rooms.Place
			if at, err = a.NextOnChain(c.me, c.cfg.Now()); err == nil {
				offer.Contestable = v.MayContest(person)
				offer.Text = offerText(rooms.OfferHandover(c.cfg.Identity, at, bundle))
			}
		})
		return err
	})
	return offer, err
}

// AcceptHandover signs an offer, which makes the user the room's master.
func (c *Client) AcceptHandover(ctx context.Context, id wire.ID, text string) (contestable bool, err error) {
	raw, err := parseOffer(text)
	if err != nil {
		return false, err
	}
	err = c.manage(ctx, id, func(r *room) error {
		entry, err := rooms.AcceptHandover(c.cfg.Identity, raw)
		if err != nil {
			return fmt.Errorf("%w: it is for somebody else: %w", ErrOffer, err)
		}
		if entry.Room != r.id {
			return fmt.Errorf("%w: it is of another room", ErrOffer)
		}
		r.view(func(a *rooms.Authority, v *rooms.View) {
			contestable = v.MayContest(c.me)
			switch at, placeErr := a.NextOnChain(entry.Writer, c.cfg.Now()); {
			case v.Role(c.me) == rooms.RoleMaster:
				err = fmt.Errorf("%w: you are the master already", ErrOffer)
			case v.Master() != entry.Writer:
				err = fmt.Errorf("%w: who signed it is not the master", ErrOffer)
			case placeErr != nil || at.Prev != entry.Prev:
				err = fmt.Errorf("%w: the master has changed the room since; ask for a new offer", ErrOffer)
			}
		})
		if err != nil {
			return err
		}
		if err := r.add([][]byte{entry.Raw}, nil); err != nil {
			return err
		}
		if r.standing(c.me).role != rooms.RoleMaster {
			return fmt.Errorf("%w: it does not fit the room as it is here", ErrOffer)
		}
		return c.submit(ctx, &wire.Submit{Room: r.id}, [][]byte{entry.Raw}, nil)
	})
	return contestable, err
}
