package session

import (
	"bytes"
	"context"
	"encoding/hex"
	"encoding/json"
	"errors"
	"flag"
	"io"
	"maps"
	"net"
	"os"
	"path/filepath"
	"slices"
	"testing"

	"parley/wire"
	"parley/wire/seal"
)

var update = flag.Bool("update", false, "write the vectors anew")

const vectorDir = "../testdata/session"

type hexBytes []byte

func (h hexBytes) MarshalText() ([]byte, error) { return []byte(hex.EncodeToString(h)), nil }

func (h *hexBytes) UnmarshalText(text []byte) error {
	b, err := hex.DecodeString(string(text))
	*h = b
	return err
}

func load(t *testing.T, file string, family any) {
	t.Helper()
	text, err := os.ReadFile(filepath.Join(vectorDir, file))
	if err == nil {
		err = json.Unmarshal(text, family)
	}
	if err != nil {
		t.Fatal(err)
	}
}

func save(t *testing.T, file string, family any) {
	t.Helper()
	text, err := json.MarshalIndent(family, "", " ")
	if err == nil {
		err = os.MkdirAll(vectorDir, 0o755)
	}
	if err == nil {
		err = os.WriteFile(filepath.Join(vectorDir, file), append(text, '\n'), 0o644)
	}
	if err != nil {
		t.Fatal(err)
	}
}

// A wireVector is one direction of a connection, byte for byte: its keys, the
// plaintext of each record (an empty one rekeys), and all that is on the wire.
type wireVector struct {
	Name               string
	Enc, Mac, IV, Next hexBytes
	Plaintexts         []hexBytes
	Wire               hexBytes
	Refused            bool `json:",omitempty"` // behind the plaintexts
}

func (v *wireVector) keys() *seal.Keys {
	return &seal.Keys{Enc: [32]byte(v.Enc), Mac: [32]byte(v.Mac), IV: [32]byte(v.IV)}
}

// seal makes the wire bytes as the specification says, record by record.
func (v *wireVector) seal() []byte {
	h := sendHalf{sealer: seal.NewSealer(v.keys()), chain: chain(v.Next)}
	var out []byte
	for _, p := range v.Plaintexts {
		buf := make([]byte, headerSize+seal.SealedSize(len(p)))
		copy(buf[headerSize:], p)
		out = append(out, h.seal(buf, len(p))...)
		if len(p) == 0 {
			h.sealer = seal.NewSealer(h.chain.advance())
			h.used.next()
		}
	}
	return out
}

func wireVectors(t *testing.T) []wireVector {
	keys, next := keysOf("I")
	direction := func(name string, plaintexts ...[]byte) wireVector {
		v := wireVector{Name: name, Enc: keys.Enc[:], Mac: keys.Mac[:], IV: keys.IV[:], Next: next[:]}
		for _, p := range plaintexts {
			v.Plaintexts = append(v.Plaintexts, p)
		}
		v.Wire = v.seal()
		return v
	}
	hello := frame(t, 0, &wire.Hello{Role: wire.RolePeer, Software: "vector/1", Port: 19946})
	big, err := wire.AppendBody(nil, push(2, 900))
	if err != nil {
		t.Fatal(err)
	}
	first, rest := raw(wire.TypePush, theirs(Bulk, 0), big[:300], uint64(len(big))), later(theirs(Bulk, 0), big[300:])
	live := frame(t, theirs(Live, 0), push(1, 20))
	refused := func(v wireVector, change func(*wireVector)) wireVector {
		change(&v)
		v.Refused = true
		return v
	}
	one := direction("", hello)
	n := len(one.Wire)
	return []wireVector{
		direction("hello-and-close", hello, frame(t, 0, &wire.Close{Code: wire.CodeShutdown, Text: "good night"})),
		direction("two-frames-in-a-record", hello, append(bytes.Clone(live), live...)),
		direction("a-live-frame-between-the-parts-of-a-bulk-frame", hello, append(bytes.Clone(first), live...), rest),
		direction("rekeyed-twice", hello, nil, live, nil, live),
		refused(direction("replayed-record", hello), func(v *wireVector) { v.Wire = append(v.Wire, v.Wire...) }),
		refused(direction("records-in-another-order", hello, live), func(v *wireVector) {
			v.Wire = append(v.Wire[n:], v.Wire[:n]...)
			v.Plaintexts = nil
		}),
		refused(direction("altered-length", hello), func(v *wireVector) { v.Wire[3] -= 16; v.Plaintexts = nil }),
		refused(direction("length-over-the-bound", hello), func(v *wireVector) { v.Wire = append(v.Wire, 0, 1, 0, 0) }),
		refused(direction("length-of-zero", hello), func(v *wireVector) { v.Wire = append(v.Wire, 0, 0, 0, 0) }),
		refused(direction("rekeyed-with-nothing-sealed", hello, nil, nil), func(v *wireVector) { v.Plaintexts = v.Plaintexts[:1] }),
		refused(direction("old-keys-behind-a-rekeying", hello, nil), func(v *wireVector) {
			old := wireVector{Enc: v.Enc, Mac: v.Mac, IV: v.IV, Next: v.Next, Plaintexts: []hexBytes{hello, hello, hello}}
			v.Wire = append(v.Wire, old.seal()[2*n:]...)
			v.Plaintexts = v.Plaintexts[:1]
		}),
	}
}

