package vectors

import (
	"crypto/ed25519"
	"crypto/sha256"
	"strings"

	"parley/cmd/internal/script"
	"parley/handshake/identity"
)

func identityFamilies() map[string]family {
	return map[string]family{
		"identity/keys":     {"keys, IDs, fingerprints, and what is signed", alone(readKeys), answerIdentity},
		"identity/bundles":  {"bundles are read, and refused for each rule that one can break", alone(readBundles), answerIdentity},
		"identity/sealing":  {"HPKE opens what was sealed for a key and info, and nothing else", alone(readSealing), answerIdentity},
		"identity/networks": {"network files, and the keys of a network by use", alone(readNetworks), answerIdentity},
	}
}

func readKeys(raw []byte) ([]Vector, error) {
	type file struct {
		Name                     string
		Seed, Public             hexBytes
		ID, Fingerprint, Context string
		Fields                   []hexBytes
		Signed, Signature        hexBytes
	}
	return each(raw, func(v file) []Vector {
		in := map[string]any{"seed": v.Seed.String(), "context": v.Context, "fields": hexList(v.Fields)}
		out := map[string]string{
			"public": v.Public.String(), "id": v.ID, "fingerprint": v.Fingerprint, "signed": v.Signed.String(), "signature": v.Signature.String(),
		}
		return []Vector{vector(v.Name, "sign", true, in, out)}
	})
}

func readBundles(raw []byte) ([]Vector, error) {
	type file struct {
		Name        string
		Bundle      hexBytes
		ID          string
		Number      uint64
		DisplayName string `json:"display_name"`
		Error       bool
	}
	return each(raw, func(v file) []Vector {
		out := map[string]string{"id": v.ID, "number": decimal(v.Number), "name": v.DisplayName}
		if v.Error {
			out = nil
		}
		return []Vector{vector(v.Name, "read-bundle", !v.Error, map[string]any{"bundle": v.Bundle.String()}, out)}
	})
}

func readSealing(raw []byte) ([]Vector, error) {
	type file struct {
		Name                               string
		Seed, Public, Info, Sealed, Opened hexBytes
		Refused                            bool
	}
	return each(raw, func(v file) []Vector {
		out := map[string]string{"public": v.Public.String(), "opened": v.Opened.String()}
		if v.Refused {
			out = map[string]string{"public": v.Public.String()}
		}
		in := map[string]any{"seed": v.Seed.String(), "info": v.Info.String(), "sealed": v.Sealed.String()}
		return []Vector{vector(v.Name, "open-hpke", !v.Refused, in, out)}
	})
}

func readNetworks(raw []byte) ([]Vector, error) {
	type file struct {
		Name, File                       string
		NetworkName                      string `json:"network_name"`
		Secret, PSK, Hello, Beacon, Open hexBytes
		Error                            bool
	}
	return each(raw, func(v file) []Vector {
		out := map[string]string{
			"name": v.NetworkName, "secret": v.Secret.String(), "psk": v.PSK.String(),
			"hello": v.Hello.String(), "beacon": v.Beacon.String(), "open": v.Open.String(),
		}
		if v.Error {
			out = nil
		}
		return []Vector{vector(v.Name, "read-network", !v.Error, map[string]any{"file": v.File}, out)}
	})
}

func answerIdentity(do string, in *inputs) Answer {
	switch do {
	case "sign":
		s, context, fields := identity.SigningFromSeed(in.key("seed")), in.text("context"), in.list("fields")
		digest := sha256.Sum256(script.Fields(fields...))
		signed := append(append([]byte("parley/1/"+context), 0), digest[:]...)
		signature := s.Sign(context, fields...)
		if !ed25519.Verify(ed25519.PublicKey(s.Public()[1:]), signed, signature) {
			return Answer{Reason: "the signature is not over the specified bytes"}
		}
		return accepted(map[string]string{
			"public": hexOf(s.Public()), "id": s.ID().String(), "fingerprint": strings.Join(identity.Fingerprint(s.ID()), " "),
			"signed": hexOf(signed), "signature": hexOf(signature),
		})
	case "read-bundle":
		b, err := identity.ParseBundle(in.bytes("bundle"))
		if err != nil {
			return refused(err)
		}
		return accepted(map[string]string{"id": b.ID().String(), "number": decimal(b.Number), "name": b.Name})
	case "open-hpke":
		k, err := identity.SealingFromSeed(in.bytes("seed"))
		if err != nil {
			return refused(err)
		}
		a := Answer{Out: map[string]string{"public": hexOf(k.Public())}}
		opened, err := k.Open(in.bytes("info"), in.bytes("sealed"))
		if err != nil {
			a.Reason = err.Error()
			return a
		}
		a.Accepted, a.Out["opened"] = true, hexOf(opened)
		return a
	case "read-network":
		n, err := identity.ParseNetworkFile([]byte(in.text("file")))
		if err != nil {
			return refused(err)
		}
		psk, hello, beacon, open := n.PSK(), n.Key("hello"), n.Key("beacon"), n.Key("open")
		return accepted(map[string]string{
			"name": n.Name, "secret": hexOf(n.Secret), "psk": hexOf(psk[:]),
			"hello": hexOf(hello[:]), "beacon": hexOf(beacon[:]), "open": hexOf(open[:]),
		})
	}
	return Answer{Unknown: true}
}
