package session

import (
	"bytes"
	"errors"
	"maps"
	"slices"
	"strings"
	"testing"
	"time"

	"parley/handshake"
	"parley/handshake/identity"
	"parley/wire"
)

var _ handshake.TokenSource = (*Tokens)(nil)

// memory is a KV that fails when told to, and counts its writes.
type memory struct {
	values map[string][]byte
	writes int
	fail   error
}

func (m *memory) Get(key string) ([]byte, error) { return m.values[key], m.fail }

func (m *memory) Put(key string, value []byte) error {
	if m.fail == nil {
		m.values[key] = value
		m.writes++
	}
	return m.fail
}

func (m *memory) Delete(key string) error {
	if m.fail == nil {
		delete(m.values, key)
	}
	return m.fail
}

func (m *memory) List(prefix string, each func(string, []byte)) error {
	for _, key := range slices.Sorted(maps.Keys(m.values)) {
		if strings.HasPrefix(key, prefix) {
			each(key, m.values[key])
		}
	}
	return m.fail
}

func user(t *testing.T, name string) *identity.Private {
	t.Helper()
	p, err := identity.Generate(1, name)
	if err != nil {
		t.Fatal(err)
	}
	return p
}

var tokenNow = time.Date(2026, 5, 1, 12, 0, 0, 0, time.UTC)

func issue(t *testing.T, tokens *Tokens, u *identity.Private, now time.Time) tokenID {
	t.Helper()
	grant, err := tokens.Issue(u.Bundle(), wire.ID{1}, now)
	if err != nil {
		t.Fatal(err)
	}
	return tokenID(grant.ID)
}

func TestATokenIsFoundWithTheKeyThatItsUserOpens(t *testing.T) {
	kv := &memory{values: map[string][]byte{}}
	ann, peer := user(t, "ann"), wire.ID{1}
	grant, err := NewTokens(kv, nil).Issue(ann.Bundle(), peer, tokenNow)
	if err != nil {
		t.Fatal(err)
	}
	id := tokenID(grant.ID)
	opened, err := ann.OpenSealed(TokenInfo(peer, id), grant.Sealed)
	if err != nil {
		t.Fatal(err)
	}
	again := NewTokens(kv, nil) // after a restart
	key, who, ok := again.LookupToken(id, tokenNow.Add(time.Hour))
	if !ok || !bytes.Equal(key[:], opened) || who.ID() != ann.ID() || who.Name != "ann" {
		t.Errorf("found %v, %v", who, ok)
	}
	if _, _, ok := again.LookupToken(id, tokenNow.Add(TokenLife)); ok {
		t.Error("found after its end")
	}
	if _, _, ok := again.LookupToken(tokenID{9}, tokenNow); ok {
		t.Error("a token that was never issued is found")
	}
	if grant.Expires != uint64(tokenNow.Add(TokenLife).Unix()) || grant.Scope != "user" {
		t.Errorf("granted until %d for %q", grant.Expires, grant.Scope)
	}
}