func TestVectorsOfTheWire(t *testing.T) {
	const file = "wire.json"
	if *update {
		save(t, file, wireVectors(t))
	}
	var family []wireVector
	load(t, file, &family)
	bad := 0
	for _, v := range family {
		t.Run(v.Name, func(t *testing.T) {
			_, r := results(t)
			r.Recv, r.RecvNext = *v.keys(), [32]byte(v.Next)
			a, b := net.Pipe()
			go func() {
				_, _ = a.Write(v.Wire)
				a.Close()
			}()
			defer b.Close()
			got, err := io.ReadAll(NewConn(b, r))
			if want := bytes.Join(plain(v.Plaintexts), nil); !bytes.Equal(got, want) {
				t.Errorf("read %x", got)
			}
			if v.Refused {
				bad++
				var werr *wire.Error
				if !errors.As(err, &werr) {
					t.Errorf("ends with %v", err)
				}
				return
			}
			if err != nil || !bytes.Equal(v.seal(), v.Wire) {
				t.Errorf("not what our own sealing makes, or %v", err)
			}
		})
	}
	if bad == 0 || bad == len(family) {
		t.Errorf("%d of %d vectors are refused", bad, len(family))
	}
}

func plain(list []hexBytes) [][]byte {
	out := make([][]byte, len(list))
	for i := range list {
		out[i] = list[i]
	}
	return out
}

// A frameVector is what a peer that dialled sends to a peer: the plaintexts of
// its records, its Hello first. Code is what it is told in answer; 0: nothing is wrong.
type frameVector struct {
	Name    string
	Records []hexBytes
	Code    wire.Code `json:",omitempty"`
}

func frameVectors(t *testing.T) (all []frameVector) {
	add := func(name string, code wire.Code, records ...[]byte) {
		v := frameVector{Name: name, Code: code}
		for _, rec := range records {
			if rec != nil {
				v.Records = append(v.Records, rec)
			}
		}
		all = append(all, v)
	}
	hello := frame(t, 0, &wire.Hello{Role: wire.RolePeer})
	legal := legalFrames(t)
	for _, name := range slices.Sorted(maps.Keys(legal)) {
		add(name, 0, append([][]byte{hello}, legal[name]...)...)
	}
	hostile := hostileFrames(t)
	for _, name := range slices.Sorted(maps.Keys(hostile)) {
		c := hostile[name]
		add(name, c.code, append([][]byte{c.hello}, c.records...)...)
	}
	return all
}

func TestVectorsOfFrames(t *testing.T) {
	const file = "frames.json"
	if *update {
		save(t, file, frameVectors(t))
	}
	var family []frameVector
	load(t, file, &family)
	bad := 0
	for _, v := range family {
		t.Run(v.Name, func(t *testing.T) {
			_, hr := results(t)
			a, b := net.Pipe()
			defer a.Close()
			s := newSession(b, hr, Config{Hello: wire.Hello{Role: wire.RolePeer}})
			s.over = true // nothing is written
			var err error
			for _, rec := range v.Records {
				s.mu.Lock()
				if err == nil {
					err = s.receive(rec)
				}
				s.mu.Unlock()
			}
			for s.accepts.len() > 0 && err == nil { // what a reader finds
				st := s.accepts.pop()
				for st.inbox.len() > 0 && err == nil {
					_, err = st.Recv(context.Background())
				}
			}
			var werr *wire.Error
			if v.Code == 0 && err != nil || v.Code != 0 && (!errors.As(err, &werr) || werr.Code != v.Code) {
				t.Errorf("ends with %v, not %v", err, v.Code)
			}
			if v.Code != 0 {
				bad++
			}
		})
	}
	if bad == 0 || bad == len(family) {
		t.Errorf("%d of %d vectors are refused", bad, len(family))
	}
}
