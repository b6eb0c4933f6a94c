//go:build interop

package interop

import (
	"bufio"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"path/filepath"
	"strconv"
	"strings"
	"testing"

	"parley/cmd/internal/e2e"
	"parley/handshake/identity"
	"parley/rooms"
	"parley/wire"
)

// each is how many records of a family both implementations decide.
const each = 600

// A decision is a line of testdata/nodeclient/differ.mjs.
type decision struct {
	Family   string `json:"family"`
	Input    string `json:"input"` // hex, or a link's text
	Accepted bool   `json:"accepted"`
	ID       string `json:"id"` // what names the record, in hex
}

// deciders parse a record and return what names it.
var deciders = map[string]func(raw []byte) (id []byte, err error){
	"bundles": func(raw []byte) ([]byte, error) {
		b, err := identity.ParseBundle(raw)
		if err != nil {
			return nil, err
		}
		id := b.ID()
		return id[:], nil
	},
	"entries": func(raw []byte) ([]byte, error) {
		e, err := rooms.ParseEntry(raw)
		if err != nil {
			return nil, err
		}
		return e.ID[:], nil
	},
	"runs": func(raw []byte) ([]byte, error) {
		r, err := rooms.ParseRun(raw)
		if err != nil {
			return nil, err
		}
		return r.Hash[:], r.Verify()
	},
	"proofs": func(raw []byte) ([]byte, error) {
		p, err := rooms.ParseProof(raw)
		if err != nil {
			return nil, err
		}
		return p.ID[:], nil
	},
	"boxes": func(raw []byte) ([]byte, error) {
		b, err := rooms.ParseBox(raw)
		if err != nil {
			return nil, err
		}
		return b.ID[:], nil
	},
	"delegations": func(raw []byte) ([]byte, error) {
		d, err := rooms.ParseDelegation(raw)
		if err != nil {
			return nil, err
		}
		return d.Hash[:], nil
	},
	"links": func(text []byte) ([]byte, error) {
		l, err := rooms.ParseLink(string(text))
		if err != nil {
			return nil, err
		}
		return l.Secret[:], nil
	},
	"bodies": func(raw []byte) ([]byte, error) {
		_, err := wire.DecodeBody(wire.Type(raw[0])<<8|wire.Type(raw[1]), raw[2:])
		return nil, err
	},
}

func TestBothImplementationsDecideAlikeAtTheEdgeOfTheRules(t *testing.T) {
	dir := client(t)
	r := e2e.Loopback(t, "node").Run("", "node", filepath.Join(dir, "differ.mjs"), "1", strconv.Itoa(each))
	if r.Code != 0 {
		t.Fatalf("differ.mjs: exit code %d: %s", r.Code, r.Err)
	}
	accepted, refused := make(map[string]int), make(map[string]int)
	lines := bufio.NewScanner(strings.NewReader(r.Out))
	lines.Buffer(nil, 8<<20)
	for lines.Scan() {
		var d decision
		if err := json.Unmarshal(lines.Bytes(), &d); err != nil {
			t.Fatal(err)
		}
		if err := alike(d); err != nil {
			t.Errorf("%s: %v\n%s", d.Family, err, d.Input)
		}
		if d.Accepted {
			accepted[d.Family]++
		} else {
			refused[d.Family]++
		}
	}
	if err := lines.Err(); err != nil {
		t.Fatal(err)
	}
	for family := range deciders {
		if a, b := accepted[family], refused[family]; a < each/10 || b < each/10 || a+b != each {
			t.Errorf("%s: %d were accepted and %d refused of %d: this compares too little", family, a, b, each)
		}
	}
}

// alike returns how the Go side decides otherwise, if it does.
func alike(d decision) error {
	decide := deciders[d.Family]
	if decide == nil {
		return fmt.Errorf("a family that is not known here")
	}
	raw := []byte(d.Input)
	if d.Family != "links" {
		var err error
		if raw, err = hex.DecodeString(d.Input); err != nil {
			return err
		}
	}
	id, err := decide(raw)
	switch {
	case err != nil && d.Accepted:
		return fmt.Errorf("Node accepts what Go refuses: %w", err)
	case err == nil && !d.Accepted:
		return fmt.Errorf("Node refuses what Go accepts")
	case err == nil && hex.EncodeToString(id) != d.ID:
		return fmt.Errorf("Node names it %s, Go %x", d.ID, id)
	}
	return nil
}
