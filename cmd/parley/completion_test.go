package main

import (
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

// complete asks the program as bash's complete -C does.
func complete(t *testing.T, line string) []string {
	t.Helper()
	cmd := command(t, newHome(t))
	cmd.Env = append(cmd.Env, "COMP_LINE="+line)
	out, err := cmd.Output()
	if err != nil {
		t.Fatalf("%s: %v", line, err)
	}
	words := strings.Fields(string(out))
	slices.Sort(words)
	return words
}

func TestCommandsFlagsAndChoicesComplete(t *testing.T) {
	for line, want := range map[string]string{
		"parley ro":                   "room",
		"parley room ":                "ban create handover info invite join kick leave ls members policy revoke role rotate trim unban verify",
		"parley room inf":             "info",
		"parley tail lobby --so":      "--sorted",
		"parley room invite --role ":  "member reader relay",
		"parley room role ops bob ":   "admin member reader relay",
		"parley completion ":          "bash fish zsh",
		"parley daemon --network-sec": "--network-secret-file",
	} {
		if got := strings.Join(complete(t, line), " "); got != want {
			t.Errorf("%s: %q, want %q", line, got, want)
		}
	}
	if got := complete(t, "parley "); slices.Contains(got, "chat") || !slices.Contains(got, "send") {
		t.Errorf("commands: %q", got)
	}
}

func TestTheScriptMakesARealBashComplete(t *testing.T) {
	bash, err := exec.LookPath("bash")
	if err != nil {
		t.Log("this machine has no bash")
		return
	}
	dir := newHome(t)
	script := must(t, dir, "completion", "bash")
	// An interactive bash would call the registered command by itself on Tab;
	// this does what readline then does, with the command that is registered.
	cmd := exec.Command(bash, "--norc", "--noprofile", "-c", script.out+`
		complete -p parley >&2
		set -- $(complete -p parley)
		[ "$1 $2 $4" = "complete -C parley" ] || exit 9
		program=$(eval echo "$3")
		COMP_LINE="parley room inv" COMP_POINT=15 "$program" parley inv room
	`)
	cmd.Env = environment()
	out, err := cmd.CombinedOutput()
	if err != nil || !strings.HasSuffix(strings.TrimSpace(string(out)), "\ninvite") {
		t.Errorf("%v: %s", err, out)
	}
}

func TestScriptsNameThisProgram(t *testing.T) {
	dir := newHome(t)
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	if self, err = filepath.EvalSymlinks(self); err != nil {
		t.Fatal(err)
	}
	for _, shell := range []string{"bash", "zsh", "fish"} {
		r := must(t, dir, "completion", shell)
		if !strings.Contains(r.out, filepath.Base(self)) || !strings.Contains(r.out, "parley") || r.err != "" {
			t.Errorf("%s: %q, stderr %q", shell, r.out, r.err)
		}
	}
}
