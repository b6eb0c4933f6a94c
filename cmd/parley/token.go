package main

import (
	"context"
	"encoding/base32"
	"encoding/hex"
	"errors"
	"fmt"
	"strings"
	"text/tabwriter"

	"parley/rooms/client"
	"parley/wire"
)

type tokenCmd struct {
	Ls     tokenLsCmd     `cmd:"" help:"List your live tokens at the daemon."`
	Revoke tokenRevokeCmd `cmd:"" help:"Revoke a token and end the sessions opened with it."`
}

type tokenLsCmd struct {
	waits
	JSON bool `name:"json" help:"Print one JSON object a line."`
}

type tokenJSON struct {
	ID       string `json:"id"`
	Scope    string `json:"scope"`
	Issued   string `json:"issued"`
	Expires  string `json:"expires"`
	LastUsed string `json:"last_used,omitempty"`
	Current  bool   `json:"current"` // the session of this command was resumed by it
}

// tokenText is the text of a token's ID, in the form of all IDs.
func tokenText(id []byte) string {
	return strings.ToLower(base32.StdEncoding.WithPadding(base32.NoPadding).EncodeToString(id))
}

func (c *tokenLsCmd) Run(a *app) error {
	return a.ask(c.waits, func(ctx context.Context, cl *client.Client) error {
		tokens, err := cl.Tokens(ctx)
		if err != nil {
			return err
		}
		return c.print(a.out, tokens)
	})
}

func (c *tokenLsCmd) print(out *output, tokens []wire.TokenInfo) error {
	if c.JSON {
		for _, t := range tokens {
			if err := out.json(tokenJSON{
				tokenText(t.ID), t.Scope, timestamp(unixSeconds(t.Issued)), timestamp(unixSeconds(t.Expires)),
				timestamp(unixSeconds(t.LastUsed)), t.Current,
			}); err != nil {
				return err
			}
		}
		return nil
	}
	w := tabwriter.NewWriter(out.stdout, 0, 0, 2, ' ', 0)
	fmt.Fprintln(w, "TOKEN\tSCOPE\tISSUED\tEXPIRES\t")
	for _, t := range tokens {
		current := ""
		if t.Current {
			current = "(this session's)"
		}
		fmt.Fprintf(w, "%s\t%s\t%s\t%s\t%s\n", tokenText(t.ID), visible(t.Scope), clock(unixSeconds(t.Issued)), clock(unixSeconds(t.Expires)), current)
	}
	return w.Flush()
}

// minTokenPrefix is how much of a token's ID names it, as with other IDs.
const minTokenPrefix = 8

type tokenRevokeCmd struct {
	waits
	ID string `arg:"" help:"The token's ID, or its first 8 or more characters." placeholder:"ID"`
}

func (c *tokenRevokeCmd) Run(a *app) error {
	if len(c.ID) < minTokenPrefix {
		return usagef("token revoke %s: give at least %d characters of the ID; parley token ls lists them", c.ID, minTokenPrefix)
	}
	return a.ask(c.waits, func(ctx context.Context, cl *client.Client) error {
		tokens, err := cl.Tokens(ctx)
		if err != nil {
			return err
		}
		id, err := findToken(tokens, c.ID)
		if err != nil {
			return err
		}
		err = cl.RevokeToken(ctx, hex.EncodeToString(id))
		var werr *wire.Error
		if errors.As(err, &werr) && werr.Remote && werr.Code == wire.CodeRevoked {
			err = nil // it was this session's own
		}
		if err != nil {
			return err
		}
		a.out.notice("token %s is revoked", tokenText(id))
		return nil
	})
}

// findToken returns the ID of the one token whose text begins with prefix.
func findToken(tokens []wire.TokenInfo, prefix string) (id []byte, err error) {
	for _, t := range tokens {
		if !strings.HasPrefix(tokenText(t.ID), prefix) {
			continue
		}
		if id != nil {
			return nil, fmt.Errorf("%w: %s begins several tokens", client.ErrAmbiguous, prefix)
		}
		id = t.ID
	}
	if id == nil {
		return nil, fmt.Errorf("%w: %s", client.ErrNoToken, prefix)
	}
	return id, nil
}
