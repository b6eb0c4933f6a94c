package vectors

import (
	"crypto/ecdh"
	"crypto/mlkem"
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"strings"

	"parley/cmd/internal/script"
	"parley/handshake/identity"
	"parley/wire"
)

func handshakeFamilies() map[string]family {
	return map[string]family{
		"handshake/complete": {"whole handshakes from each side: every value of the key schedule", alone(readComplete), answerHandshake},
		"handshake/refused":  {"messages that are refused where a handshake of the family complete expects another", readRefused, answerHandshake},
	}
}

type party struct {
	KeyFile hexBytes `json:"key_file"`
	ID      wire.ID
	Bundle  hexBytes
}

// seed is the signing key's, out of the key file without a passphrase; what
// stands behind it there is this implementation's own business.
func (p party) seed() string {
	r := wire.NewReader(p.KeyFile)
	r.ArrayLen(16)
	r.Str(64)
	r.Uint()
	return hexOf(r.BinSize(32))
}

// A complete is a whole handshake in testdata/handshake/complete.json.
type complete struct {
	Name          string
	NetworkName   string   `json:"network_name"`
	NetworkSecret hexBytes `json:"network_secret"`
	Initiator     party
	Responder     party
	TokenID       hexBytes `json:"token_id"`
	TokenKey      hexBytes `json:"token_key"`
	XI            hexBytes `json:"x25519_private_i"`
	KEMSeed       hexBytes `json:"mlkem_seed_i"`
	RandomI       hexBytes `json:"random_i"`
	XR            hexBytes `json:"x25519_private_r"`
	KEMRandom     hexBytes `json:"mlkem_random_r"`
	RandomR       hexBytes `json:"random_r"`
	Message1      hexBytes `json:"message_1"`
	Message2      hexBytes `json:"message_2"`
	Message3      hexBytes `json:"message_3"`

	values map[string]json.RawMessage
}

// The values of the key schedule that a side computes, by their names in the file.
const schedule = "th1 x25519_secret mlkem_secret th2 es th3 th4 ms exporter"

func (c *complete) value(name string) string {
	var h string
	_ = json.Unmarshal(c.values[name], &h) // what is absent is empty, and then differs
	return h
}

func (c *complete) keys(out map[string]string, name string, parts ...string) {
	var of map[string]string
	_ = json.Unmarshal(c.values[name], &of)
	for _, p := range parts {
		out[name+"_"+p] = of[p]
	}
}

func (c *complete) common(p party) map[string]any {
	in := map[string]any{"network_name": c.NetworkName, "network_secret": c.NetworkSecret.String(), "seed": p.seed(), "bundle": p.Bundle.String()}
	if len(c.TokenID) > 0 {
		in["token_id"], in["token_key"] = c.TokenID.String(), c.TokenKey.String()
	}
	return in
}

func (c *complete) initiate() map[string]any {
	in := c.common(c.Initiator)
	in["x25519_private"], in["mlkem_seed"], in["random"] = c.XI.String(), c.KEMSeed.String(), c.RandomI.String()
	in["message_2"] = c.Message2.String()
	return in
}

func (c *complete) respond() map[string]any {
	in := c.common(c.Responder)
	in["x25519_private"], in["mlkem_random"], in["random"] = c.XR.String(), c.KEMRandom.String(), c.RandomR.String()
	// For whoever cannot give its ML-KEM the randomness: what it would make.
	in["mlkem_ciphertext"], in["mlkem_secret"] = hexOf(c.ciphertext()), c.value("mlkem_secret")
	if len(c.TokenID) > 0 {
		in["token_user"] = hexOf(c.Initiator.ID[:])
	}
	in["message_1"], in["message_3"] = c.Message1.String(), c.Message3.String()
	return in
}

func (c *complete) ciphertext() []byte {
	r := wire.NewReader(c.Message2)
	r.Array(5)
	r.Uint()
	r.BinSize(32)
	return r.BinSize(1088)
}

func parseComplete(raw []byte) (list []complete, err error) {
	if err := json.Unmarshal(raw, &list); err != nil {
		return nil, err
	}
	var values []map[string]json.RawMessage
	err = json.Unmarshal(raw, &values)
	for i := range values {
		list[i].values = values[i]
	}
	return list, err
}

func readComplete(raw []byte) (all []Vector, err error) {
	list, err := parseComplete(raw)
	for i := range list {
		c := &list[i]
		both := map[string]string{}
		for _, name := range strings.Fields(schedule) {
			both[name] = c.value(name)
		}
		for _, d := range []string{"traffic_i", "traffic_r"} {
			c.keys(both, d, "enc", "mac", "iv", "next")
		}
		for _, d := range []string{"keys_i", "keys_r"} {
			c.keys(both, d, "enc", "mac", "iv", "fin")
		}
		mine, theirs := map[string]string{"message_1": c.Message1.String(), "message_3": c.Message3.String()}, map[string]string{"message_2": c.Message2.String()}
		for _, name := range []string{"proof_r", "proof_i"} {
			mine[name] = c.value(name)
		}
		for key, v := range both {
			mine[key], theirs[key] = v, v
		}
		all = append(all,
			vector(c.Name+", initiator", "initiate", true, c.initiate(), mine),
			vector(c.Name+", responder", "respond", true, c.respond(), theirs))
	}
	return all, err
}

