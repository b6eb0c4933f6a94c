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

// decoders finds functions that decode a byte string and are not reached from
// any fuzz target of their package. What a target reaches is followed by name,
// through the package's own functions.
func decoders(tr *tree) (broken []string) {
	type function struct {
		at    string
		uses  []string
		bytes bool
	}
	packages := map[string]map[string]*function{}
	targets := map[string][]string{}
	for _, f := range tr.files {
		if packages[f.dir] == nil {
			packages[f.dir] = map[string]*function{}
		}
		for _, d := range f.ast.Decls {
			fn, ok := d.(*ast.FuncDecl)
			if !ok || fn.Body == nil {
				continue
			}
			name := fn.Name.Name
			got := packages[f.dir][name]
			if got == nil { // methods of one name are taken together
				got = &function{at: f.at(fn)}
				packages[f.dir][name] = got
			}
			got.bytes = got.bytes || !f.test && takesBytes(fn)
			ast.Inspect(fn.Body, func(n ast.Node) bool {
				if id, ok := n.(*ast.Ident); ok {
					got.uses = append(got.uses, id.Name)
				}
				return true
			})
			if f.test && isFuzz(fn) {
				targets[f.dir] = append(targets[f.dir], name)
			}
		}
	}
	for dir, all := range packages {
		reached := map[string]bool{}
		for queue := targets[dir]; len(queue) > 0; {
			name := queue[0]
			queue = queue[1:]
			if reached[name] || all[name] == nil {
				continue
			}
			reached[name] = true
			queue = append(queue, all[name].uses...)
		}
		for name, fn := range all {
			if fn.bytes && decoder.MatchString(name) && !reached[name] && !below(dir, unfuzzed...) {
				broken = append(broken, fmt.Sprintf("%s: %s decodes bytes, and no fuzz target of the package reaches it", fn.at, name))
			}
		}
	}
	slices.Sort(broken)
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
