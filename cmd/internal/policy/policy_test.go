package policy

import (
	"fmt"
	"go/ast"
	"go/parser"
	"go/token"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

// A file is a parsed Go file of the tree.
type file struct {
	name string // relative to the top, with slashes
	dir  string
	test bool
	ast  *ast.File
	fset *token.FileSet
	text string
}

// at names a place in the file.
func (f *file) at(n ast.Node) string {
	return fmt.Sprintf("%s:%d", f.name, f.fset.Position(n.Pos()).Line)
}

// A tree is every Go file below a directory, for all systems, and what else
// stands at the top.
type tree struct {
	root  string
	files []*file
	top   []string // names at the top; folders end in a slash
}

// hidden tells what is not the project's source: .git and its like, testdata.
func hidden(name string) bool {
	return name == "testdata" || name == "bin" || (len(name) > 1 && name[0] == '.')
}

func load(t *testing.T, root string) *tree {
	t.Helper()
	entries, err := os.ReadDir(root)
	if err != nil {
		t.Fatal(err)
	}
	tr := &tree{root: root}
	for _, e := range entries {
		name := e.Name()
		if e.IsDir() {
			name += "/"
		}
		tr.top = append(tr.top, name)
	}
	err = filepath.WalkDir(root, func(name string, d fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		if d.IsDir() && name != root && hidden(d.Name()) {
			return fs.SkipDir
		}
		if d.IsDir() || filepath.Ext(name) != ".go" {
			return nil
		}
		text, err := os.ReadFile(name)
		if err != nil {
			return err
		}
		rel, err := filepath.Rel(root, name)
		if err != nil {
			return err
		}
		rel = filepath.ToSlash(rel)
		f := &file{name: rel, dir: path.Dir(rel), test: strings.HasSuffix(rel, "_test.go"), fset: token.NewFileSet(), text: string(text)}
		f.ast, err = parser.ParseFile(f.fset, rel, text, parser.ParseComments|parser.SkipObjectResolution)
		tr.files = append(tr.files, f)
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	if len(tr.files) == 0 {
		t.Fatalf("no Go file below %s", root)
	}
	return tr
}

// The project's tree, two folders above cmd/internal/policy.
func project(t *testing.T) *tree {
	t.Helper()
	tr := load(t, filepath.Join("..", "..", ".."))
	if !slices.Contains(tr.top, "go.mod") {
		t.Fatal("this is not the top of the module")
	}
	return tr
}

// rules are all checks; each returns one line for every place that breaks it.
var rules = map[string]func(*tree) []string{
	"a package imports only what its row lists":        edges,
	"a third-party module stays behind its fence":      fences,
	"nothing imports HTTP, cgo or what else is banned": bans,
	"test code is imported by tests only":              testSupport,
	"the core of rooms is pure":                        purity,
	"the top-level folders are the agreed ones":        topFolders,
	"every package has a doc comment":                  docs,
	"a file has one idea":                              lengths,
	"no test is skipped":                               skips,
	"no test sleeps":                                   sleeps,
	"no init does work":                                inits,
	"no mark of unfinished work is left":               marks,
	"every decoder is fuzzed":                          decoders,
	"every state machine is fuzzed":                    stateMachines,
	"every fuzz target has a corpus":                   corpora,
}

func TestTheProjectFollowsItsPolicy(t *testing.T) {
	tr := project(t)
	for name, rule := range rules {
		t.Run(name, func(t *testing.T) {
			for _, line := range rule(tr) {
				t.Error(line)
			}
		})
	}
}

// A tree that breaks a rule in one place, and the words of the complaint.
type breach struct {
	rule  string
	files map[string]string
	says  string
}

func TestABreachOfEachRuleIsReported(t *testing.T) {
	seen := make(map[string]bool)
	for _, b := range breaches {
		seen[b.rule] = true
		t.Run(b.rule, func(t *testing.T) {
			root := t.TempDir()
			for name, text := range b.files {
				name = filepath.Join(root, filepath.FromSlash(name))
				if err := os.MkdirAll(filepath.Dir(name), 0o755); err != nil {
					t.Fatal(err)
				}
				if err := os.WriteFile(name, []byte(text), 0o644); err != nil {
					t.Fatal(err)
				}
			}
			rule, ok := rules[b.rule]
			if !ok {
				t.Fatal("there is no such rule")
			}
			found := rule(load(t, root))
			if len(found) != 1 || !strings.Contains(found[0], b.says) {
				t.Errorf("reported %q, want one line that contains %q", found, b.says)
			}
		})
	}
	for name := range rules {
		if !seen[name] {
			t.Errorf("no breach tries the rule %q", name)
		}
	}
}

var breaches = []breach{
	{"a package imports only what its row lists", map[string]string{"wire/a.go": "package wire\nimport _ \"parley/rooms\"\n"}, "wire imports rooms"},
	{"a package imports only what its row lists", map[string]string{"session/a.go": "package session\nimport _ \"parley/rooms\"\n"}, "session imports rooms"},
	{"a package imports only what its row lists", map[string]string{"session/a_windows.go": "package session\nimport _ \"parley/cmd/internal/home\"\n"}, "session imports cmd/internal/home"},
	{"a package imports only what its row lists", map[string]string{"rooms/new/a.go": "package new\n"}, "rooms/new has no row"},
	{"a package imports only what its row lists", map[string]string{"store/a_test.go": "package store\nimport _ \"parley/session\"\n"}, "store imports session"},
	{"a third-party module stays behind its fence", map[string]string{"session/a.go": "package session\nimport _ \"github.com/vmihailenco/msgpack/v5\"\n"}, "session imports github.com/vmihailenco/msgpack/v5"},
	{"a third-party module stays behind its fence", map[string]string{"wire/a.go": "package wire\nimport _ \"example.com/unheard/of\"\n"}, "is not listed"},
	{"a third-party module stays behind its fence", map[string]string{"wire/a.go": "package wire\nimport _ \"golang.org/x/net/ipv4\"\n"}, "wire imports golang.org/x/net/ipv4"},
	{"nothing imports HTTP, cgo or what else is banned", map[string]string{"cmd/a/a_test.go": "package a\nimport _ \"net/http/httptest\"\n"}, "net/http/httptest"},
	{"nothing imports HTTP, cgo or what else is banned", map[string]string{"cmd/a/a.go": "package a\nimport \"C\"\n"}, "imports C"},
	{"test code is imported by tests only", map[string]string{"cmd/a/a.go": "package a\nimport _ \"parley/cmd/internal/e2e\"\n"}, "parley/cmd/internal/e2e"},
	{"test code is imported by tests only", map[string]string{"wire/a.go": "package wire\nimport _ \"testing\"\n"}, "imports testing"},
	{"the core of rooms is pure", map[string]string{"rooms/a.go": "package rooms\nimport \"time\"\nvar _ = time.Now\n"}, "time.Now"},
	{"the core of rooms is pure", map[string]string{"rooms/a.go": "package rooms\nimport \"sync\"\nvar _ sync.Mutex\nvar _ sync.Pool\n"}, "sync.Mutex"},
	{"the core of rooms is pure", map[string]string{"rooms/a.go": "package rooms\nfunc f() { go f() }\n"}, "goroutine"},
	{"the core of rooms is pure", map[string]string{"rooms/a.go": "package rooms\nimport _ \"net\"\n"}, "imports net"},
	{"the top-level folders are the agreed ones", map[string]string{"utils/a.go": "package utils\n"}, "utils"},
	{"every package has a doc comment", map[string]string{"wire/a.go": "package wire\n", "store/a.go": "// Package store has one.\npackage store\n"}, "wire"},
	{"a file has one idea", map[string]string{"wire/a.go": "package wire\n" + strings.Repeat("\n", maxLines)}, "wire/a.go"},
	{"no test is skipped", map[string]string{"wire/a_test.go": "package wire\nimport \"testing\"\nfunc TestA(t *testing.T) { t.SkipNow() }\n"}, "a_test.go:3"},
	{"no test is skipped", map[string]string{"wire/a_test.go": "package wire\nimport \"testing\"\nfunc TestA(*testing.T) { if testing.Short() { return } }\n"}, "a_test.go:3"},
	{"no test sleeps", map[string]string{"wire/a_test.go": "package wire\nimport \"time\"\nfunc f() { time.Sleep(1) }\n", "wire/b_test.go": "package wire\nimport (\n\"time\"\n_ \"testing/synctest\"\n)\nfunc g() { time.Sleep(1) }\n"}, "a_test.go:3"},
	{"no test sleeps", map[string]string{"wire/a_test.go": "package wire\nimport \"time\"\nfunc f() { time.Sleep(1) }\n"}, "a_test.go:3"},
	{"no init does work", map[string]string{"wire/a.go": "package wire\nfunc init() {}\n"}, "wire/a.go:2"},
	{"every decoder is fuzzed", map[string]string{"wire/a.go": "package wire\nfunc decodeA(b []byte) error { return nil }\nfunc decodeB(b []byte) error { return decodeA(b) }\n", "wire/a_test.go": "package wire\nimport \"testing\"\nfunc FuzzA(f *testing.F) { f.Fuzz(func(t *testing.T, b []byte) { _ = decodeA(b) }) }\n"}, "decodeB"},
	{"every state machine is fuzzed", map[string]string{"discovery/a.go": "package discovery\nfunc heard() {}\nfunc due() { heard() }\n", "discovery/a_test.go": "package discovery\nimport \"testing\"\nfunc FuzzHeard(f *testing.F) { f.Fuzz(func(t *testing.T, b []byte) { due(); sent() }) }\nfunc FuzzB(f *testing.F) { failed() }\n"}, "[failed]"},
	{"every fuzz target has a corpus", map[string]string{"wire/a_test.go": "package wire\nimport \"testing\"\nfunc FuzzA(f *testing.F) {}\nfunc FuzzB(f *testing.F) {}\n", "wire/testdata/fuzz/FuzzA/seed": "go test fuzz v1\n[]byte(\"\")\n"}, "FuzzB"},
	{"no mark of unfinished work is left", map[string]string{"wire/a.go": "package wire // TO" + "DO: the rest\n"}, "wire/a.go:1"},
}