// readRefused needs the family complete beside it, for the handshake in which
// each message is refused.
func readRefused(raw []byte, dir string) ([]Vector, error) {
	whole, err := os.ReadFile(filepath.Join(dir, "handshake", "complete.json"))
	if err != nil {
		return nil, err
	}
	list, err := parseComplete(whole)
	if err != nil {
		return nil, err
	}
	byName := map[string]*complete{}
	for i := range list {
		byName[list[i].Name] = &list[i]
	}
	type file struct {
		Name, Of, Error string
		Message         int
		Bytes           hexBytes
	}
	return each(raw, func(v file) []Vector {
		c := byName[v.Of]
		if c == nil {
			return nil
		}
		do, in := "respond", c.respond
		if v.Message == 2 {
			do, in = "initiate", c.initiate
		}
		question := in()
		question[fmt.Sprintf("message_%d", v.Message)] = v.Bytes.String()
		bad := vector(v.Name, do, false, question, nil)
		bad.Want.Reason = v.Error
		return []Vector{bad}
	})
}

func answerHandshake(do string, in *inputs) Answer {
	network := identity.Network{Name: in.text("network_name")}
	if secret := in.bytes("network_secret"); len(secret) > 0 {
		network.Secret = secret
	}
	signer := identity.SigningFromSeed(in.key("seed"))
	self := script.Party{Bundle: in.bytes("bundle"), ID: signer.ID(), Sign: signer.Sign}
	x, err := ecdh.X25519().NewPrivateKey(in.sized("x25519_private", 32))
	if err != nil {
		return refused(err)
	}
	var token *script.Token
	if in.has("token_id") {
		token = &script.Token{ID: [16]byte(in.sized("token_id", 16)), Key: in.key("token_key")}
	}
	switch do {
	case "initiate":
		return initiate(in, &script.Initiator{Network: network, Self: self, Token: token, X: x, Random: in.key("random")})
	case "respond":
		r := &script.Responder{Network: network, Self: self, X: x, Random: in.key("random")}
		if token != nil {
			r.Tokens = []script.TokenUser{{Token: *token, User: in.key("token_user")}}
		}
		r.Ciphertext, r.KEMShared = in.bytes("mlkem_ciphertext"), in.bytes("mlkem_secret")
		return respond(in, r)
	}
	return Answer{Unknown: true}
}

func initiate(in *inputs, i *script.Initiator) Answer {
	var err error
	if i.KEM, err = mlkem.NewDecapsulationKey768(in.bytes("mlkem_seed")); err != nil {
		return refused(err)
	}
	m1 := i.Message1()
	if err := i.ReadMessage2(in.bytes("message_2")); err != nil {
		return refusedAs(err)
	}
	m3 := i.Message3(i.Proof())
	out := scheduleOf(i.TH1, i.TH2, i.TH3, i.TH4, i.ES, i.MS, i.Exporter)
	out["message_1"], out["message_3"], out["proof_r"], out["proof_i"] = hexOf(m1), hexOf(m3), hexOf(i.ProofR), hexOf(i.ProofI)
	out["x25519_secret"], out["mlkem_secret"] = hexOf(i.Shared), hexOf(i.KEMShared)
	addPart(out, "keys_i", i.KeysI)
	addPart(out, "keys_r", i.KeysR)
	addTraffic(out, "traffic_i", i.Send)
	addTraffic(out, "traffic_r", i.Recv)
	return accepted(out)
}

func respond(in *inputs, r *script.Responder) Answer {
	if err := r.ReadMessage1(in.bytes("message_1")); err != nil {
		return refusedAs(err)
	}
	m2, err := r.Message2()
	if err != nil {
		return refusedAs(err)
	}
	if err := r.ReadMessage3(in.bytes("message_3")); err != nil {
		return refusedAs(err)
	}
	out := scheduleOf(r.TH1, r.TH2, r.TH3, r.TH4, r.ES, r.MS, r.Exporter)
	out["message_2"] = hexOf(m2)
	out["x25519_secret"], out["mlkem_secret"] = hexOf(r.Shared), hexOf(r.KEMShared)
	addPart(out, "keys_i", r.KeysI)
	addPart(out, "keys_r", r.KeysR)
	addTraffic(out, "traffic_i", r.Recv)
	addTraffic(out, "traffic_r", r.Send)
	return accepted(out)
}

func refusedAs(err error) Answer {
	if r, ok := err.(script.Refused); ok {
		return Answer{Reason: string(r)}
	}
	return refused(err)
}

func scheduleOf(th1, th2, th3, th4, es, ms, exporter [32]byte) map[string]string {
	return map[string]string{
		"th1": hexOf(th1[:]), "th2": hexOf(th2[:]), "th3": hexOf(th3[:]), "th4": hexOf(th4[:]),
		"es": hexOf(es[:]), "ms": hexOf(ms[:]), "exporter": hexOf(exporter[:]),
	}
}

func addPart(out map[string]string, name string, k *script.PartKeys) {
	out[name+"_enc"], out[name+"_mac"], out[name+"_iv"], out[name+"_fin"] = hexOf(k.Enc[:]), hexOf(k.Mac[:]), hexOf(k.IV[:]), hexOf(k.Fin[:])
}

func addTraffic(out map[string]string, name string, t script.Traffic) {
	out[name+"_enc"], out[name+"_mac"], out[name+"_iv"], out[name+"_next"] = hexOf(t.Keys.Enc[:]), hexOf(t.Keys.Mac[:]), hexOf(t.Keys.IV[:]), hexOf(t.Next[:])
}
