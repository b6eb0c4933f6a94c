//go:build interop

package interop

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"parley/cmd/internal/e2e"
)

// within bounds the wait for what two processes of one machine do.
const within = 20 * time.Second

func TestMain(m *testing.M) { e2e.Main(m) }

// client is the folder of the second implementation; the test fails where the
// machine cannot run it.
func client(t *testing.T) string {
	t.Helper()
	dir, err := filepath.Abs("../../../testdata/nodeclient")
	if err != nil {
		t.Fatal(err)
	}
	if _, err := exec.LookPath("node"); err != nil {
		t.Fatal("there is no node: install Node 18 or newer (Debian: apt-get install nodejs npm)")
	}
	for _, name := range []string{"@noble/post-quantum", "@msgpack/msgpack"} {
		if _, err := os.Stat(filepath.Join(dir, "node_modules", name, "package.json")); err != nil {
			t.Fatalf("the package %s is not there: run npm ci --prefix testdata/nodeclient", name)
		}
	}
	return dir
}

func TestTheSecondImplementationDecidesEveryVectorAsItSays(t *testing.T) {
	dir := client(t)
	r := e2e.Loopback(t, "node").Run("", "node", filepath.Join(dir, "check.mjs"))
	if r.Code != 0 {
		t.Fatalf("exit code %d:\n%s%s", r.Code, r.Out, r.Err)
	}
	files, err := filepath.Glob(filepath.Join(dir, "..", "*", "*.json"))
	if err != nil {
		t.Fatal(err)
	}
	lines := strings.Split(r.Out, "\n")
	families := 0
	for _, file := range files {
		folder, name := filepath.Base(filepath.Dir(file)), strings.TrimSuffix(filepath.Base(file), ".json")
		if folder == filepath.Base(dir) {
			continue
		}
		families++
		if !slices.ContainsFunc(lines, func(l string) bool { return strings.HasPrefix(l, "ok   "+folder+"/"+name+": ") }) {
			t.Errorf("testdata/%s/%s.json is checked by no family of vectors/families.mjs", folder, name)
		}
	}
	if families == 0 {
		t.Error("there are no vectors")
	}
}

// A room of a daemon that serves any user, and the link to it.
type room struct {
	*e2e.Host
	daemon *e2e.Daemon
	secret string
	client string
}

func newRoom(t *testing.T) *room {
	t.Helper()
	r := &room{Host: e2e.Loopback(t, "host"), client: client(t)}
	r.secret = r.NetworkSecret()
	r.daemon = r.Daemon("--network-secret-file", r.secret, "--listen", "127.0.0.1:0", "--no-discovery", "--users", "any")
	r.MustParley("room", "create", "ops")
	return r
}

func (r *room) invite(flags ...string) string {
	return r.MustParley(append([]string{"room", "invite", "ops"}, flags...)...)
}

// args is the client's command for the room's daemon.
func (r *room) args(link string, flags ...string) []string {
	return r.argsAt(r.daemon, link, flags...)
}

func (r *room) argsAt(d *e2e.Daemon, link string, flags ...string) []string {
	argv := []string{"node", filepath.Join(r.client, "client.mjs"), "--network", r.secret, "--peer", d.Addr, "--peer-id", d.ID}
	return append(append(argv, flags...), link)
}

// node runs the client to its end, which must be good, and returns the messages it printed.
func node(t *testing.T, h *e2e.Host, argv []string) []e2e.Message {
	t.Helper()
	r := h.Run("", argv...)
	if r.Code != 0 {
		t.Fatalf("the Node client: exit code %d:\n%s", r.Code, r.Err)
	}
	all, err := e2e.Lines[e2e.Message](r.Out)
	if err != nil {
		t.Fatal(err)
	}
	return all
}

func texts(all []e2e.Message) (list []string) {
	for _, m := range all {
		list = append(list, m.Text)
	}
	return list
}

// same compares what each side says of every message: its ID, author, number and text.
func same(got, want []e2e.Message) error {
	if len(got) != len(want) {
		return fmt.Errorf("%d messages, want %d", len(got), len(want))
	}
	for i := range got {
		g, w := got[i], want[i]
		if g.ID != w.ID || g.Author != w.Author || g.Seq != w.Seq || g.Text != w.Text {
			return fmt.Errorf("message %d is %s %d by %s: %q, want %s %d by %s: %q",
				i, g.ID, g.Seq, g.Author, g.Text, w.ID, w.Seq, w.Author, w.Text)
		}
	}
	return nil
}

