package main

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"text/tabwriter"

	"parley/cmd/internal/home"
	"parley/handshake/identity"
	"parley/rooms/client"
	"parley/wire"
)

// personHelp says how a person is named.
const personHelp = "Petname, a claimed name that only one has, NAME·fp4x, or at least 8 characters of an ID."

// A personName is what a user types for a person.
type personName string

// Validate refuses what can never name a person; kong calls it.
func (n personName) Validate() error {
	if strings.TrimPrefix(string(n), "@") == "" {
		return errors.New("the person's name is empty")
	}
	return nil
}

// withHome runs f with a client over the home's files alone: no daemon is needed.
func (a *app) withHome(f func(h *home.Home, c *client.Client) error) error {
	h, err := a.openHome()
	if err != nil {
		return err
	}
	cfg := client.Config{Dir: h.UserDir(), Software: software(), Notice: func(s string) { a.out.notice("%s", s) }}
	if cfg.Network, err = a.network(h); err != nil {
		return err
	}
	if cfg.Identity, err = h.LoadOrCreateUser(a.ctx, a.keyOptions("")); err != nil {
		return err
	}
	c, err := client.Open(cfg)
	if err != nil {
		return err
	}
	defer c.Close()
	return f(h, c)
}

type petnameCmd struct {
	Person personName `arg:"" optional:"" help:"${person}"`
	Name   string     `arg:"" optional:"" help:"Your name for the person."`
	Remove bool       `help:"Take the petname away."`
	JSON   bool       `name:"json" help:"Print JSON."`
}

// Help is the rest of the command's help.
func (*petnameCmd) Help() string {
	return `Names that people choose are claims: shown as NAME·fp4x. A petname is yours, stays
in your home, and is shown instead. Without arguments it lists yours. No daemon is needed.

  parley petname bob·3fkq bob
  parley petname bob --remove
  parley petname`
}

type petnameJSON struct {
	ID      string `json:"id"`
	Petname string `json:"petname"`
}

func (c *petnameCmd) Run(a *app) error {
	switch {
	case c.Remove && (c.Person == "" || c.Name != ""):
		return usagef("--remove takes the PERSON alone")
	case c.Person != "" && c.Name == "" && !c.Remove:
		return usagef("give the NAME too, or --remove")
	}
	return a.withHome(func(_ *home.Home, cl *client.Client) error {
		if c.Person == "" {
			return c.list(a, cl)
		}
		person, err := cl.FindPerson(string(c.Person))
		if err != nil {
			return err
		}
		if err := cl.SetPetname(person, c.Name); err != nil {
			return err
		}
		if c.JSON {
			return a.out.json(petnameJSON{person.String(), c.Name})
		}
		if c.Remove {
			a.out.notice("%s has no petname any more", person)
		} else {
			a.out.notice("%s is shown as %s here", person, c.Name)
		}
		return nil
	})
}

func (c *petnameCmd) list(a *app, cl *client.Client) error {
	names, err := cl.Petnames()
	if err != nil {
		return err
	}
	list := make([]petnameJSON, 0, len(names))
	for id, name := range names {
		list = append(list, petnameJSON{id.String(), name})
	}
	slices.SortFunc(list, func(x, y petnameJSON) int { return strings.Compare(x.Petname, y.Petname) })
	w := tabwriter.NewWriter(a.out.stdout, 0, 0, 2, ' ', 0)
	for _, p := range list {
		if c.JSON {
			if err := a.out.json(p); err != nil {
				return err
			}
			continue
		}
		fmt.Fprintf(w, "%s\t%s\n", visible(p.Petname), p.ID)
	}
	return w.Flush()
}

type verifyCmd struct {
	Person personName `arg:"" help:"${person}"`
	Words  []string   `arg:"" optional:"" help:"The words that the person read to you, or the text of the QR code on its screen."`
	QR     bool       `name:"qr" help:"Show your own ID as a QR code, on standard error, for the other side to scan."`
	JSON   bool       `name:"json" help:"Print JSON."`
}

// Help is the rest of the command's help.
func (*verifyCmd) Help() string {
	return `Shows the words of the person's fingerprint and of yours. Each of you runs it, and
reads the own words to the other, face to face or over the telephone. Given the words
that were read, or the text of a scanned QR code, it compares, and remembers that
you did: parley room members then shows the person as verified.

  parley verify bob
  parley verify bob able about above … (twelve words)
  parley verify bob --qr`
}

type verifiedJSON struct {
	ID          string   `json:"id"`
	Name        string   `json:"name"`
	Fingerprint []string `json:"fingerprint"`
	Own         []string `json:"own"`
	Verified    string   `json:"verified,omitempty"` // the day
}

func (c *verifyCmd) Run(a *app) error {
	return a.withHome(func(_ *home.Home, cl *client.Client) error {
		person, err := cl.FindPerson(string(c.Person))
		if err != nil {
			return err
		}
		claim, err := cl.ClaimOf(person)
		if err != nil {
			return err
		}
		name := cl.NameOf(person, claim)
		if len(c.Words) > 0 {
			if err := compareFingerprint(person, name, c.Words); err != nil {
				return err
			}
			if err := cl.SetVerified(person); err != nil {
				return err
			}
		}
		days, err := cl.Verified()
		if err != nil {
			return err
		}
		if c.QR {
			if err := a.printQR(qrText(cl.Me())); err != nil {
				return err
			}
		}
		if c.JSON {
			return a.out.json(verifiedJSON{person.String(), name, identity.Fingerprint(person), identity.Fingerprint(cl.Me()), days[person]})
		}
		if len(c.Words) > 0 {
			a.out.printf("the words are those of %s, whose ID is %s\n", visible(name), person)
			return nil
		}
		a.out.printf("%s\n  id       %s\n  reads    %s\n  you read %s\n", visible(name), person,
			strings.Join(identity.Fingerprint(person), " "), strings.Join(identity.Fingerprint(cl.Me()), " "))
		if day := days[person]; day != "" {
			a.out.printf("  verified %s\n", visible(day))
		}
		return nil
	})
}

// qrPrefix begins the text of a QR code with an ID. All of it is upper case,
// which makes the code small.
const qrPrefix = "PARLEY-ID:"

func qrText(id wire.ID) string { return qrPrefix + strings.ToUpper(id.String()) }

// compareFingerprint reports whether words are those of id: its fingerprint, or
// the text of its QR code.
func compareFingerprint(id wire.ID, name string, words []string) error {
	read := strings.Fields(strings.ToLower(strings.Join(words, " ")))
	want := identity.Fingerprint(id)
	if len(read) == 1 && strings.HasPrefix(read[0], strings.ToLower(qrPrefix)) {
		want = []string{strings.ToLower(qrText(id))}
	} else if len(read) != len(want) {
		return usagef("a fingerprint has %d words, not %d; give all of them in their order", len(want), len(read))
	}
	if !slices.Equal(read, want) {
		return fmt.Errorf("this is not the fingerprint of %s: somebody else uses the name, or a word was misheard; "+
			"ask for all words again, and trust nobody of that name until they fit", name)
	}
	return nil
}
