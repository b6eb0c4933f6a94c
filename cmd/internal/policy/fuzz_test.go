package policy

import (
	"fmt"
	"go/ast"
	"os"
	"path/filepath"
	"regexp"
	"slices"
)

// decoder matches the names of functions that turn bytes into values.
var decoder = regexp.MustCompile(`^([Pp]arse|[Dd]ecode|[Rr]ead)[A-Z]`)

// unfuzzed lists decoders of bytes that no other program writes: the project's
// own vectors, read by its own checker.
var unfuzzed = []string{"cmd/internal/vectors"}

// machines lists what moves from state to state by what others send: the fuzz target that moves it, and the names by which
// it is moved, all of which the target reaches, so that they come in any order.
var machines = []struct {
	dir, target string
	moves       []string
}{
	{"discovery", "FuzzHeard", []string{"heard", "due", "sent", "failed"}},
	{"handshake", "FuzzOrder", []string{"WriteMessage1", "ReadMessage1", "WriteMessage2", "ReadMessage2", "WriteMessage3", "ReadMessage3"}},
	{"rooms", "FuzzCore", []string{
		"Step", "Loaded", "PeerUp", "PeerDown", "PeerMessage", "RunsIn", "PullIn", "PullEnd", "LiveDropped", "UserMessage", "UserEnd",
		"UserGone", "Persisted", "Found", "SharedIn", "Tick",
	}},
	{"rooms/client", "FuzzPeerSays", []string{"Send", "Tail", "Notices", "Members", "Invite", "Join"}},
	{"session", "FuzzSides", []string{"receive", "fill", "Open", "TrySend", "take", "CloseSend", "Reset"}},
}

// A function is what one name of a package stands for: methods of one name are taken together.
type function struct {
	at    string
	uses  []string
	bytes bool // decodes a byte string, by its parameters
}

// A callGraph is who names whom in each folder, and the fuzz targets there.
type callGraph struct {
	packages map[string]map[string]*function
	targets  map[string][]string
}

func graphOf(tr *tree) *callGraph {
	g := &callGraph{map[string]map[string]*function{}, map[string][]string{}}
	for _, f := range tr.files {
		if g.packages[f.dir] == nil {
			g.packages[f.dir] = map[string]*function{}
		}
		for _, d := range f.ast.Decls {
			fn, ok := d.(*ast.FuncDecl)
			if !ok || fn.Body == nil {
				continue
			}
			name := fn.Name.Name
			got := g.packages[f.dir][name]
			if got == nil {
				got = &function{at: f.at(fn)}
				g.packages[f.dir][name] = got
			}
			got.bytes = got.bytes || !f.test && takesBytes(fn)
			ast.Inspect(fn.Body, func(n ast.Node) bool {
				if id, ok := n.(*ast.Ident); ok {
					got.uses = append(got.uses, id.Name)
				}
				return true
			})
			if f.test && isFuzz(fn) {
				g.targets[f.dir] = append(g.targets[f.dir], name)
			}
		}
	}
	return g
}

// reached are the names that some functions of a folder use, and what these use in turn.
func (g *callGraph) reached(dir string, from ...string) map[string]bool {
	all := map[string]bool{}
	for queue := slices.Clone(from); len(queue) > 0; {
		name := queue[0]
		queue = queue[1:]
		if all[name] {
			continue
		}
		all[name] = true
		if fn := g.packages[dir][name]; fn != nil {
			queue = append(queue, fn.uses...)
		}
	}
	return all
}

// decoders finds functions that decode a byte string and are not reached from
// any fuzz target of their package. What a target reaches is followed by name,
// through the package's own functions.
func decoders(tr *tree) (broken []string) {
	g := graphOf(tr)
	for dir, all := range g.packages {
		reached := g.reached(dir, g.targets[dir]...)
		for name, fn := range all {
			if fn.bytes && decoder.MatchString(name) && !reached[name] && !below(dir, unfuzzed...) {
				broken = append(broken, fmt.Sprintf("%s: %s decodes bytes, and no fuzz target of the package reaches it", fn.at, name))
			}
		}
	}
	slices.Sort(broken)
	return broken
}

// stateMachines finds those of the list whose fuzz target is not there, or does not move them in all ways.
func stateMachines(tr *tree) (broken []string) {
	g := graphOf(tr)
	for _, m := range machines {
		if g.packages[m.dir] == nil {
			continue
		}
		if !slices.Contains(g.targets[m.dir], m.target) {
			broken = append(broken, fmt.Sprintf("%s: there is no %s, which moves the state machine", m.dir, m.target))
			continue
		}
		reached := g.reached(m.dir, m.target)
		if lacks := slices.DeleteFunc(slices.Clone(m.moves), func(name string) bool { return reached[name] }); len(lacks) > 0 {
			broken = append(broken, fmt.Sprintf("%s: %s does not reach %v", m.dir, m.target, lacks))
		}
	}
	return broken
}

func isFuzz(fn *ast.FuncDecl) bool {
	name := fn.Name.Name
	return fn.Recv == nil && len(name) > 4 && name[:4] == "Fuzz" && name[4] >= 'A' && name[4] <= 'Z'
}

// takesBytes tells whether a function has a parameter of type []byte.
func takesBytes(fn *ast.FuncDecl) bool {
	return slices.ContainsFunc(fn.Type.Params.List, func(p *ast.Field) bool {
		list, ok := p.Type.(*ast.ArrayType)
		if !ok || list.Len != nil {
			return false
		}
		elem, ok := list.Elt.(*ast.Ident)
		return ok && elem.Name == "byte"
	})
}

// corpora finds fuzz targets without a seed in their package's testdata/fuzz.
func corpora(tr *tree) (broken []string) {
	for _, f := range tr.files {
		for _, d := range f.ast.Decls {
			fn, ok := d.(*ast.FuncDecl)
			if !ok || !f.test || !isFuzz(fn) {
				continue
			}
			dir := filepath.Join(tr.root, filepath.FromSlash(f.dir), "testdata", "fuzz", fn.Name.Name)
			if seeds, err := os.ReadDir(dir); err != nil || len(seeds) == 0 {
				broken = append(broken, fmt.Sprintf("%s: %s has no seed in testdata/fuzz/%s", f.at(fn), fn.Name.Name, fn.Name.Name))
			}
		}
	}
	return broken
}