func TestANodeClientJoinsByALinkAndBothSidesReadWhatTheOtherWrote(t *testing.T) {
	r := newRoom(t)
	r.MustParley("send", "ops", "from Go")
	printed := node(t, r.Host, r.args(r.invite(), "--name", "nora", "--send", "from Node", "--send", "grüße"))
	if want := []string{"from Go", "from Node", "grüße"}; !slices.Equal(texts(printed), want) {
		t.Errorf("the Node client printed %q, want %q", texts(printed), want)
	}
	held, err := r.History("ops")
	if err != nil {
		t.Fatal(err)
	}
	if err := same(printed, held); err != nil {
		t.Errorf("the Node client against parley tail: %v", err)
	}
	if last := held[len(held)-1]; !strings.HasPrefix(last.Name, "nora·") {
		t.Errorf("parley tail shows the author as %q, want nora·…", last.Name)
	}
	if members := r.MustParley("room", "members", "ops"); !strings.Contains(members, "nora·") {
		t.Errorf("parley room members does not show nora:\n%s", members)
	}
}

func TestANodeClientThatComesBackIsTheSameMember(t *testing.T) {
	r := newRoom(t)
	link := r.invite()
	key := filepath.Join(t.TempDir(), "key")
	node(t, r.Host, r.args(link, "--key", key, "--send", "one"))
	printed := node(t, r.Host, r.args(link, "--key", key, "--send", "two"))
	if want := []string{"one", "two"}; !slices.Equal(texts(printed), want) {
		t.Fatalf("the Node client printed %q, want %q", texts(printed), want)
	}
	if printed[0].Author != printed[1].Author {
		t.Errorf("the second run wrote as %s, the first as %s", printed[1].Author, printed[0].Author)
	}
}

// The history is larger than a bulk stream's credit, and ends in the middle of it.
func TestANodeClientReadsALongHistoryAndWhatFollows(t *testing.T) {
	r := newRoom(t)
	const history = 20000
	var lines strings.Builder
	for i := range history {
		fmt.Fprintf(&lines, "line %d\n", i)
	}
	r.MustParleyInput(lines.String(), "send", "ops")
	reader := r.Spawn(nil, r.args(r.invite(), "--count", fmt.Sprint(history+1)))
	e2e.Eventually(t, within, "the history", func() error {
		if n := strings.Count(reader.Out.String(), "\n"); n < history {
			return fmt.Errorf("%d of %d lines: %s", n, history, reader.Err.Tail(1<<10))
		}
		return nil
	})
	r.MustParley("send", "ops", "live")
	if code := reader.Wait(within); code != 0 {
		t.Fatalf("the Node client: exit code %d:\n%s", code, reader.Err.Tail(4<<10))
	}
	printed, err := e2e.Lines[e2e.Message](reader.Out.String())
	if err != nil {
		t.Fatal(err)
	}
	held, err := r.History("ops")
	if err != nil {
		t.Fatal(err)
	}
	if err := same(printed, held); err != nil {
		t.Error(err)
	}
}

func TestANodeClientJoinsThroughAPeerThatHasNotTheRoom(t *testing.T) {
	r := newRoom(t)
	r.MustParley("send", "ops", "from Go")
	other := r.At("other")
	d := other.Daemon("--network-secret-file", r.secret, "--listen", "127.0.0.1:0", "--no-discovery", "--users", "any")
	printed := node(t, other, r.argsAt(d, r.invite(), "--send", "from Node", "--count", "2"))
	got := texts(printed)
	slices.Sort(got) // the history and the own message reach that peer in any order
	if want := []string{"from Go", "from Node"}; !slices.Equal(got, want) {
		t.Errorf("the Node client printed %q, want %q", got, want)
	}
	e2e.Eventually(t, within, "the message at the room's first peer", func() error {
		all, err := r.History("ops")
		if err == nil && !slices.Contains(texts(all), "from Node") {
			err = fmt.Errorf("it shows %q", texts(all))
		}
		return err
	})
}

func TestANodeClientRefusesWhatIsNotMeantAndIsRefusedWhatItMayNot(t *testing.T) {
	r := newRoom(t)
	r.MustParley("send", "ops", "secret")
	link, reader := r.invite(), r.invite("--role", "reader", "--uses", "2")
	elsewhere := filepath.Join(t.TempDir(), "network")
	r.MustParley("network", "new", elsewhere)
	for _, c := range []struct {
		name, says string
		argv       []string
	}{
		{"another peer than meant", "other-peer", r.args(link, "--peer-id", strings.Repeat("a", 52))},
		{"another network's secret", "secret is another", r.args(link, "--network", elsewhere)},
		{"a link copied incompletely", "not an invite link", r.args(link[:len(link)-1])},
		{"a reader that writes", "does not write", r.args(reader, "--send", "no")},
	} {
		got := r.Run("", c.argv...)
		if got.Code != 1 || !strings.Contains(got.Err, c.says) {
			t.Errorf("%s: exit code %d: %q, want 1 and %q", c.name, got.Code, got.Err, c.says)
		}
		if got.Out != "" {
			t.Errorf("%s: it printed %q", c.name, got.Out)
		}
	}
	if printed := node(t, r.Host, r.args(reader)); !slices.Equal(texts(printed), []string{"secret"}) {
		t.Errorf("a reader printed %q, want what is in the room", texts(printed))
	}
}
