package handshake

import (
	"bytes"
	"crypto/ecdh"
	"crypto/mlkem"
	"crypto/mlkem/mlkemtest"
	"crypto/rand"
	"encoding/hex"
	"encoding/json"
	"errors"
	"flag"
	"os"
	"path/filepath"
	"reflect"
	"testing"
	"testing/cryptotest"
	"time"

	"parley/handshake/identity"
	"parley/wire"
	"parley/wire/seal"
)

var update = flag.Bool("update", false, "write the vectors anew")

// The families: handshakes that succeed, and messages that are refused in them.
const (
	completeFile = "../testdata/handshake/complete.json"
	refusedFile  = "../testdata/handshake/refused.json"
)

// vectorSeed makes the vectors the same each time they are written.
const vectorSeed = 19946

// hexBytes is a byte string in a vector.
type hexBytes []byte

func (h hexBytes) MarshalText() ([]byte, error) { return []byte(hex.EncodeToString(h)), nil }

func (h *hexBytes) UnmarshalText(text []byte) (err error) {
	*h, err = hex.DecodeString(string(text))
	return err
}

type partyVector struct {
	KeyFile hexBytes `json:"key_file"` // without passphrase
	ID      wire.ID  `json:"id"`
	Bundle  hexBytes `json:"bundle"`
}

type partKeysVector struct {
	Enc hexBytes `json:"enc"`
	Mac hexBytes `json:"mac"`
	IV  hexBytes `json:"iv"`
	Fin hexBytes `json:"fin"`
}

type trafficVector struct {
	Enc  hexBytes `json:"enc"`
	Mac  hexBytes `json:"mac"`
	IV   hexBytes `json:"iv"`
	Next hexBytes `json:"next"`
}

// A completeVector is a whole handshake: what goes in, and every value of the
// package documentation in its order.
type completeVector struct {
	Name          string      `json:"name"`
	NetworkName   string      `json:"network_name"`
	NetworkSecret hexBytes    `json:"network_secret"` // empty: none
	Initiator     partyVector `json:"initiator"`
	Responder     partyVector `json:"responder"`
	TokenID       hexBytes    `json:"token_id,omitempty"`
	TokenKey      hexBytes    `json:"token_key,omitempty"`
	XI            hexBytes    `json:"x25519_private_i"`
	KEMSeed       hexBytes    `json:"mlkem_seed_i"` // d ‖ z of FIPS 203
	RandomI       hexBytes    `json:"random_i"`
	XR            hexBytes    `json:"x25519_private_r"`
	KEMRandom     hexBytes    `json:"mlkem_random_r"` // m of FIPS 203
	RandomR       hexBytes    `json:"random_r"`

	HelloKey hexBytes       `json:"hello_key"`
	PSK      hexBytes       `json:"psk"`
	Message1 hexBytes       `json:"message_1"`
	TH1      hexBytes       `json:"th1"`
	X25519   hexBytes       `json:"x25519_secret"`
	MLKEM    hexBytes       `json:"mlkem_secret"`
	TH2      hexBytes       `json:"th2"`
	ES       hexBytes       `json:"es"`
	KeysR    partKeysVector `json:"keys_r"`
	KeysI    partKeysVector `json:"keys_i"`
	ProofR   hexBytes       `json:"proof_r"`
	Message2 hexBytes       `json:"message_2"`
	TH3      hexBytes       `json:"th3"`
	ProofI   hexBytes       `json:"proof_i"`
	Message3 hexBytes       `json:"message_3"`
	TH4      hexBytes       `json:"th4"`
	MS       hexBytes       `json:"ms"`
	TrafficI trafficVector  `json:"traffic_i"`
	TrafficR trafficVector  `json:"traffic_r"`
	Exporter hexBytes       `json:"exporter"`
}

// A refusedVector is a message that is refused where the handshake of the
// given name expects message number Message.
type refusedVector struct {
	Name    string   `json:"name"`
	Of      string   `json:"of"`
	Message int      `json:"message"`
	Bytes   hexBytes `json:"bytes"`
	Error   string   `json:"error"`
}

var vectorErrors = map[string]error{
	"message": ErrMessage, "version": ErrVersion, "network-secret": ErrNetworkSecret, "key-share": ErrKeyShare,
	"sealed": ErrSealed, "confirm": ErrConfirm, "bundle": ErrBundle, "signature": ErrSignature, "self": ErrSelf,
	"token": ErrToken, "refused": ErrRefused,
}

// loadParty makes the identity of a vector.
func loadParty(t *testing.T, p *partyVector) *identity.Private {
	t.Helper()
	path := filepath.Join(t.TempDir(), "key")
	if err := os.WriteFile(path, p.KeyFile, 0o600); err != nil {
		t.Fatal(err)
	}
	id := must[*identity.Private](t)(identity.Load(path, nil))
	if id.ID() != p.ID || !bytes.Equal(id.Bundle().Raw, p.Bundle) {
		t.Fatalf("the key file gives another identity: %s", id.ID())
	}
	return id
}

