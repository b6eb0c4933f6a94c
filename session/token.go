package session

import (
	"cmp"
	"crypto/rand"
	"encoding/binary"
	"encoding/hex"
	"fmt"
	"slices"
	"strings"
	"sync"
	"time"

	"parley/handshake"
	"parley/handshake/identity"
	"parley/wire"
)

// A KV keeps small values. Put and Delete are durable when they return.
type KV interface {
	Get(key string) ([]byte, error) // nil: there is none
	Put(key string, value []byte) error
	Delete(key string) error
	List(prefix string, each func(key string, value []byte)) error
}

const (
	tokenPrefix  = "token/"
	tokenScope   = "user" // everything that this user may do
	tokenVersion = 1
)

// Tokens issues, finds, lists and revokes the tokens by which users prove
// themselves to one peer without a signature. It implements
// handshake.TokenSource. Its methods may be called from any goroutine.
type Tokens struct {
	kv      KV
	revoked func(id [handshake.TokenIDSize]byte)
	known   identity.Known // users' bundles, not verified again each time

	mu    sync.Mutex
	index map[tokenID]*tokenEntry // nil: not read yet
}

type tokenID = [handshake.TokenIDSize]byte

// A tokenEntry is what is held in memory of a token; key and user are in the KV.
type tokenEntry struct {
	user                  wire.ID
	issued, expires, used int64 // Unix seconds
	usedStored            int64 // used, as the KV has it
}

// A tokenRecord is a token as it is stored.
type tokenRecord struct {
	tokenEntry
	key    [32]byte
	bundle []byte
}

// NewTokens returns the tokens kept in kv. Revoked is called after each
// revocation, to end the sessions that were opened with the token; it may be nil.
func NewTokens(kv KV, revoked func(id [handshake.TokenIDSize]byte)) *Tokens {
	return &Tokens{kv: kv, revoked: revoked}
}

// Issue makes a token for a user, valid for TokenLife, and returns the message
// that grants it: the key is sealed to the user's sealing key.
func (t *Tokens) Issue(user *identity.Bundle, peer wire.ID, now time.Time) (*wire.TokenGrant, error) {
	var id tokenID
	rec := tokenRecord{bundle: user.Raw, tokenEntry: tokenEntry{
		user: user.ID(), issued: now.Unix(), expires: now.Add(TokenLife).Unix(),
	}}
	_, _ = rand.Read(id[:]) // never fails
	_, _ = rand.Read(rec.key[:])
	defer clear(rec.key[:])
	sealed, err := identity.SealTo(user.Sealing, TokenInfo(peer, id), rec.key[:])
	if err != nil {
		return nil, err
	}
	t.mu.Lock()
	defer t.mu.Unlock()
	if err := t.load(); err != nil {
		return nil, err
	}
	if err := t.makeRoom(rec.user, now.Unix()); err != nil {
		return nil, err
	}
	if err := t.kv.Put(tokenKey(id), rec.encode()); err != nil {
		return nil, err
	}
	entry := rec.tokenEntry
	t.index[id] = &entry
	return &wire.TokenGrant{ID: id[:], Expires: uint64(rec.expires), Scope: tokenScope, Sealed: sealed}, nil
}

// TokenInfo is the info of the HPKE by which a token's key is sealed to its
// user: "token" ‖ peer ‖ token ID, each after its length as 4 bytes big-endian.
func TokenInfo(peer wire.ID, token [handshake.TokenIDSize]byte) []byte {
	var info []byte
	for _, f := range [][]byte{[]byte("token"), peer[:], token[:]} {
		info = append(binary.BigEndian.AppendUint32(info, uint32(len(f))), f...)
	}
	return info
}

// makeRoom deletes tokens that have expired, and so many of those used longest
// ago that one more fits.
func (t *Tokens) makeRoom(user wire.ID, now int64) error {
	var all, mine []tokenID
	for id, e := range t.index {
		if e.expires <= now {
			if err := t.drop(id); err != nil {
				return err
			}
			continue
		}
		all = append(all, id)
		if e.user == user {
			mine = append(mine, id)
		}
	}
	for _, full := range []struct {
		ids []tokenID
		max int
	}{{mine, maxUserTokens}, {all, maxTokens}} {
		if len(full.ids) < full.max {
			continue
		}
		slices.SortFunc(full.ids, func(a, b tokenID) int {
			return cmp.Compare(t.index[a].lastUse(), t.index[b].lastUse())
		})
		for _, id := range full.ids[:len(full.ids)-full.max+1] {
			if err := t.drop(id); err != nil {
				return err
			}
		}
		break // a user's own place is free, so there is one in all
	}
	return nil
}

