package wire

import (
	"encoding/hex"
	"encoding/json"
	"errors"
	"flag"
	"os"
	"path/filepath"
	"reflect"
	"testing"
)

var update = flag.Bool("update", false, "write the vectors anew")

// A frameVector is one body: what it proves, and whether it is accepted.
type frameVector struct {
	Name  string `json:"name"`
	Type  Type   `json:"type"`
	Body  string `json:"body"`
	Error string `json:"error,omitempty"` // "canonical", "bound" or "unknown": why it is refused
}

const vectorFile = "../testdata/frames/bodies.json"

// vectors makes the family: each type with empty and with filled fields, then
// the forms that must be refused.
func vectors(t *testing.T) []frameVector {
	var all []frameVector
	body := func(m Message) string {
		b, err := AppendBody(nil, m)
		if err != nil {
			t.Fatal(err)
		}
		return hex.EncodeToString(b)
	}
	for _, row := range Rows() {
		all = append(all, frameVector{Name: row.Name + "-zero", Type: row.Type, Body: body(row.New())})
		m, n := row.New(), uint64(0)
		fill(reflect.ValueOf(m), &n)
		all = append(all, frameVector{Name: row.Name + "-filled", Type: row.Type, Body: body(m)})
	}
	id := "c420" + hex.EncodeToString(make([]byte, IDSize))
	refused := func(name string, typ Type, why, body string) {
		all = append(all, frameVector{Name: name, Type: typ, Body: body, Error: why})
	}
	refused("number-in-a-longer-form", TypeState, "canonical", "92cc01c400")
	refused("number-as-uint64", TypeState, "canonical", "92cf0000000000000001c400")
	refused("negative-number", TypeState, "canonical", "92ffc400")
	refused("float", TypeState, "canonical", "92ca3f800000c400")
	refused("nil-for-bytes", TypeState, "canonical", "9201c0")
	refused("text-for-bytes", TypeState, "canonical", "9201a161")
	refused("bin16-for-a-short-string", TypeState, "canonical", "9201c50000")
	refused("array16-for-a-short-array", TypeState, "canonical", "dc000201c400")
	refused("map-for-an-array", TypeState, "canonical", "8201c400")
	refused("extension", TypeState, "canonical", "9201d40100")
	refused("one-field-too-few", TypeState, "canonical", "9101")
	refused("one-field-too-many", TypeState, "canonical", "9301c40001")
	refused("bytes-after-the-body", TypeState, "canonical", "9201c40000")
	refused("cut-in-a-length", TypeState, "canonical", "9201c5")
	refused("length-beyond-the-body", TypeState, "canonical", "9201c6ffffffff")
	refused("array-of-four-billion", TypeInStep, "canonical", "91ddffffffff")
	refused("invalid-utf8", TypeSubmit, "canonical", "96"+id+"c400c40091a1ff9090")
	refused("id-of-31-bytes", TypeRoomsGet, "canonical", "91c41f"+hex.EncodeToString(make([]byte, 31)))
	refused("nested-too-deep", TypeInStep, "canonical", "91919191919191919100")
	refused("body-over-its-bound", TypeDone, "bound", hex.EncodeToString(make([]byte, boundTiny+1)))
	refused("unknown-type", 0x3fff, "unknown", "90")
	return all
}

func TestVectorsOfBodiesAreAcceptedAndRefusedAsTheySay(t *testing.T) {
	if *update {
		out, err := json.MarshalIndent(vectors(t), "", " ")
		if err != nil {
			t.Fatal(err)
		}
		if err := os.MkdirAll(filepath.Dir(vectorFile), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(vectorFile, append(out, '\n'), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	raw, err := os.ReadFile(vectorFile)
	if err != nil {
		t.Fatal(err)
	}
	var family []frameVector
	if err := json.Unmarshal(raw, &family); err != nil {
		t.Fatal(err)
	}
	good := map[Type]int{}
	bad := 0
	for _, v := range family {
		t.Run(v.Name, func(t *testing.T) {
			body, err := hex.DecodeString(v.Body)
			if err != nil {
				t.Fatal(err)
			}
			m, err := DecodeBody(v.Type, body)
			if v.Error != "" {
				bad++
				if err == nil {
					t.Fatalf("accepted as %+v", m)
				}
				if (v.Error == "canonical") != errors.Is(err, ErrCanonical) {
					t.Fatalf("refused with %q, not as %s", err, v.Error)
				}
				return
			}
			if err != nil {
				t.Fatal(err)
			}
			good[v.Type]++
			again, err := AppendBody(nil, m)
			if err != nil || string(again) != string(body) {
				t.Fatalf("encodes to %x (%v)", again, err)
			}
		})
	}
	for _, row := range Rows() {
		if good[row.Type] < 2 {
			t.Errorf("%s has %d vectors; go test ./wire -update", row.Name, good[row.Type])
		}
	}
	if bad == 0 {
		t.Error("the family has no refused body")
	}
}

func FuzzDecodeBody(f *testing.F) {
	for _, row := range Rows() {
		m, n := row.New(), uint64(0)
		fill(reflect.ValueOf(m), &n)
		body, err := AppendBody(nil, m)
		if err != nil {
			f.Fatal(err)
		}
		f.Add(uint16(row.Type), body)
	}
	f.Fuzz(func(t *testing.T, typ uint16, body []byte) {
		m, err := DecodeBody(Type(typ), body)
		if err != nil {
			return
		}
		again, err := AppendBody(nil, m)
		if err != nil || string(again) != string(body) {
			t.Fatalf("accepted %x, encodes to %x (%v)", body, again, err)
		}
	})
}

func FuzzCheckCanonical(f *testing.F) {
	f.Add([]byte{0x93, 1, 0xc4, 2, 3, 4, 0xa1, 'a'})
	f.Add([]byte{0xdd, 0xff, 0xff, 0xff, 0xff})
	f.Fuzz(func(t *testing.T, b []byte) {
		if CheckCanonical(b, MaxDepth) != nil {
			return
		}
		for i := range b {
			if CheckCanonical(b[:i], MaxDepth) == nil {
				t.Fatalf("%x and its prefix of %d bytes are both accepted", b, i)
			}
		}
	})
}