// configs makes both sides' configuration from a vector's inputs.
func (v *completeVector) configs(t *testing.T) (i, r *Config) {
	t.Helper()
	n := identity.Network{Name: v.NetworkName}
	if len(v.NetworkSecret) > 0 {
		n.Secret = v.NetworkSecret
	}
	i = &Config{Identity: loadParty(t, &v.Initiator), Network: n, Expect: v.Responder.ID}
	r = &Config{Identity: loadParty(t, &v.Responder), Network: n}
	if len(v.TokenID) > 0 {
		i.Token = &Token{ID: [TokenIDSize]byte(v.TokenID), Key: secret(v.TokenKey)}
		r.Tokens = &tokens{token: *i.Token, user: i.Identity.Bundle(), expiry: time.Now().Add(time.Hour)}
	}
	return i, r
}

// begin starts both sides with the vector's ephemeral keys, which a handshake
// cannot be given outside of tests.
func (v *completeVector) begin(t *testing.T) *exchange {
	t.Helper()
	i, r := v.configs(t)
	x := &exchange{i: must[*Initiator](t)(NewInitiator(i)), r: must[*Responder](t)(NewResponder(r))}
	x.i.fresh = func() (*offer, error) {
		kem, err := mlkem.NewDecapsulationKey768(v.KEMSeed)
		return &offer{x: must[*ecdh.PrivateKey](t)(ecdh.X25519().NewPrivateKey(v.XI)), kem: kem, random: secret(v.RandomI)}, err
	}
	x.r.fresh = func() (*answer, error) {
		return &answer{
			x: must[*ecdh.PrivateKey](t)(ecdh.X25519().NewPrivateKey(v.XR)), random: secret(v.RandomR),
			encapsulate: func(k *mlkem.EncapsulationKey768) ([]byte, []byte, error) {
				return mlkemtest.Encapsulate768(k, v.KEMRandom)
			},
		}, nil
	}
	return x
}

// upTo runs the vector's handshake until message n has been written.
func (v *completeVector) upTo(t *testing.T, n int) *exchange {
	t.Helper()
	x := v.begin(t)
	x.m1 = must[[]byte](t)(x.i.WriteMessage1())
	if n == 1 {
		return x
	}
	if err := x.r.ReadMessage1(x.m1); err != nil {
		t.Fatal(err)
	}
	x.m2 = must[[]byte](t)(x.r.WriteMessage2())
	return x
}

// run does the vector's handshake from its inputs and returns the vector with
// every other value as it came out.
func (v completeVector) run(t *testing.T) completeVector {
	t.Helper()
	x := v.upTo(t, 2)
	hello, psk := x.i.cfg.Network.Key(NetworkUse), x.i.cfg.Network.PSK()
	v.HelloKey, v.PSK = hello[:], psk[:]
	v.Message1, v.TH1 = x.m1, bytes.Clone(x.i.th1[:])
	m := must[*reply](t)(parseReply(x.m2))
	v.X25519 = must[[]byte](t)(x.i.offer.x.ECDH(must[*ecdh.PublicKey](t)(ecdh.X25519().NewPublicKey(m.share))))
	v.MLKEM = must[[]byte](t)(x.i.offer.kem.Decapsulate(m.ciphertext))
	th2 := transcript(x.i.th1[:], m.clear)
	v.TH2, v.Message2 = th2[:], x.m2

	must[*identity.Bundle](t)(x.i.ReadMessage2(x.m2))
	es, th3, keysI := x.i.es, x.i.th3, *x.i.keys
	keysR := newPartKeys(&es, byResponder, &th2)
	part := func(k *partKeys) partKeysVector {
		return partKeysVector{Enc: k.seal.Enc[:], Mac: k.seal.Mac[:], IV: k.iv[:seal.IVSize], Fin: k.fin[:]}
	}
	v.ES, v.TH3, v.KeysR, v.KeysI = es[:], th3[:], part(keysR), part(&keysI)
	v.ProofR = must[[]byte](t)(keysR.open(&th2, m.sealed))

	m3, ri, err := x.i.WriteMessage3()
	if err != nil {
		t.Fatal(err)
	}
	rr := must[*Result](t)(x.r.ReadMessage3(m3, time.Now()))
	sealed := must[[]byte](t)(parseFinal(m3))
	th4 := transcript(th3[:], sealed)
	tokenKey := make([]byte, 32)
	copy(tokenKey, v.TokenKey)
	ms := extract(es[:], tokenKey)
	v.ProofI = must[[]byte](t)(keysI.open(&th3, sealed))
	v.Message3, v.TH4, v.MS = m3, th4[:], ms[:]
	traffic := func(k *seal.Keys, next *secret) trafficVector {
		return trafficVector{Enc: k.Enc[:], Mac: k.Mac[:], IV: k.IV[:], Next: next[:]}
	}
	v.TrafficI, v.TrafficR = traffic(&ri.Send, &ri.SendNext), traffic(&ri.Recv, &ri.RecvNext)
	v.Exporter = ri.Exporter[:]
	if rr.Recv != ri.Send || rr.Send != ri.Recv || rr.Exporter != ri.Exporter || rr.Transcript != th4 || ri.Transcript != th4 {
		t.Error("the sides differ")
	}
	return v
}

