package main

import (
	"encoding/base32"
	"encoding/json"
	"os"
	"path/filepath"
	"regexp"
	"runtime"
	"strings"
	"testing"

	"parley/cmd/internal/home"
	"parley/wire"
)

func TestWrongUsageIsOneLineWithExitCode2(t *testing.T) {
	dir := newHome(t)
	for _, test := range []struct{ args, stderr string }{
		{"bogus", "parley: unexpected argument bogus; see parley --help"},
		{"--bogus", "parley: unknown flag --bogus; see parley --help"},
		{"send", `parley: expected "<room>"; see parley send --help`},
		{"send @ hi", "parley: <room>: the room's name is empty; see parley send --help"},
		{"send -0 lobby hi", "parley: -0 and --whole read standard input; leave out TEXT"},
		{"send -0 --whole lobby", "parley: -0 and --whole exclude each other; give one of them"},
		{"send --key k lobby", "parley: --key names one message; give TEXT or --whole"},
		{"send --replicas=-1 lobby hi", "parley: --replicas -1 is no number of peers; give 0 or more"},
		{"send --timeout soon lobby hi", `parley: --timeout: "soon" is no duration such as 90s, 24h or 7d; see parley send --help`},
		{"tail", `parley: expected "<room>"; see parley tail --help`},
		{"tail lobby --json --print0", "parley: --json and --print0 exclude each other; give one of them"},
		{"tail lobby --sorted -f", "parley: --sorted orders the history; leave out -f"},
		{"tail lobby --all -n 3", "parley: --all and -n exclude each other; give one of them"},
		{"tail lobby --last=-1", "parley: -n -1 is no number of messages; give 0 or more"},
		{"tail lobby --count=-1", "parley: --count -1 is no number of messages; give 1 or more"},
		{"tail lobby --since tomorrow", `parley: --since "tomorrow": give a time such as 2006-01-02T15:04:05Z, or a duration such as 90m or 7d; see parley --help`},
		{"room", `parley: expected one of "create", "ls", "info", "members", "invite", ...; see parley room --help`},
		{"room kick ops", `parley: expected "<person>"; see parley room kick --help`},
		{"room role ops bob king", `parley: <role> must be one of "admin","member","reader","relay" but got "king"; see parley room role --help`},
		{"room handover ops", `parley: expected "<person>"; see parley room handover --help`},
		{"room policy ops --retention soon", `parley: --retention: "soon" is no duration such as 90s, 24h or 7d; see parley room policy --help`},
		{"room revoke ops", "parley: give the invites to revoke, or --all; see parley --help"},
		{"room create", `parley: expected "<name>"; see parley room create --help`},
		{"room create ops --history some", `parley: --history must be one of "all","joined" but got "some"; see parley room create --help`},
		{"room invite ops --uses 0", "parley: --uses 0 invites nobody; give 1 or more"},
		{"room invite ops --expires 0", "parley: --expires 0 is over at once; give a duration such as 24h or 7d"},
		{"room invite ops --role king", `parley: --role must be one of "member","reader","relay" but got "king"; see parley room invite --help`},
		{"room verify ops abc", "parley: PEER abc is too short; give at least 8 characters of its ID, as parley peers lists them"},
		{"token revoke abc", "parley: token revoke abc: give at least 8 characters of the ID; parley token ls lists them"},
		{"id --algorithm rsa", `parley: --algorithm must be one of "ed25519" but got "rsa"; see parley id --help`},
		{"daemon --store mongodb://me:secret@db/parley", "parley: --store mongodb://db/parley: every user of this machine can see a password on a command line: put the URI into a file of mode 0600 and give @FILE, or set PARLEY_STORE; see parley --help"},
		{"daemon --peer somewhere", "parley: --peer somewhere: give HOST:PORT; see parley --help"},
		{"daemon --listen 19946", "parley: --listen 19946: give [HOST]:PORT; see parley --help"},
		{"up --peer somewhere", "parley: --peer somewhere: give HOST:PORT; see parley --help"},
		{"status --daemon host:1", "parley: --daemon needs --daemon-id, the ID that it must prove: parley status shows it there; see parley --help"},
		{"status --daemon host --daemon-id x", "parley: --daemon host: give HOST:PORT; see parley --help"},
		{"status --daemon-id x", "parley: --daemon-id goes with --daemon HOST:PORT; see parley --help"},
		{"completion tcsh", `parley: <shell> must be one of "bash","zsh","fish" but got "tcsh"; see parley completion --help`},
		{"completion", `parley: expected "<shell>"; see parley completion --help`},
	} {
		t.Run(test.args, func(t *testing.T) {
			t.Parallel()
			r := parley(t, dir, strings.Fields(test.args)...)
			if r.code != exitUsage || r.out != "" || r.err != test.stderr+"\n" {
				t.Errorf("exit code %d, stdout %q\n got %swant %s", r.code, r.out, r.err, test.stderr)
			}
		})
	}
	if r := parley(t, dir, "send", "lobby", ""); r.code != exitUsage || r.err != "parley: TEXT is empty; give a text\n" {
		t.Errorf("empty text: exit code %d: %s", r.code, r.err)
	}
	raw := wire.AppendUint(wire.AppendArray(nil, 5), 9) // the version stands first
	sum := wire.Hash("link-text", raw)
	newer := "parley:" + strings.ToLower(base32.StdEncoding.WithPadding(base32.NoPadding).EncodeToString(append(raw, sum[:4]...)))
	for link, says := range map[string]string{
		"parley:abc": "LINK is no invite link, or not all of one; give all of parley:… as it was printed",
		"ops":        "LINK is no invite link, or not all of one; give all of parley:… as it was printed",
		newer:        "LINK was made by a newer version of parley; bring this one up to date",
	} {
		if r := parley(t, dir, "room", "join", link); r.code != exitUsage || r.err != "parley: "+says+"\n" {
			t.Errorf("%s: exit code %d: %s", link, r.code, r.err)
		}
	}
}

