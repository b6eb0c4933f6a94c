package handshake

import (
	"bytes"
	"encoding/hex"
	"testing"

	"parley/handshake/identity"
	"parley/wire"
)

// lowOrder are the encodings of X25519's points of low order, those above the
// field's prime included.
var lowOrder = []string{
	"0000000000000000000000000000000000000000000000000000000000000000",
	"0100000000000000000000000000000000000000000000000000000000000000",
	"e0eb7a7c3b41b8ae1656e3faf19fc46ada098deb9c32b1fd866205165f49b800",
	"5f9c95bca3508c24b1d0b1559c83ef5b04445cc4581c8e86d8224eddd09f1157",
	"ecffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f",
	"edffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f",
	"eeffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f",
}

func TestSharesOfLowOrderAreRefused(t *testing.T) {
	i, r := pair(t, false)
	x := upTo(t, i, r, 2)
	key := i.Network.Key(NetworkUse)
	hi, err := parseHello(x.m1)
	if err != nil {
		t.Fatal(err)
	}
	re, err := parseReply(x.m2)
	if err != nil {
		t.Fatal(err)
	}
	for _, point := range lowOrder {
		low := must[[]byte](t)(hex.DecodeString(point))
		for _, top := range []byte{0, 0x80} { // the top bit is ignored (RFC 7748 section 5)
			low[31] |= top
			m1, m2 := *hi, *re
			m1.share, m2.share = low, low
			expectError(t, "message 1, "+point, x.deliver(1, m1.append(&key)), ErrKeyShare)
			expectError(t, "message 2, "+point, x.deliver(2, replyBytes(&m2)), ErrKeyShare)
		}
	}
}

func TestMalformedKEMKeysAndCiphertextsAreRefused(t *testing.T) {
	i, r := pair(t, false)
	x := upTo(t, i, r, 2)
	key := i.Network.Key(NetworkUse)
	hi, err := parseHello(x.m1)
	if err != nil {
		t.Fatal(err)
	}
	re, err := parseReply(x.m2)
	if err != nil {
		t.Fatal(err)
	}
	coefficient := bytes.Clone(hi.kem) // 12 bits each, little-endian; the modulus is 3329
	coefficient[0], coefficient[1] = 0x01, coefficient[1]&0xf0|0x0d
	for what, c := range map[string]struct {
		kem  []byte
		want error
	}{
		"empty":                        {nil, ErrMessage},
		"a byte short":                 {hi.kem[1:], ErrMessage},
		"a byte long":                  {append(bytes.Clone(hi.kem), 0), ErrMessage},
		"of ML-KEM-1024":               {make([]byte, 1568), ErrMessage},
		"of ML-KEM-512":                {make([]byte, 800), ErrMessage},
		"over the modulus":             {bytes.Repeat([]byte{0xff}, kemKeySize), ErrKeyShare},
		"with one coefficient of 3329": {coefficient, ErrKeyShare},
	} {
		m := *hi
		m.kem = c.kem
		expectError(t, "key "+what, x.deliver(1, m.append(&key)), c.want)
	}
	for what, c := range map[string]struct {
		ciphertext []byte
		want       error
	}{
		"empty":             {nil, ErrMessage},
		"a byte short":      {re.ciphertext[1:], ErrMessage},
		"a byte long":       {append(bytes.Clone(re.ciphertext), 0), ErrMessage},
		"of another key":    {bytes.Repeat([]byte{7}, kemTextSize), ErrSealed}, // implicit rejection
		"of another length": {make([]byte, 1568), ErrMessage},
	} {
		m := *re
		m.ciphertext = c.ciphertext
		expectError(t, "ciphertext "+what, x.deliver(2, replyBytes(&m)), c.want)
	}
}

func TestAWrongConfirmationOrPaddingIsRefusedThoughSealed(t *testing.T) {
	i, r := pair(t, false)
	bundle := i.Identity.Bundle().Raw
	for what, c := range map[string]struct {
		spoil func(plain []byte) []byte
		want  error
	}{
		"untouched":         {func(b []byte) []byte { return b }, nil},
		"padding not zero":  {func(b []byte) []byte { b[len(b)-1] = 1; return b }, ErrMessage},
		"padding short":     {func(b []byte) []byte { return b[:len(b)-1] }, ErrMessage},
		"a byte after":      {func(b []byte) []byte { return append(b, 0) }, ErrMessage},
		"confirmation":      {func(b []byte) []byte { b[len(b)-3-(proofSize-len(bundle)-64)-1] ^= 1; return b }, ErrConfirm},
		"five made to four": {func(b []byte) []byte { b[0] = 0x94; return b }, ErrMessage},
		"empty":             {func([]byte) []byte { return nil }, ErrMessage},
	} {
		x := upTo(t, i, r, 2)
		must[*identity.Bundle](t)(x.i.ReadMessage2(x.m2))
		k, th3 := x.i.keys, &x.i.th3
		p := signed(bundle, i.Identity, ContextInitiator)(th3)
		confirm := authenticate(&k.fin, th3[:], p.who, p.evidence)
		p.confirm = confirm[:]
		m3 := appendFinal(k.close(th3, c.spoil(p.append(nil))))
		expectError(t, what, x.deliver(3, m3), c.want)
	}
	// A shorter padding, well encoded.
	x := upTo(t, i, r, 2)
	must[*identity.Bundle](t)(x.i.ReadMessage2(x.m2))
	k, th3 := x.i.keys, &x.i.th3
	p := signed(bundle, i.Identity, ContextInitiator)(th3)
	confirm := authenticate(&k.fin, th3[:], p.who, p.evidence)
	b := wire.AppendUint(wire.AppendArray(nil, 5), bySignature)
	b = wire.AppendBin(wire.AppendBin(wire.AppendBin(b, p.who), p.evidence), confirm[:])
	expectError(t, "no padding", x.deliver(3, appendFinal(k.close(th3, wire.AppendBin(b, nil)))), ErrMessage)
}