func (e *tokenEntry) lastUse() int64 { return max(e.used, e.issued) }

func (t *Tokens) drop(id tokenID) error {
	if err := t.kv.Delete(tokenKey(id)); err != nil {
		return err
	}
	delete(t.index, id)
	return nil
}

// LookupToken implements handshake.TokenSource.
func (t *Tokens) LookupToken(id [handshake.TokenIDSize]byte, now time.Time) (key [32]byte, user *identity.Bundle, ok bool) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.load() != nil {
		return key, nil, false
	}
	e := t.index[id]
	if e == nil || e.expires <= now.Unix() {
		return key, nil, false
	}
	raw, err := t.kv.Get(tokenKey(id))
	if err != nil || raw == nil {
		return key, nil, false
	}
	rec, err := decodeToken(raw)
	if err != nil {
		return key, nil, false
	}
	user, err = t.known.Parse(rec.bundle)
	if err != nil || user.ID() != e.user {
		return key, nil, false
	}
	e.used = now.Unix()
	if now.Sub(time.Unix(e.usedStored, 0)) >= usedEvery {
		rec.tokenEntry.used = e.used
		if t.kv.Put(tokenKey(id), rec.encode()) == nil {
			e.usedStored = e.used
		}
	}
	return rec.key, user, true
}

// List returns the live tokens of a user, the newest first.
func (t *Tokens) List(user wire.ID, now time.Time) ([]wire.TokenInfo, error) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if err := t.load(); err != nil {
		return nil, err
	}
	var list []wire.TokenInfo
	for id, e := range t.index {
		if e.user == user && e.expires > now.Unix() {
			list = append(list, wire.TokenInfo{
				ID: slices.Clone(id[:]), Issued: uint64(e.issued), Expires: uint64(e.expires),
				LastUsed: uint64(e.used), Scope: tokenScope,
			})
		}
	}
	slices.SortFunc(list, func(a, b wire.TokenInfo) int {
		return cmp.Or(cmp.Compare(b.Issued, a.Issued), slices.Compare(a.ID, b.ID))
	})
	return list, nil
}

// Revoke deletes a token of a user and ends the sessions opened with it. The
// error is a *wire.Error with CodeNotFound when the user has no such token.
func (t *Tokens) Revoke(user wire.ID, id [handshake.TokenIDSize]byte) error {
	if err := t.revoke(user, id); err != nil {
		return err
	}
	if t.revoked != nil {
		t.revoked(id)
	}
	return nil
}

func (t *Tokens) revoke(user wire.ID, id tokenID) error {
	t.mu.Lock()
	defer t.mu.Unlock()
	if err := t.load(); err != nil {
		return err
	}
	if e := t.index[id]; e == nil || e.user != user {
		return wire.Errorf(wire.CodeNotFound, "there is no such token")
	}
	return t.drop(id)
}

// load reads the index once. What does not decode is left where it is and not used.
func (t *Tokens) load() error {
	if t.index != nil {
		return nil
	}
	index := make(map[tokenID]*tokenEntry)
	err := t.kv.List(tokenPrefix, func(key string, value []byte) {
		id, err := hex.DecodeString(strings.TrimPrefix(key, tokenPrefix))
		if err != nil || len(id) != handshake.TokenIDSize {
			return
		}
		if rec, err := decodeToken(value); err == nil {
			entry := rec.tokenEntry
			index[tokenID(id)] = &entry
		}
	})
	if err != nil {
		return fmt.Errorf("session: read the tokens: %w", err)
	}
	t.index = index
	return nil
}

func tokenKey(id tokenID) string { return tokenPrefix + hex.EncodeToString(id[:]) }

// encode returns [version, user, key, bundle, issued, expires, used].
func (r *tokenRecord) encode() []byte {
	b := wire.AppendArray(nil, 7)
	b = wire.AppendUint(b, tokenVersion)
	b = wire.AppendID(b, r.user)
	b = wire.AppendBin(b, r.key[:])
	b = wire.AppendBin(b, r.bundle)
	for _, v := range []int64{r.issued, r.expires, r.used} {
		b = wire.AppendUint(b, uint64(v))
	}
	return b
}

func decodeToken(raw []byte) (r tokenRecord, err error) {
	in := wire.NewReader(raw)
	in.Array(7)
	if v := in.Uint(); in.Err() == nil && v != tokenVersion {
		return r, fmt.Errorf("session: a token of version %d", v)
	}
	r.user = in.ID()
	copy(r.key[:], in.BinSize(len(r.key)))
	r.bundle = in.Bin(len(raw))
	r.issued, r.expires, r.used = int64(in.Uint()), int64(in.Uint()), int64(in.Uint())
	r.usedStored = r.used
	return r, in.Done()
}