func TestWithoutADaemonCommandsExit3BeforeTheyReadStdin(t *testing.T) {
	dir := newHome(t)
	want := "parley: no daemon runs for " + dir + "; start it with: parley up\n"
	for _, args := range []string{
		"send lobby", "send lobby hi", "send lobby --whole", "send lobby -0", "tail lobby", "tail lobby -f", "peers", "peers -w", "status",
		"room create ops", "room ls", "room info lobby", "room members lobby", "room invite ops", "room leave ops", "room verify lobby",
		"room kick ops bob", "room ban ops bob", "room unban ops bob", "room role ops bob reader", "room rotate ops", "room policy ops",
		"room handover ops bob", "room revoke ops --all",
		"token ls", "token revoke abcdefgh",
	} {
		t.Run(args, func(t *testing.T) {
			t.Parallel()
			in, err := os.Open(filepath.Join("..", "..", "go.mod"))
			if err != nil {
				t.Fatal(err)
			}
			defer in.Close()
			r := parleyInput(t, dir, in, strings.Fields(args)...)
			if r.code != exitNoDaemon || r.out != "" || r.err != want {
				t.Errorf("exit code %d, stdout %q\n got %swant %s", r.code, r.out, r.err, want)
			}
			if at, err := in.Seek(0, 1); err != nil || at != 0 {
				t.Errorf("%d bytes of standard input were read (%v)", at, err)
			}
		})
	}
	t.Cleanup(func() { // what fails so early makes no identity
		if _, err := os.Stat(filepath.Join(dir, "user", "key")); err == nil {
			t.Error("an identity was made")
		}
	})
}

func TestHelpIsOnStdoutAndNamesTheCommand(t *testing.T) {
	dir := newHome(t)
	for _, c := range contract {
		t.Run(c.command, func(t *testing.T) {
			t.Parallel()
			r := parley(t, dir, append(strings.Fields(c.command), "--help")...)
			usage := strings.TrimSpace("Usage: parley " + c.command)
			if r.code != exitDone || r.err != "" || !strings.HasPrefix(r.out, usage) {
				t.Errorf("exit code %d, stderr %q, stdout %q", r.code, r.err, r.out)
			}
			for _, line := range strings.Split(r.out, "\n") {
				if len([]rune(line)) > 100 {
					t.Errorf("a line of %d characters: %s", len([]rune(line)), line)
				}
			}
		})
	}
	if none := parley(t, dir); none.code != exitDone || !strings.HasPrefix(none.out, "Usage: parley <command>") {
		t.Errorf("without arguments: exit code %d, stdout %q", none.code, none.out)
	}
}

func TestVersionTellsProgramAndProtocol(t *testing.T) {
	dir := newHome(t)
	if r := must(t, dir, "version"); !strings.HasPrefix(r.out, "parley ") || !strings.Contains(r.out, "protocol 1") || len(r.lines()) != 1 {
		t.Errorf("%q", r.out)
	}
	var v struct {
		Version, Go, Platform string
		Protocol              int
	}
	if err := json.Unmarshal([]byte(must(t, dir, "version", "--json").out), &v); err != nil {
		t.Fatal(err)
	}
	if v.Version == "" || v.Go != runtime.Version() || v.Platform != runtime.GOOS+"/"+runtime.GOARCH || v.Protocol != 1 {
		t.Errorf("%+v", v)
	}
}

