package handshake

import (
	"bytes"
	"errors"
	"fmt"
	"log/slog"
	"strings"
	"testing"
	"time"

	"parley/handshake/identity"
	"parley/wire"
)

func TestBothSidesEndWithTheSameKeysAndKnowEachOther(t *testing.T) {
	eachMode(t, func(t *testing.T, i, r *Config) {
		x := complete(t, i, r)
		if x.ri.Remote.ID() != r.Identity.ID() || x.rr.Remote.ID() != i.Identity.ID() {
			t.Errorf("%s and %s, want %s and %s", x.ri.Remote, x.rr.Remote, r.Identity, i.Identity)
		}
		if x.ri.Send != x.rr.Recv || x.ri.Recv != x.rr.Send || x.ri.SendNext != x.rr.RecvNext || x.ri.RecvNext != x.rr.SendNext ||
			x.ri.Exporter != x.rr.Exporter || x.ri.Transcript != x.rr.Transcript {
			t.Error("keys differ between the sides")
		}
		if !x.ri.Initiator || x.rr.Initiator {
			t.Error("sides confused")
		}
		if (x.ri.Token != nil) != (i.Token != nil) || (x.rr.Token != nil) != (i.Token != nil) {
			t.Error("a side is wrong about the token")
		}
		seen := map[secret]bool{}
		for _, k := range []secret{
			x.ri.Send.Enc, x.ri.Send.Mac, x.ri.Send.IV, x.ri.SendNext, x.ri.Recv.Enc, x.ri.Recv.Mac, x.ri.Recv.IV, x.ri.RecvNext,
			x.ri.Exporter, x.ri.Transcript,
			{},
		} {
			if seen[k] {
				t.Error("two keys are equal, or one is zero")
			}
			seen[k] = true
		}
	})
}

func TestASecondHandshakeOfKnownBundlesChecksTheProofsAllTheSame(t *testing.T) {
	i, r := pair(t, false)
	i.Known, r.Known = new(identity.Known), new(identity.Known)
	a, b := complete(t, i, r), complete(t, i, r)
	if a.ri.Remote != b.ri.Remote || a.rr.Remote != b.rr.Remote {
		t.Error("the bundles were parsed again")
	}
	x := upTo(t, i, r, 1)
	mallory := newIdentity(t, "mallory")
	expectError(t, "a known bundle, signed by another", x.deliver(2, forgeReply(t, x, signed(r.Identity.Bundle().Raw, mallory, ContextResponder))), ErrSignature)
}

func TestMessagesHaveTheSizesOfTheSpecification(t *testing.T) {
	eachMode(t, func(t *testing.T, i, r *Config) {
		for _, name := range []string{"", "a", strings.Repeat("n", identity.MaxName)} {
			if err := i.Identity.SetName(name); err != nil {
				t.Fatal(err)
			}
			if err := r.Identity.SetName(name); err != nil {
				t.Fatal(err)
			}
			x := complete(t, i, r)
			if len(x.m1) != 1291 || len(x.m2) != 2972 || len(x.m3) != 1813 {
				t.Errorf("name of %d bytes: messages of %d, %d and %d bytes", len(name), len(x.m1), len(x.m2), len(x.m3))
			}
		}
	})
}

func TestNoMessageShowsAnIdentityOrATokenInClear(t *testing.T) {
	eachMode(t, func(t *testing.T, i, r *Config) {
		x := complete(t, i, r)
		all := bytes.Join([][]byte{x.m1, x.m2, x.m3}, nil)
		hidden := [][]byte{[]byte("ada"), []byte("peer"), []byte("office"), i.Network.Secret}
		for _, b := range []*identity.Bundle{i.Identity.Bundle(), r.Identity.Bundle()} {
			id := b.ID()
			hidden = append(hidden, id[:], b.Key[1:], b.Sealing[:64])
		}
		if i.Token != nil {
			hidden = append(hidden, i.Token.ID[:], i.Token.Key[:])
		}
		for _, h := range hidden {
			if len(h) > 4 && bytes.Contains(all, h) {
				t.Errorf("%x is in clear", h)
			}
		}
	})
}

func TestTwoHandshakesShareNoKeyAndNoMessage(t *testing.T) {
	eachMode(t, func(t *testing.T, i, r *Config) {
		a, b := complete(t, i, r), complete(t, i, r)
		if a.ri.Send == b.ri.Send || a.ri.Exporter == b.ri.Exporter || a.ri.Transcript == b.ri.Transcript {
			t.Error("keys repeat")
		}
		if bytes.Equal(a.m1, b.m1) || bytes.Equal(a.m2, b.m2) || bytes.Equal(a.m3, b.m3) {
			t.Error("a message repeats")
		}
	})
}