func TestTokensAreListedAndRevokedByTheirUserOnly(t *testing.T) {
	kv := &memory{values: map[string][]byte{}}
	var ended []tokenID
	tokens := NewTokens(kv, func(id tokenID) { ended = append(ended, id) })
	ann, bob := user(t, "ann"), user(t, "bob")
	first := issue(t, tokens, ann, tokenNow)
	second := issue(t, tokens, ann, tokenNow.Add(time.Minute))
	other := issue(t, tokens, bob, tokenNow)
	tokens.LookupToken(first, tokenNow.Add(time.Hour))
	list, err := tokens.List(ann.ID(), tokenNow.Add(2*time.Hour))
	if err != nil || len(list) != 2 || tokenID(list[0].ID) != second || tokenID(list[1].ID) != first {
		t.Fatalf("listed %v (%v)", list, err)
	}
	if list[0].LastUsed != 0 || list[1].LastUsed != uint64(tokenNow.Add(time.Hour).Unix()) || list[0].Issued != uint64(tokenNow.Add(time.Minute).Unix()) {
		t.Errorf("times %+v", list)
	}
	var werr *wire.Error
	if err := tokens.Revoke(ann.ID(), other); !errors.As(err, &werr) || werr.Code != wire.CodeNotFound {
		t.Errorf("another's token: %v", err)
	}
	if err := tokens.Revoke(ann.ID(), first); err != nil {
		t.Fatal(err)
	}
	if _, _, ok := tokens.LookupToken(first, tokenNow); ok {
		t.Error("found after it was revoked")
	}
	if _, _, ok := NewTokens(kv, nil).LookupToken(first, tokenNow); ok {
		t.Error("found again after a restart")
	}
	if _, _, ok := tokens.LookupToken(other, tokenNow); !ok {
		t.Error("another's token is gone too")
	}
	if !slices.Equal(ended, []tokenID{first}) {
		t.Errorf("sessions ended: %x", ended)
	}
	if list, _ := tokens.List(ann.ID(), tokenNow.Add(TokenLife+time.Second)); len(list) != 1 {
		t.Errorf("listed after their end: %v", list)
	}
}

func TestAUsersTokensAreBoundedAndTheLeastUsedLeaves(t *testing.T) {
	kv := &memory{values: map[string][]byte{}}
	tokens := NewTokens(kv, nil)
	ann, bob := user(t, "ann"), user(t, "bob")
	other := issue(t, tokens, bob, tokenNow.Add(-time.Hour))
	ids := make([]tokenID, maxUserTokens)
	for i := range ids {
		ids[i] = issue(t, tokens, ann, tokenNow.Add(time.Duration(i)*time.Second))
	}
	tokens.LookupToken(ids[0], tokenNow.Add(time.Hour))
	issue(t, tokens, ann, tokenNow.Add(time.Hour))
	for i, id := range append(ids, other) {
		if _, _, ok := tokens.LookupToken(id, tokenNow.Add(time.Hour)); ok != (i != 1) {
			t.Errorf("token %d found: %v", i, ok)
		}
	}
	if len(kv.values) != maxUserTokens+1 {
		t.Errorf("%d are stored", len(kv.values))
	}
	issue(t, tokens, bob, tokenNow.Add(2*TokenLife))
	if len(kv.values) != 1 {
		t.Errorf("%d are stored when all but one have ended", len(kv.values))
	}
}

func TestUsingATokenOftenSeldomWrites(t *testing.T) {
	kv := &memory{values: map[string][]byte{}}
	tokens := NewTokens(kv, nil)
	ann := user(t, "ann")
	id := issue(t, tokens, ann, tokenNow)
	kv.writes = 0
	for i := range 120 {
		tokens.LookupToken(id, tokenNow.Add(time.Duration(i)*time.Minute))
	}
	if kv.writes != 2 {
		t.Errorf("%d writes in two hours", kv.writes)
	}
	list, _ := NewTokens(kv, nil).List(ann.ID(), tokenNow)
	if len(list) != 1 || list[0].LastUsed != uint64(tokenNow.Add(time.Hour).Unix()) {
		t.Errorf("after a restart: %+v", list)
	}
}

func TestAStoreThatFailsGrantsNothing(t *testing.T) {
	kv := &memory{values: map[string][]byte{}, fail: errors.New("disk full")}
	tokens := NewTokens(kv, nil)
	ann := user(t, "ann")
	if _, err := tokens.Issue(ann.Bundle(), wire.ID{1}, tokenNow); !errors.Is(err, kv.fail) {
		t.Errorf("granted: %v", err)
	}
	kv.fail = nil
	id := issue(t, tokens, ann, tokenNow)
	kv.fail = errors.New("disk lost")
	if err := tokens.Revoke(ann.ID(), id); !errors.Is(err, kv.fail) {
		t.Errorf("revoked: %v", err)
	}
	kv.fail = nil
	if _, _, ok := tokens.LookupToken(id, tokenNow); !ok {
		t.Error("a token whose revocation failed is gone in memory alone")
	}
}
