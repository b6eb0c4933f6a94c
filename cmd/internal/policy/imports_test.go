package policy

import (
	"fmt"
	"slices"
	"strconv"
	"strings"
)

// module is the path that the project's own imports begin with.
const module = "parley/"

// may lists, for each package outside cmd, the project's packages that it may
// import. Imports run one way, from rooms/client down to wire/seal; session and
// rooms never import each other. Packages of cmd may import everything, and
// nothing outside imports them.
var may = map[string][]string{
	"wire/seal":             {},
	"wire":                  {"wire/seal"},
	"handshake/identity":    {"wire", "wire/seal"},
	"handshake":             {"handshake/identity", "wire", "wire/seal"},
	"session":               {"handshake", "handshake/identity", "wire", "wire/seal"},
	"discovery":             {"handshake/identity", "wire"},
	"store":                 {"wire"},
	"store/embedded":        {"store", "wire"},
	"store/mongo":           {"store", "wire"},
	"store/mongo/mongotest": {},
	"store/storetest":       {"store", "wire"},
	"store/transfer":        {"store", "wire"},
	"rooms":                 {"store", "handshake/identity", "wire", "wire/seal"},
	"rooms/client":          {"rooms", "session", "handshake", "handshake/identity", "wire", "wire/seal"},
	"rooms/client/agent":    {"rooms/client", "rooms", "handshake/identity", "wire"},
	"rooms/sim":             {"rooms", "store", "handshake/identity", "wire"},
}

// testsMay lists what tests of a package may import beyond that.
var testsMay = map[string][]string{
	"rooms/client":   {"rooms/client/agent"},
	"store/mongo":    {"store/storetest", "store/mongo/mongotest"},
	"store/embedded": {"store/storetest"},
	"store/transfer": {"store/embedded", "store/storetest"},
}

// fenced lists each third-party module, or a package of one, with the packages
// that may import it, and those below them. A module that is not listed may not
// be imported at all.
var fenced = map[string][]string{
	"filippo.io/age":                    {"handshake/identity"},
	"github.com/adrg/xdg":               {"cmd/internal/home"},
	"github.com/alecthomas/kong":        {"cmd"},
	"github.com/cockroachdb/pebble/v2":  {"store/embedded"},
	"github.com/coreos/go-systemd/v22":  {"cmd"},
	"github.com/gofrs/flock":            {"cmd/internal/home", "rooms/client"},
	"github.com/jotaen/kong-completion": {"cmd"},
	"github.com/posener/complete":       {"cmd"},
	"github.com/rogpeppe/go-internal":   {"cmd"},
	"github.com/schollz/progressbar/v3": {"cmd"},
	"github.com/vishvananda/netlink":    {"cmd/internal/e2e", "discovery"},
	"github.com/vishvananda/netns":      {"cmd/internal/e2e", "discovery"},
	"github.com/vmihailenco/msgpack/v5": {"wire"},
	"go.mongodb.org/mongo-driver/v2":    {"store/mongo"},
	"golang.org/x/crypto/scrypt":        {"handshake/identity"},
	"golang.org/x/net/ipv4":             {"discovery"},
	"golang.org/x/net/ipv6":             {"discovery"},
	"golang.org/x/net/nettest":          {"session"},
	"golang.org/x/sync":                 {"cmd", "rooms/client", "session", "store/embedded", "store/transfer"},
	"golang.org/x/sys":                  {"cmd", "discovery", "handshake/identity", "rooms/client", "store/embedded"},
	"golang.org/x/term":                 {"cmd"},
	"golang.org/x/text/unicode/norm":    {"handshake/identity"},
	"rsc.io/qr":                         {"cmd"},
}

// banned lists packages of the standard library that nothing here imports, with
// the reason. Packages below them are banned too.
var banned = map[string]string{
	"C":         "releases are built without cgo",
	"unsafe":    "nothing here needs it",
	"plugin":    "there are none",
	"net/http":  "no HTTP anywhere",
	"net/rpc":   "the protocol is Parley's own",
	"expvar":    "it serves HTTP",
	"log":       "log/slog, given in the config",
	"math/rand": "math/rand/v2 with a seed in tests, crypto/rand elsewhere",
}

// support lists the packages that only tests import, besides testing itself.
var support = []string{"store/storetest", "store/mongo/mongotest", "rooms/sim", "cmd/internal/e2e"}

// impure lists what the core of rooms must not touch: it takes the time as an
// argument, gives effects back, and is driven by one goroutine, so it needs no
// lock; a pool of scratch space is no lock.
var (
	impure = []string{"net", "os", "os/exec", "syscall", "sync/atomic", "io/fs", "path/filepath"}
	locks  = []string{"Mutex", "RWMutex", "WaitGroup", "Once", "Cond", "Map"}
)

func imports(f *file) (paths []string) {
	for _, spec := range f.ast.Imports {
		if p, err := strconv.Unquote(spec.Path.Value); err == nil {
			paths = append(paths, p)
		}
	}
	return paths
}

// below tells whether a package is one of these or below one of them.
func below(pkg string, of ...string) bool {
	return slices.ContainsFunc(of, func(o string) bool { return pkg == o || strings.HasPrefix(pkg, o+"/") })
}

func edges(tr *tree) (broken []string) {
	unlisted := make(map[string]bool)
	for _, f := range tr.files {
		if below(f.dir, "cmd") {
			continue
		}
		row, ok := may[f.dir]
		if !ok && !unlisted[f.dir] {
			unlisted[f.dir] = true
			broken = append(broken, fmt.Sprintf("%s: package %s has no row in the table of imports", f.name, f.dir))
		}
		for _, p := range imports(f) {
			to, own := strings.CutPrefix(p, module)
			// The external tests of a package import the package itself.
			if !ok || !own || slices.Contains(row, to) || (f.test && (to == f.dir || slices.Contains(testsMay[f.dir], to))) {
				continue
			}
			broken = append(broken, fmt.Sprintf("%s: %s imports %s: it may import %v", f.name, f.dir, to, row))
		}
	}
	return broken
}

func fences(tr *tree) (broken []string) {
	for _, f := range tr.files {
		for _, p := range imports(f) {
			first, _, _ := strings.Cut(p, "/")
			if !strings.Contains(first, ".") {
				continue // the standard library's and our own have no dot there
			}
			listed := false
			for fence, inside := range fenced {
				if !below(p, fence) {
					continue
				}
				listed = true
				if !below(f.dir, inside...) {
					broken = append(broken, fmt.Sprintf("%s: %s imports %s: only %v may", f.name, f.dir, p, inside))
				}
			}
			if !listed {
				broken = append(broken, fmt.Sprintf("%s: %s is not listed among the modules of others", f.name, p))
			}
		}
	}
	return broken
}

func bans(tr *tree) (broken []string) {
	for _, f := range tr.files {
		for _, p := range imports(f) {
			for ban, why := range banned {
				if p == ban || (p != "log/slog" && p != "math/rand/v2" && below(p, ban)) {
					broken = append(broken, fmt.Sprintf("%s: %s imports %s: %s", f.name, f.dir, p, why))
				}
			}
		}
	}
	return broken
}

func testSupport(tr *tree) (broken []string) {
	for _, f := range tr.files {
		if f.test || below(f.dir, support...) {
			continue
		}
		for _, p := range imports(f) {
			own, _ := strings.CutPrefix(p, module)
			if below(p, "testing") || below(own, support...) {
				broken = append(broken, fmt.Sprintf("%s: %s imports %s: only tests may", f.name, f.dir, p))
			}
		}
	}
	return broken
}