func TestAWrongNetworkSecretIsRefusedBeforeAnyKeyIsParsed(t *testing.T) {
	i, r := pair(t, false)
	for name, n := range map[string]identity.Network{
		"other secret": newNetwork(t),
		"other name":   {Name: "elsewhere", Secret: r.Network.Secret},
		"no secret":    {Name: r.Network.Name},
	} {
		i.Network = n
		x := upTo(t, i, r, 1)
		if err := x.deliver(1, x.m1); !errors.Is(err, ErrNetworkSecret) {
			t.Errorf("%s: %v", name, err)
		}
		// Keys that would not parse are not even looked at.
		key := n.Key(NetworkUse)
		bad := (&hello{share: make([]byte, shareSize), kem: bytes.Repeat([]byte{0xff}, kemKeySize), random: make([]byte, randomSize)}).append(&key)
		if err := x.deliver(1, bad); !errors.Is(err, ErrNetworkSecret) {
			t.Errorf("%s, bad keys: %v", name, err)
		}
	}
}

func TestTheNetworkSecretEntersTheKeysBesideTheMAC(t *testing.T) {
	i, r := pair(t, false)
	x := upTo(t, i, r, 1)
	x.i.psk[0] ^= 1 // as if the MAC had been forged
	if err := x.r.ReadMessage1(x.m1); err != nil {
		t.Fatal(err)
	}
	m2 := must[[]byte](t)(x.r.WriteMessage2())
	if _, err := x.i.ReadMessage2(m2); !errors.Is(err, ErrSealed) {
		t.Fatal(err)
	}
}

func TestOneAlteredByteAtAnyOffsetOfAnyMessageIsRefused(t *testing.T) {
	eachMode(t, func(t *testing.T, i, r *Config) {
		for n := 1; n <= 3; n++ {
			x := upTo(t, i, r, n)
			for offset := range x.message(n) {
				bad := x.message(n)
				bad[offset] ^= 1 << (offset % 8)
				if err := x.deliver(n, bad); err == nil {
					t.Fatalf("message %d accepted with byte %d altered", n, offset)
				}
			}
			if err := x.deliver(n, x.message(n)); err != nil {
				t.Fatalf("message %d itself: %v", n, err)
			}
		}
	})
}

func TestATruncatedOrLengthenedMessageIsRefused(t *testing.T) {
	eachMode(t, func(t *testing.T, i, r *Config) {
		for n := 1; n <= 3; n++ {
			x := upTo(t, i, r, n)
			m := x.message(n)
			for size := range m {
				if err := x.deliver(n, m[:size]); !errors.Is(err, ErrMessage) {
					t.Fatalf("message %d cut to %d bytes: %v", n, size, err)
				}
			}
			if err := x.deliver(n, append(m, 0)); !errors.Is(err, ErrMessage) {
				t.Fatalf("message %d with a byte more: %v", n, err)
			}
		}
	})
}

func TestAReflectedMessageIsRefused(t *testing.T) {
	eachMode(t, func(t *testing.T, i, r *Config) {
		x := upTo(t, i, r, 3)
		if err := x.deliver(3, x.m2); err == nil {
			t.Error("the responder accepts its own message 2")
		}
		// The initiator gets its own message 1 back, and its sealed part of
		// another direction's keys inside a good message 2.
		y := upTo(t, i, r, 2)
		if err := y.deliver(2, y.m1); err == nil {
			t.Error("the initiator accepts its own message 1")
		}
		m, err := parseReply(y.m2)
		if err != nil {
			t.Fatal(err)
		}
		sealed, err := parseFinal(x.m3)
		if err != nil {
			t.Fatal(err)
		}
		m.sealed = sealed
		if err := y.deliver(2, replyBytes(m)); !errors.Is(err, ErrSealed) {
			t.Errorf("a part of the other direction: %v", err)
		}
	})
}

func TestAReplayedMessageIsRefused(t *testing.T) {
	eachMode(t, func(t *testing.T, i, r *Config) {
		old := complete(t, i, r)
		// Message 1 may be replayed; without its ephemeral keys it leads nowhere.
		replay := must[*Responder](t)(NewResponder(r))
		if err := replay.ReadMessage1(old.m1); err != nil {
			t.Fatal(err)
		}
		if m2 := must[[]byte](t)(replay.WriteMessage2()); bytes.Equal(m2, old.m2) {
			t.Fatal("the responder repeats itself")
		}
		if _, err := replay.ReadMessage3(old.m3, time.Now()); !errors.Is(err, ErrSealed) {
			t.Errorf("message 3 replayed: %v", err)
		}
		if err := upTo(t, i, r, 1).deliver(2, old.m2); !errors.Is(err, ErrSealed) {
			t.Errorf("message 2 replayed: %v", err)
		}
	})
}

