package client

import (
	"context"
	"encoding/hex"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"time"

	"parley/handshake"
	"parley/session"
	"parley/wire"
)

// A token's file (tokens/PEER, 0600) is the canonical array
//
//	[1, token ID 16, key 32, expiry in Unix seconds]

func (c *Client) tokenPath(peer wire.ID) string {
	return filepath.Join(c.cfg.Dir, "tokens", peer.String())
}

// loadToken returns the token that peer issued, or nil if there is none that
// is still good.
func (c *Client) loadToken(peer wire.ID) *handshake.Token {
	b, err := readFile(c.tokenPath(peer), maxFileSize)
	if err != nil || b == nil {
		return nil
	}
	t, expiry, err := decodeToken(b)
	if err != nil || c.cfg.Now().Add(tokenMargin).After(expiry) {
		return nil
	}
	return t
}

func decodeToken(b []byte) (*handshake.Token, time.Time, error) {
	r := wire.NewReader(b)
	r.Array(4)
	version := r.Uint()
	var t handshake.Token
	copy(t.ID[:], r.BinSize(len(t.ID)))
	copy(t.Key[:], r.BinSize(len(t.Key)))
	expiry := r.UintMax(1 << 62)
	if err := r.Done(); err != nil {
		return nil, time.Time{}, err
	}
	if version != 1 {
		return nil, time.Time{}, errors.New("client: a token file of another version")
	}
	return &t, time.Unix(int64(expiry), 0), nil
}

func (c *Client) saveToken(peer wire.ID, t *handshake.Token, expires uint64) error {
	b := wire.AppendArray(nil, 4)
	b = wire.AppendUint(b, 1)
	b = wire.AppendBin(b, t.ID[:])
	b = wire.AppendBin(b, t.Key[:])
	b = wire.AppendUint(b, expires)
	path := c.tokenPath(peer)
	if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
		return fmt.Errorf("client: %w", err)
	}
	return writeFile(path, b, false)
}

func (c *Client) dropToken(peer wire.ID) {
	if err := os.Remove(c.tokenPath(peer)); err != nil && !errors.Is(err, fs.ErrNotExist) {
		c.cfg.Logger.Warn("token not removed", "error", err)
	}
}

// takeToken asks the peer for a token and keeps it, so that the next session
// proves the user without a signature.
func (c *Client) takeToken(ctx context.Context, conn *connection) error {
	s, err := conn.transport.open(interactive)
	if err != nil {
		return err
	}
	defer s.Reset(wire.CodeOK, "")
	if err := s.Send(ctx, &wire.TokenRequest{}); err != nil {
		return err
	}
	grant, err := recv[*wire.TokenGrant](ctx, s)
	if err != nil {
		return err
	}
	var t handshake.Token
	if len(grant.ID) != len(t.ID) {
		return wire.Errorf(wire.CodeProtocol, "a token's ID has %d bytes", len(grant.ID))
	}
	copy(t.ID[:], grant.ID)
	key, err := c.cfg.Identity.OpenSealed(session.TokenInfo(conn.peer, t.ID), grant.Sealed)
	if err != nil || len(key) != len(t.Key) {
		return errors.Join(errors.New("client: the token does not open"), err)
	}
	copy(t.Key[:], key)
	return c.saveToken(conn.peer, &t, min(grant.Expires, 1<<62))
}

// Tokens lists the user's live tokens at the peer.
func (c *Client) Tokens(ctx context.Context) ([]wire.TokenInfo, error) {
	answer, err := ask[*wire.Tokens](ctx, c, &wire.TokenList{})
	if err != nil {
		return nil, err
	}
	return answer.Tokens, nil
}

// RevokeToken revokes the one token whose ID in hexadecimal begins with
// prefix. Sessions that were opened with it end.
func (c *Client) RevokeToken(ctx context.Context, prefix string) error {
	list, err := c.Tokens(ctx)
	if err != nil {
		return err
	}
	var found []wire.TokenInfo
	for _, t := range list {
		if strings.HasPrefix(hex.EncodeToString(t.ID), prefix) {
			found = append(found, t)
		}
	}
	switch {
	case len(found) == 0:
		return fmt.Errorf("%w: no token begins with %q", ErrNoToken, prefix)
	case len(found) > 1:
		return fmt.Errorf("%w: %d tokens begin with %q", ErrAmbiguous, len(found), prefix)
	}
	_, err = askOnce[*wire.Done](ctx, c, &wire.TokenRevoke{ID: found[0].ID})
	if cutOff(err) && found[0].Current {
		err = nil // the revocation ended this very session
	}
	if found[0].Current {
		c.dropToken(c.Peer())
	}
	return err
}
