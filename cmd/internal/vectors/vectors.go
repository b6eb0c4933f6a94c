package vectors

import (
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
)

// A Question is what a program is asked of one vector.
type Question struct {
	ID     int            `json:"id"`
	Family string         `json:"family"` // path of the file below testdata, without .json
	Do     string         `json:"do"`
	In     map[string]any `json:"in"` // string or []string
}

// An Answer is what a program says to a question.
type Answer struct {
	ID       int               `json:"id"`
	Accepted bool              `json:"accepted"`
	Out      map[string]string `json:"out,omitempty"`
	Reason   string            `json:"reason,omitempty"`
	Unknown  bool              `json:"unknown,omitempty"`
}

// A Vector is a question and the answer that the family's file gives.
type Vector struct {
	Name string
	Question
	Want Answer
}

// A family reads one file and knows how this implementation answers for it.
type family struct {
	proves string
	read   func(raw []byte, dir string) ([]Vector, error) // dir is testdata
	answer func(do string, in *inputs) Answer
}

// families are all that have a checker.
func families() map[string]family {
	all := map[string]family{}
	for _, group := range []map[string]family{
		sealFamilies(), identityFamilies(), frameFamilies(), handshakeFamilies(), sessionFamilies(), roomFamilies(), beaconFamilies(),
	} {
		for name, f := range group {
			all[name] = f
		}
	}
	return all
}

// Families lists the families with what each proves.
func Families() map[string]string {
	out := map[string]string{}
	for name, f := range families() {
		out[name] = f.proves
	}
	return out
}

// ErrFamily means that files and checkers do not go together.
var ErrFamily = errors.New("vectors: a family without a checker, or a checker without its family")

// Load reads every family below dir whose name contains one of the words, all
// without words. It fails for a file that has no checker, and, when all are
// read, for a checker that has no file; what could be read is returned.
func Load(dir string, words ...string) ([]Vector, error) {
	known := families()
	var all []Vector
	var errs []error
	err := filepath.WalkDir(dir, func(path string, d fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		if d.IsDir() && isProgram(path) {
			return fs.SkipDir
		}
		name, isJSON := strings.CutSuffix(filepath.ToSlash(path), ".json")
		if d.IsDir() || !isJSON {
			return nil
		}
		name = strings.TrimPrefix(strings.TrimPrefix(name, filepath.ToSlash(dir)), "/")
		if !wanted(name, words) {
			return nil
		}
		f, ok := known[name]
		if !ok {
			errs = append(errs, fmt.Errorf("%w: %s", ErrFamily, name))
			return nil
		}
		delete(known, name)
		raw, err := os.ReadFile(path)
		if err != nil {
			return err
		}
		list, err := f.read(raw, dir)
		if err == nil && len(list) == 0 {
			err = errors.New("it is empty")
		}
		if err != nil {
			errs = append(errs, fmt.Errorf("vectors: %s: %w", path, err))
		}
		for i := range list {
			list[i].Family = name
		}
		all = append(all, list...)
		return nil
	})
	if err != nil {
		return nil, err
	}
	for name := range known {
		if wanted(name, words) {
			errs = append(errs, fmt.Errorf("%w: %s/%s.json is not there", ErrFamily, dir, name))
		}
	}
	for i := range all {
		all[i].ID = i + 1
		all[i].Want.ID = i + 1
	}
	return all, errors.Join(errs...)
}

// isProgram tells of a folder that is another implementation's, not families.
func isProgram(dir string) bool {
	_, err := os.Stat(filepath.Join(dir, "package.json"))
	return err == nil
}

func wanted(name string, words []string) bool {
	return len(words) == 0 || slices.ContainsFunc(words, func(w string) bool { return strings.Contains(name, w) })
}

// Ask is this implementation's answer to a question.
func Ask(q Question) Answer {
	f, ok := families()[q.Family]
	if !ok {
		return Answer{ID: q.ID, Unknown: true}
	}
	in := &inputs{values: q.In}
	a := f.answer(q.Do, in)
	if in.err != nil {
		a = Answer{Reason: in.err.Error()}
	}
	a.ID = q.ID
	return a
}

