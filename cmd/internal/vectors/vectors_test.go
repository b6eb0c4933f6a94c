package vectors

import (
	"bytes"
	"encoding/hex"
	"encoding/json"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

const testdata = "../../../testdata"

func load(t *testing.T, words ...string) []Vector {
	t.Helper()
	all, err := Load(testdata, words...)
	if err != nil {
		t.Fatal(err)
	}
	return all
}

// crossed is a question as a program gets it.
func crossed(t *testing.T, q Question) Question {
	t.Helper()
	text, err := json.Marshal(q)
	if err != nil {
		t.Fatal(err)
	}
	var again Question
	if err := json.Unmarshal(text, &again); err != nil {
		t.Fatal(err)
	}
	return again
}

func TestEveryVectorOfTheRepositoryIsAnsweredAsItSays(t *testing.T) {
	yes, no := map[string]int{}, map[string]int{}
	for _, v := range load(t) {
		if problem := v.Differs(Ask(crossed(t, v.Question)), true); problem != "" {
			t.Errorf("%s: %s: %s", v.Family, v.Name, problem)
		}
		if v.Want.Accepted {
			yes[v.Family]++
		} else {
			no[v.Family]++
		}
	}
	// What proves that something holds, and nothing else.
	onlyGood := []string{"seal/published-aes256", "seal/published-hmac-sha256", "identity/keys", "handshake/complete", "rooms/validity", "rooms/authority"}
	for name := range Families() {
		good := strings.Contains(strings.Join(onlyGood, " "), name)
		if name != "handshake/refused" && yes[name] == 0 || !good && no[name] == 0 {
			t.Errorf("%s: %d accepted and %d refused: a half is missing", name, yes[name], no[name])
		}
	}
}

// A question must depend on each of its inputs, or the vector proves nothing of it.
func TestAnAlteredVectorIsNotAnsweredAsTheVectorSays(t *testing.T) {
	for _, v := range load(t, "seal/", "identity/bundles", "identity/keys", "handshake/complete", "beacons", "session/wire") {
		for key, value := range v.In {
			text, ok := value.(string)
			raw, err := hex.DecodeString(text)
			if !ok || err != nil || len(raw) < 16 || !v.Want.Accepted || unused(v, key) {
				continue
			}
			altered := crossed(t, v.Question)
			raw[0] ^= 8
			altered.In[key] = hex.EncodeToString(raw)
			if v.Differs(Ask(altered), true) == "" {
				t.Errorf("%s: %s: another %s makes no difference", v.Family, v.Name, key)
			}
		}
	}
}

// unused tells of an input on which the answer does not depend.
func unused(v Vector, key string) bool {
	switch key {
	case "mlkem_random": // for whoever can give it to its ML-KEM; here its outcome is used
		return true
	case "bundle": // a user that proves itself by token shows none
		return v.In["token_id"] != nil && v.Do == "initiate"
	case "next": // without a rekeying
		return !strings.HasPrefix(v.Name, "rekeyed")
	}
	return false
}

func copyFamilies(t *testing.T) string {
	t.Helper()
	dir := t.TempDir()
	if err := os.CopyFS(dir, os.DirFS(testdata)); err != nil {
		t.Fatal(err)
	}
	return dir
}

func TestAFamilyWithoutACheckerFails(t *testing.T) {
	dir := copyFamilies(t)
	if err := os.WriteFile(filepath.Join(dir, "rooms", "histories.json"), []byte("[]"), 0o644); err != nil {
		t.Fatal(err)
	}
	if _, err := Load(dir); !errors.Is(err, ErrFamily) || !strings.Contains(err.Error(), "rooms/histories") {
		t.Errorf("loading gives %v", err)
	}
}

func TestACheckerWhoseFamilyIsGoneFails(t *testing.T) {
	dir := copyFamilies(t)
	if err := os.Remove(filepath.Join(dir, "beacons", "beacons.json")); err != nil {
		t.Fatal(err)
	}
	if _, err := Load(dir); !errors.Is(err, ErrFamily) || !strings.Contains(err.Error(), "beacons/beacons") {
		t.Errorf("loading gives %v", err)
	}
}

func TestAnEmptyFamilyFails(t *testing.T) {
	dir := copyFamilies(t)
	if err := os.WriteFile(filepath.Join(dir, "seal", "records.json"), []byte("[]"), 0o644); err != nil {
		t.Fatal(err)
	}
	if _, err := Load(dir); err == nil || !strings.Contains(err.Error(), "empty") {
		t.Errorf("loading gives %v", err)
	}
}

func TestServeAnswersLineByLineAndSaysWhatItDoesNotKnow(t *testing.T) {
	var out bytes.Buffer
	in := `{"id":7,"family":"seal/published-hmac-sha256","do":"hmac","in":{"key":"0b","data":"00","size":"4"}}
{"id":8,"family":"of/another","do":"x","in":{}}
{"id":9,"family":"seal/records","do":"open-record","in":{"enc":"zz"}}
`
	if err := Serve(strings.NewReader(in), &out); err != nil {
		t.Fatal(err)
	}
	var got []Answer
	for line := range strings.Lines(out.String()) {
		var a Answer
		if err := json.Unmarshal([]byte(line), &a); err != nil {
			t.Fatal(err)
		}
		got = append(got, a)
	}
	if len(got) != 3 || got[0].ID != 7 || len(got[0].Out["tag"]) != 8 || !got[1].Unknown || got[2].Accepted || !strings.Contains(got[2].Reason, "enc") {
		t.Errorf("answered %+v", got)
	}
}

func TestTheReadmeOfTheVectorsNamesEveryFamilyAndQuestion(t *testing.T) {
	text, err := os.ReadFile(filepath.Join(testdata, "README.md"))
	if err != nil {
		t.Fatal(err)
	}
	asked := map[string]bool{}
	for _, v := range load(t) {
		asked[v.Family+"` `"+v.Do] = true
		for key := range v.In {
			if !strings.Contains(string(text), "`"+key+"`") {
				t.Errorf("README.md does not say what the input %s of %s is", key, v.Do)
			}
		}
	}
	for name := range asked {
		if !strings.Contains(string(text), "`"+name+"`") {
			t.Errorf("README.md does not name `%s`", name)
		}
	}
}