func TestTheFirstCommandThatNeedsAnIdentityMakesOneAndSaysSo(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "made", "here")
	type id struct {
		ID, Name, Algorithm string
		Fingerprint         []string
	}
	read := func(r result) (v id) {
		t.Helper()
		if err := json.Unmarshal([]byte(r.out), &v); err != nil {
			t.Fatal(err)
		}
		return v
	}
	first := must(t, dir, "id", "--json", "--name", "Ada")
	v := read(first)
	if !regexp.MustCompile(`^[a-z2-7]{52}$`).MatchString(v.ID) || v.Name != "Ada" || v.Algorithm != "ed25519" || len(v.Fingerprint) != 12 {
		t.Errorf("%+v", v)
	}
	if !strings.HasPrefix(first.err, "parley: made your identity: "+v.ID) || strings.Count(first.err, "\n") != 1 {
		t.Errorf("stderr %q", first.err)
	}
	if info, err := os.Stat(filepath.Join(dir, "user", "key")); err != nil || runtime.GOOS != "windows" && info.Mode().Perm() != 0o600 {
		t.Errorf("the key's file: %v, %v", info, err)
	}
	second := must(t, dir, "id", "--json")
	if read(second).ID != v.ID || second.err != "" {
		t.Errorf("the second time: %+v, stderr %q", read(second), second.err)
	}
	if r := must(t, dir, "id", "--json", "--name", "Grace"); read(r).Name != "Grace" || read(r).ID != v.ID {
		t.Errorf("renamed: %s", r.out)
	}
	if r := must(t, dir, "id"); !strings.Contains(r.out, "Grace·"+v.ID[:4]) || !strings.Contains(r.out, strings.Join(v.Fingerprint, " ")) {
		t.Errorf("for people: %s", r.out)
	}
	if r := parley(t, dir, "id", "--name", "a\x1bb"); r.code != exitUsage {
		t.Errorf("a name with an escape: exit code %d: %s", r.code, r.err)
	}
}

func TestAProtectedKeyNeverAsksWithoutATerminal(t *testing.T) {
	dir := t.TempDir()
	file := filepath.Join(dir, "passphrase")
	if err := os.WriteFile(file, []byte("correct horse\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	h := filepath.Join(dir, "home")
	made := must(t, h, "id", "--passphrase-file", file)
	if again := must(t, h, "id", "--passphrase-file", file); again.out != made.out {
		t.Errorf("%s is not %s", again.out, made.out)
	}
	r := parley(t, h, "id")
	if r.code != exitFailed || r.out != "" || !strings.Contains(r.err, "--passphrase-file") || strings.Count(r.err, "\n") != 1 {
		t.Errorf("exit code %d: %s", r.code, r.err)
	}
}

func TestAFreshNetworkSecretIsPrivateAndNeverOverwritten(t *testing.T) {
	dir := newHome(t)
	file := filepath.Join(t.TempDir(), "net.secret")
	made := must(t, dir, "network", "new", file)
	if made.out != "" || !strings.Contains(made.err, "parley up --network-secret-file "+file) {
		t.Errorf("stdout %q, stderr %q", made.out, made.err)
	}
	info, err := os.Stat(file)
	if err != nil || runtime.GOOS != "windows" && info.Mode().Perm() != 0o600 {
		t.Fatalf("%v, %v", info, err)
	}
	n, err := home.ReadNetwork(file)
	if err != nil || !n.HasSecret() || n.Name != home.DefaultNetwork {
		t.Errorf("%v, %v", n, err)
	}
	again := parley(t, dir, "network", "new", file)
	if again.code != exitFailed || again.err != "parley: "+file+" is there already; a secret in use is not overwritten: name another file, or remove it first\n" {
		t.Errorf("exit code %d: %s", again.code, again.err)
	}
	if now, err := home.ReadNetwork(file); err != nil || now.PSK() != n.PSK() {
		t.Errorf("the secret changed: %v", err)
	}
	named := must(t, dir, "network", "new", "--network", "ship")
	if m, err := home.ReadNetwork(write(t, named.out)); err != nil || m.Name != "ship" || m.PSK() == n.PSK() || named.err != "" {
		t.Errorf("%v, %v, stderr %q", m, err, named.err)
	}
	shown := must(t, dir, "network", "show", "--network-secret-file", file, "--json")
	if shown.out != `{"name":"parley","secret":true}`+"\n" {
		t.Errorf("%s", shown.out)
	}
	if r := parley(t, dir, "network", "show", "--network", "ship", "--network-secret-file", file); r.code != exitUsage {
		t.Errorf("two networks at once: exit code %d: %s", r.code, r.err)
	}
}

func write(t *testing.T, text string) string {
	t.Helper()
	file := filepath.Join(t.TempDir(), "file")
	if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	return file
}

func TestAHomeOpenToOthersIsRefused(t *testing.T) {
	if runtime.GOOS == "windows" {
		return // has no such modes
	}
	dir := t.TempDir()
	if err := os.Chmod(dir, 0o755); err != nil {
		t.Fatal(err)
	}
	r := parley(t, dir, "id")
	if r.code != exitFailed || !strings.Contains(r.err, "; chmod 700 "+dir) {
		t.Errorf("exit code %d: %s", r.code, r.err)
	}
}