// Differs says how an answer is not what the vector wants; empty: it is.
// Reasons of refusal are compared only for this implementation's own answers,
// whose words they are: own.
func (v *Vector) Differs(a Answer, own bool) string {
	switch {
	case a.ID != v.ID:
		return fmt.Sprintf("the answer is to question %d, not %d", a.ID, v.ID)
	case a.Unknown:
		return "the program does not know this family"
	case a.Accepted != v.Want.Accepted:
		return fmt.Sprintf("accepted is %v, not %v (%s)", a.Accepted, v.Want.Accepted, a.Reason)
	case own && v.Want.Reason != "" && a.Reason != v.Want.Reason:
		return fmt.Sprintf("refused for %q, not %q", a.Reason, v.Want.Reason)
	}
	var keys []string
	for key := range v.Want.Out {
		keys = append(keys, key)
	}
	slices.Sort(keys)
	for _, key := range keys {
		if !own && strings.HasPrefix(key, "reason-") {
			continue
		}
		if got, ok := a.Out[key]; !ok || got != v.Want.Out[key] {
			return fmt.Sprintf("%s is %q, not %q", key, shorten(got), shorten(v.Want.Out[key]))
		}
	}
	return ""
}

func shorten(s string) string {
	if len(s) > 200 {
		return s[:200] + "…"
	}
	return s
}

// inputs are a question's values; the first one that is missing or malformed sticks.
type inputs struct {
	values map[string]any
	err    error
}

func (in *inputs) fail(key, why string) {
	if in.err == nil {
		in.err = fmt.Errorf("input %q: %s", key, why)
	}
}

func (in *inputs) text(key string) string {
	s, ok := in.values[key].(string)
	if !ok {
		in.fail(key, "is no string")
	}
	return s
}

func (in *inputs) bytes(key string) []byte {
	b, err := hex.DecodeString(in.text(key))
	if err != nil {
		in.fail(key, err.Error())
	}
	return b
}

func (in *inputs) sized(key string, n int) []byte {
	b := in.bytes(key)
	if len(b) != n {
		in.fail(key, fmt.Sprintf("%d bytes, not %d", len(b), n))
		return make([]byte, n)
	}
	return b
}

func (in *inputs) key(key string) [32]byte { return [32]byte(in.sized(key, 32)) }

func (in *inputs) number(key string) uint64 {
	n, err := strconv.ParseUint(in.text(key), 10, 64)
	if err != nil {
		in.fail(key, err.Error())
	}
	return n
}

func (in *inputs) has(key string) bool { return in.values[key] != nil }

func (in *inputs) texts(key string) (out []string) {
	switch list := in.values[key].(type) {
	case []string:
		return list
	case []any:
		for _, v := range list {
			s, ok := v.(string)
			if !ok {
				in.fail(key, "is no list of strings")
			}
			out = append(out, s)
		}
	default:
		in.fail(key, "is no list")
	}
	return out
}

func (in *inputs) list(key string) (out [][]byte) {
	for _, s := range in.texts(key) {
		b, err := hex.DecodeString(s)
		if err != nil {
			in.fail(key, err.Error())
		}
		out = append(out, b)
	}
	return out
}

// hexBytes is a byte string in a vector's file.
type hexBytes []byte

func (h *hexBytes) UnmarshalText(text []byte) (err error) {
	*h, err = hex.DecodeString(string(text))
	return err
}

func (h hexBytes) String() string { return hex.EncodeToString(h) }

func hexOf(b []byte) string { return hex.EncodeToString(b) }

func hexList(list []hexBytes) []string {
	out := []string{}
	for _, b := range list {
		out = append(out, b.String())
	}
	return out
}

func decimal(n uint64) string { return strconv.FormatUint(n, 10) }

// vector makes a vector of a file's values.
func vector(name, do string, accepted bool, in map[string]any, out map[string]string) Vector {
	return Vector{Name: name, Question: Question{Do: do, In: in}, Want: Answer{Accepted: accepted, Out: out}}
}

// alone is a reader that needs no other family's file.
func alone(read func(raw []byte) ([]Vector, error)) func([]byte, string) ([]Vector, error) {
	return func(raw []byte, _ string) ([]Vector, error) { return read(raw) }
}

// each reads a file that is a list and makes vectors of its elements.
func each[T any](raw []byte, f func(T) []Vector) ([]Vector, error) {
	var list []T
	if err := json.Unmarshal(raw, &list); err != nil {
		return nil, err
	}
	var all []Vector
	for _, v := range list {
		all = append(all, f(v)...)
	}
	return all, nil
}

func accepted(out map[string]string) Answer { return Answer{Accepted: true, Out: out} }

func refused(err error) Answer { return Answer{Reason: err.Error()} }
