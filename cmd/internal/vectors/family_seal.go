package vectors

import (
	"crypto/aes"
	"crypto/hmac"
	"crypto/sha256"

	"parley/wire/seal"
)

func sealFamilies() map[string]family {
	return map[string]family{
		"seal/published-aes256": {
			"AES-256, by the vectors of NIST SP 800-38A: CBC, and one block as for the IV of a record", alone(readPublishedAES), answerSeal,
		},
		"seal/published-hmac-sha256": {"HMAC-SHA-256, by the vectors of RFC 4231", alone(readPublishedHMAC), answerSeal},
		"seal/records":               {"records are sealed and opened at their place, and refused at another or altered", alone(readRecords), answerSeal},
		"seal/messages":              {"messages are sealed and opened with their associated data, and refused altered", alone(readMessages), answerSeal},
	}
}

func readPublishedAES(raw []byte) ([]Vector, error) {
	type file struct {
		Name, Mode                     string
		Key, IV, Plaintext, Ciphertext hexBytes
	}
	return each(raw, func(v file) []Vector {
		in := map[string]any{"mode": v.Mode, "key": v.Key.String(), "iv": v.IV.String(), "plaintext": v.Plaintext.String()}
		return []Vector{vector(v.Name, "encrypt-blocks", true, in, map[string]string{"ciphertext": v.Ciphertext.String()})}
	})
}

func readPublishedHMAC(raw []byte) ([]Vector, error) {
	type file struct {
		Name           string
		Key, Data, Tag hexBytes
	}
	return each(raw, func(v file) []Vector {
		in := map[string]any{"key": v.Key.String(), "data": v.Data.String(), "size": decimal(uint64(len(v.Tag)))}
		return []Vector{vector(v.Name, "hmac", true, in, map[string]string{"tag": v.Tag.String()})}
	})
}

func readRecords(raw []byte) ([]Vector, error) {
	type file struct {
		Name                string
		Enc, Mac, IV        hexBytes
		Generation, Counter uint64
		Plaintext, Sealed   hexBytes
		Refused             bool
	}
	return each(raw, func(v file) []Vector {
		in := func(key, value string) map[string]any {
			return map[string]any{
				"enc": v.Enc.String(), "mac": v.Mac.String(), "iv": v.IV.String(),
				"generation": decimal(v.Generation), "counter": decimal(v.Counter), key: value,
			}
		}
		if v.Refused {
			return []Vector{vector(v.Name, "open-record", false, in("sealed", v.Sealed.String()), nil)}
		}
		return []Vector{
			vector(v.Name, "open-record", true, in("sealed", v.Sealed.String()), map[string]string{"plaintext": v.Plaintext.String()}),
			vector(v.Name+", sealed", "seal-record", true, in("plaintext", v.Plaintext.String()), map[string]string{"sealed": v.Sealed.String()}),
		}
	})
}

func readMessages(raw []byte) ([]Vector, error) {
	type file struct {
		Name                                string
		Enc, Mac, IV, AD, Plaintext, Sealed hexBytes
		Refused                             bool
	}
	return each(raw, func(v file) []Vector {
		in := func(key, value string) map[string]any {
			return map[string]any{"enc": v.Enc.String(), "mac": v.Mac.String(), "iv": v.IV.String(), "ad": v.AD.String(), key: value}
		}
		if v.Refused {
			return []Vector{vector(v.Name, "open-message", false, in("sealed", v.Sealed.String()), nil)}
		}
		return []Vector{
			vector(v.Name, "open-message", true, in("sealed", v.Sealed.String()), map[string]string{"plaintext": v.Plaintext.String()}),
			vector(v.Name+", sealed", "seal-message", true, in("plaintext", v.Plaintext.String()), map[string]string{"sealed": v.Sealed.String()}),
		}
	})
}

func answerSeal(do string, in *inputs) Answer {
	switch do {
	case "encrypt-blocks":
		return encryptBlocks(in)
	case "hmac":
		mac := hmac.New(sha256.New, in.bytes("key"))
		mac.Write(in.bytes("data"))
		n := in.number("size")
		if n > sha256.Size {
			in.fail("size", "over a tag's")
			return Answer{}
		}
		return accepted(map[string]string{"tag": hexOf(mac.Sum(nil)[:n])})
	}
	keys := &seal.Keys{Enc: in.key("enc"), Mac: in.key("mac")}
	switch do {
	case "open-record", "seal-record":
		keys.IV = in.key("iv")
		generation, counter := in.number("generation"), in.number("counter")
		if do == "seal-record" {
			plain := in.bytes("plaintext")
			buf := append(make([]byte, 0, seal.SealedSize(len(plain))), plain...)
			return accepted(map[string]string{"sealed": hexOf(seal.NewSealer(keys).Seal(buf, generation, counter))})
		}
		plain, err := seal.NewOpener(keys).Open(in.bytes("sealed"), generation, counter)
		if err != nil {
			return refused(err)
		}
		return accepted(map[string]string{"plaintext": hexOf(plain)})
	case "seal-message":
		sealed := seal.NewState(keys).Seal(nil, in.sized("iv", seal.IVSize), in.bytes("ad"), in.bytes("plaintext"))
		return accepted(map[string]string{"sealed": hexOf(sealed)})
	case "open-message":
		plain, err := seal.NewState(keys).Open(nil, in.bytes("iv"), in.bytes("ad"), in.bytes("sealed"))
		if err != nil {
			return refused(err)
		}
		return accepted(map[string]string{"plaintext": hexOf(plain)})
	}
	return Answer{Unknown: true}
}

// encryptBlocks puts the product's own sealing to the published vectors: CBC
// as in messages, a single block as in the IV of a record.
func encryptBlocks(in *inputs) Answer {
	key, plain := in.key("key"), in.bytes("plaintext")
	if in.text("mode") == "ECB" {
		block, err := aes.NewCipher(key[:])
		if err != nil || len(plain) != aes.BlockSize {
			return Answer{Reason: "not one block"}
		}
		out := make([]byte, aes.BlockSize)
		block.Encrypt(out, plain)
		return accepted(map[string]string{"ciphertext": hexOf(out)})
	}
	sealed := seal.NewState(&seal.Keys{Enc: key}).Seal(nil, in.sized("iv", seal.IVSize), nil, plain)
	return accepted(map[string]string{"ciphertext": hexOf(sealed[:len(plain)])})
}