func TestStepsOutOfOrderAreRefusedAndFailureSticks(t *testing.T) {
	i, r := pair(t, false)
	h := must[*Initiator](t)(NewInitiator(i))
	if _, err := h.ReadMessage2(nil); !errors.Is(err, ErrState) {
		t.Error(err)
	}
	if _, _, err := h.WriteMessage3(); !errors.Is(err, ErrState) {
		t.Error(err)
	}
	x := upTo(t, i, r, 2)
	bad := x.message(2)
	bad[100] ^= 1
	if _, err := x.i.ReadMessage2(bad); err == nil {
		t.Fatal("accepted")
	}
	if _, err := x.i.ReadMessage2(x.m2); !errors.Is(err, ErrState) {
		t.Errorf("a second try is allowed: %v", err)
	}
	y := complete(t, i, r)
	if _, err := y.r.ReadMessage3(y.m3, time.Now()); !errors.Is(err, ErrState) {
		t.Errorf("message 3 is read twice: %v", err)
	}
	if _, err := y.i.WriteMessage1(); !errors.Is(err, ErrState) {
		t.Errorf("ephemeral keys are used twice: %v", err)
	}
	if y.i.es != (secret{}) || y.r.es != (secret{}) || *y.i.keys != (partKeys{}) || *y.r.keys != (partKeys{}) || y.i.offer != nil || y.i.psk != (secret{}) {
		t.Error("secrets are left in a finished handshake")
	}
}

func TestAnUnknownVersionIsNamedAsSuch(t *testing.T) {
	i, r := pair(t, false)
	for n := 1; n <= 3; n++ {
		x := upTo(t, i, r, n)
		for _, version := range [][]byte{{2}, {0x7f}, {0xcc, 0xff}} {
			m := x.message(n)
			m = append(append(m[:1:1], version...), m[2:]...)
			if err := x.deliver(n, m); !errors.Is(err, ErrVersion) {
				t.Errorf("message %d: %v", n, err)
			}
		}
		// A later version may have other elements.
		if err := x.deliver(n, []byte{0x93, 2, 0xa1, 'x', 1}); !errors.Is(err, ErrVersion) {
			t.Errorf("message %d of another shape: %v", n, err)
		}
	}
}

func TestARefusalIsTakenAsOneWhereverItArrives(t *testing.T) {
	i, r := pair(t, false)
	for n := 1; n <= 3; n++ {
		if err := upTo(t, i, r, n).deliver(n, []byte{0x91, 0}); !errors.Is(err, ErrRefused) {
			t.Errorf("as message %d: %v", n, err)
		}
	}
}

func TestAnUnusableConfigurationIsRefused(t *testing.T) {
	id := newIdentity(t, "")
	for name, cfg := range map[string]*Config{
		"nil":          nil,
		"no identity":  {Network: newNetwork(t)},
		"no network":   {Identity: id},
		"short secret": {Identity: id, Network: identity.Network{Name: "x", Secret: []byte("short")}},
	} {
		if _, err := NewInitiator(cfg); !errors.Is(err, ErrConfig) {
			t.Errorf("initiator, %s: %v", name, err)
		}
		if _, err := NewResponder(cfg); !errors.Is(err, ErrConfig) {
			t.Errorf("responder, %s: %v", name, err)
		}
	}
}

func TestKeysDoNotShowWhenAResultIsPrintedOrLogged(t *testing.T) {
	i, r := pair(t, true)
	x := complete(t, i, r)
	var out bytes.Buffer
	slog.New(slog.NewTextHandler(&out, nil)).Info("m", "r", x.ri, "t", i.Token, "v", *i.Token)
	slog.New(slog.NewJSONHandler(&out, nil)).Info("m", "r", x.ri, "t", i.Token, "v", *i.Token)
	for _, verb := range []string{"%v", "%+v", "%#v", "%x", "%s", "%d"} {
		fmt.Fprintf(&out, verb+verb+verb, x.ri, i.Token, *i.Token)
	}
	for _, key := range []secret{x.ri.Send.Enc, x.ri.Recv.Mac, x.ri.SendNext, x.ri.Exporter, i.Token.Key} {
		for _, form := range []string{string(key[:]), fmt.Sprintf("%x", key[:]), fmt.Sprint(key[:8])[1:20]} {
			if strings.Contains(out.String(), form) {
				t.Errorf("a key shows: %q", form)
			}
		}
	}
	keys := x.ri.Send
	if x.ri.Wipe(); x.ri.Send == keys || x.ri.Exporter != (secret{}) || x.ri.SendNext != (secret{}) {
		t.Error("Wipe leaves keys")
	}
}

// replyBytes encodes message 2.
func replyBytes(m *reply) []byte {
	return wire.AppendBin(m.appendClear(nil), m.sealed)
}