func readVectors[T any](t *testing.T, file string) []T {
	t.Helper()
	var family []T
	if err := json.Unmarshal(must[[]byte](t)(os.ReadFile(file)), &family); err != nil {
		t.Fatal(err)
	}
	if len(family) == 0 {
		t.Fatalf("%s has no vector; go test ./handshake -update", file)
	}
	return family
}

func writeVectors[T any](t *testing.T, file string, family []T) {
	t.Helper()
	if err := os.MkdirAll(filepath.Dir(file), 0o755); err != nil {
		t.Fatal(err)
	}
	out := must[[]byte](t)(json.MarshalIndent(family, "", " "))
	if err := os.WriteFile(file, append(out, '\n'), 0o644); err != nil {
		t.Fatal(err)
	}
}

func TestVectorsOfCompleteHandshakes(t *testing.T) {
	if *update {
		cryptotest.SetGlobalRandom(t, vectorSeed)
		writeVectors(t, completeFile, makeComplete(t))
	}
	kinds := map[bool]int{}
	for _, v := range readVectors[completeVector](t, completeFile) {
		t.Run(v.Name, func(t *testing.T) {
			kinds[len(v.TokenID) > 0]++
			got := v.run(t)
			want := reflect.ValueOf(v)
			for n := range want.NumField() {
				if !reflect.DeepEqual(reflect.ValueOf(got).Field(n).Interface(), want.Field(n).Interface()) {
					t.Errorf("%s is %v, want %v", want.Type().Field(n).Name, reflect.ValueOf(got).Field(n), want.Field(n))
				}
			}
		})
	}
	if kinds[false] == 0 || kinds[true] == 0 {
		t.Errorf("%d vectors by signature, %d by token", kinds[false], kinds[true])
	}
}

func TestVectorsOfRefusedMessages(t *testing.T) {
	complete := map[string]completeVector{}
	for _, v := range readVectors[completeVector](t, completeFile) {
		complete[v.Name] = v
	}
	if *update {
		cryptotest.SetGlobalRandom(t, vectorSeed+1)
		writeVectors(t, refusedFile, makeRefused(t, complete))
	}
	messages, causes := map[int]int{}, map[string]int{}
	for _, v := range readVectors[refusedVector](t, refusedFile) {
		t.Run(v.Name, func(t *testing.T) {
			messages[v.Message]++
			causes[v.Error]++
			base, ok := complete[v.Of]
			want := vectorErrors[v.Error]
			if !ok || want == nil {
				t.Fatalf("of %q, error %q", v.Of, v.Error)
			}
			x := base.upTo(t, 2)
			if v.Message == 3 { // the vector's own message 3 is accepted in this place
				if err := x.deliver(3, base.Message3); err != nil {
					t.Fatal(err)
				}
			}
			if err := x.deliver(v.Message, v.Bytes); !errors.Is(err, want) {
				t.Errorf("%v, want %v", err, want)
			}
		})
	}
	for n := 1; n <= 3; n++ {
		if messages[n] == 0 {
			t.Errorf("no refused message %d", n)
		}
	}
	for cause := range vectorErrors {
		if causes[cause] == 0 {
			t.Errorf("no message is refused for %q", cause)
		}
	}
}

func random(t *testing.T, n int) hexBytes {
	t.Helper()
	b := make([]byte, n)
	must[int](t)(rand.Read(b))
	return b
}

func makeParty(t *testing.T, name string) partyVector {
	t.Helper()
	p := newIdentity(t, name)
	path := filepath.Join(t.TempDir(), "key")
	if err := identity.Save(path, p, nil); err != nil {
		t.Fatal(err)
	}
	return partyVector{KeyFile: must[[]byte](t)(os.ReadFile(path)), ID: p.ID(), Bundle: p.Bundle().Raw}
}

func makeComplete(t *testing.T) []completeVector {
	t.Helper()
	var family []completeVector
	for _, c := range []struct {
		name, network string
		secret, token bool
		nameI, nameR  string
	}{
		{name: "by-signature", network: "office", secret: true, nameI: "ada", nameR: "peer"},
		{name: "by-token", network: "office", secret: true, token: true, nameI: "ada", nameR: "peer"},
		{name: "open-network", network: "picnic", nameI: "", nameR: "a name that is as long as it may be, sixty-four bytes of UTF8…"},
	} {
		v := completeVector{
			Name: c.name, NetworkName: c.network, Initiator: makeParty(t, c.nameI), Responder: makeParty(t, c.nameR),
			XI: random(t, 32), KEMSeed: random(t, mlkem.SeedSize), RandomI: random(t, randomSize),
			XR: random(t, 32), KEMRandom: random(t, 32), RandomR: random(t, randomSize), NetworkSecret: hexBytes{},
		}
		if c.secret {
			v.NetworkSecret = random(t, identity.NetworkSecretSize)
		}
		if c.token {
			v.TokenID, v.TokenKey = random(t, TokenIDSize), random(t, 32)
		}
		family = append(family, v.run(t))
	}
	return family
}
