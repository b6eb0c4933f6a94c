package policy

import (
	"fmt"
	"go/ast"
	"regexp"
	"slices"
	"strings"
)

// folders are the top-level folders, hidden ones and build output apart.
var folders = []string{"cmd/", "wire/", "session/", "handshake/", "rooms/", "store/", "discovery/", "testdata/"}

// maxLines bounds a file that is no test: it has to fit in a head.
const maxLines = 500

// unfinished are the marks of work that was left.
var unfinished = regexp.MustCompile(`\b(TODO|FIXME|XXX|HACK)\b`)

func topFolders(tr *tree) (broken []string) {
	for _, name := range tr.top {
		if strings.HasSuffix(name, "/") && name[0] != '.' && name != "bin/" && !slices.Contains(folders, name) {
			broken = append(broken, fmt.Sprintf("%s is not one of the top-level folders %v", name, folders))
		}
	}
	return broken
}

func docs(tr *tree) (broken []string) {
	documented := make(map[string]bool)
	for _, f := range tr.files {
		// The tests of a package outside it do not document it.
		if !strings.HasSuffix(f.ast.Name.Name, "_test") {
			documented[f.dir] = documented[f.dir] || (!f.test && f.ast.Doc != nil)
		}
	}
	for dir, ok := range documented {
		if !ok {
			broken = append(broken, fmt.Sprintf("package %s has no doc comment", dir))
		}
	}
	slices.Sort(broken)
	return broken
}

func lengths(tr *tree) (broken []string) {
	for _, f := range tr.files {
		if n := strings.Count(f.text, "\n"); !f.test && n > maxLines {
			broken = append(broken, fmt.Sprintf("%s has %d lines, the bound is %d", f.name, n, maxLines))
		}
	}
	return broken
}

// selected calls found for every pkg.name or value.name in the files that match.
func selected(tr *tree, match func(*file) bool, found func(f *file, on, name string, at ast.Node)) {
	for _, f := range tr.files {
		if !match(f) {
			continue
		}
		ast.Inspect(f.ast, func(n ast.Node) bool {
			if s, ok := n.(*ast.SelectorExpr); ok {
				if on, ok := s.X.(*ast.Ident); ok {
					found(f, on.Name, s.Sel.Name, s)
				}
			}
			return true
		})
	}
}

func skips(tr *tree) (broken []string) {
	of := []string{"t", "b", "f", "tb", "testing"}
	names := []string{"Skip", "Skipf", "SkipNow"}
	selected(tr, func(f *file) bool { return f.test || below(f.dir, support...) }, func(f *file, on, name string, at ast.Node) {
		if on == "testing" && name == "Short" || slices.Contains(of, on) && slices.Contains(names, name) {
			broken = append(broken, fmt.Sprintf("%s: %s.%s: a test that is not run proves nothing", f.at(at), on, name))
		}
	})
	return broken
}

func sleeps(tr *tree) (broken []string) {
	// In a bubble of testing/synctest a sleep is free and exact.
	selected(tr, func(f *file) bool { return f.test && !slices.Contains(imports(f), "testing/synctest") }, func(f *file, on, name string, at ast.Node) {
		if on == "time" && name == "Sleep" {
			broken = append(broken, fmt.Sprintf("%s: time.Sleep in a test: wait for a condition", f.at(at)))
		}
	})
	return broken
}

func purity(tr *tree) (broken []string) {
	core := func(f *file) bool { return f.dir == "rooms" && !f.test }
	for _, f := range tr.files {
		if !core(f) {
			continue
		}
		for _, p := range imports(f) {
			if slices.Contains(impure, p) {
				broken = append(broken, fmt.Sprintf("%s: the core imports %s", f.name, p))
			}
		}
		ast.Inspect(f.ast, func(n ast.Node) bool {
			if g, ok := n.(*ast.GoStmt); ok {
				broken = append(broken, fmt.Sprintf("%s: the core starts a goroutine", f.at(g)))
			}
			return true
		})
	}
	clock := []string{"Now", "Since", "Until", "Sleep", "After", "AfterFunc", "NewTimer", "NewTicker", "Tick"}
	selected(tr, core, func(f *file, on, name string, at ast.Node) {
		if on == "time" && slices.Contains(clock, name) {
			broken = append(broken, fmt.Sprintf("%s: the core reads the clock: time.%s", f.at(at), name))
		}
		if on == "sync" && slices.Contains(locks, name) {
			broken = append(broken, fmt.Sprintf("%s: the core has a lock: sync.%s", f.at(at), name))
		}
	})
	return broken
}

func inits(tr *tree) (broken []string) {
	for _, f := range tr.files {
		for _, d := range f.ast.Decls {
			if fn, ok := d.(*ast.FuncDecl); ok && fn.Recv == nil && fn.Name.Name == "init" {
				broken = append(broken, fmt.Sprintf("%s: func init", f.at(fn)))
			}
		}
	}
	return broken
}

func marks(tr *tree) (broken []string) {
	for _, f := range tr.files {
		for _, group := range f.ast.Comments {
			for _, c := range group.List {
				if unfinished.MatchString(c.Text) {
					broken = append(broken, fmt.Sprintf("%s: %s", f.at(c), strings.TrimSpace(c.Text)))
				}
			}
		}
	}
	return broken
}
