package main

import (
	"strings"
	"testing"
)

func TestLoadSaysWhatIsMissingOrWrong(t *testing.T) {
	const nobody = "127.0.0.1:1"
	for _, c := range []struct {
		args []string
		code int
		says string
	}{
		{nil, exitUsage, "<addr>"},
		{[]string{"idle"}, exitUsage, "<addr>"},
		{[]string{nobody}, exitFailed, "refused"},
		{[]string{nobody, "--rate", "0"}, exitFailed, "rate"},
		{[]string{nobody, "--rate", "many"}, exitUsage, "many"},
		{[]string{nobody, "--size", "8"}, exitFailed, "at least 80 bytes"},
		{[]string{nobody, "--clients", "0"}, exitFailed, "a writer"},
		{[]string{nobody, nobody, "--peer-id", "b" + strings.Repeat("a", 51)}, exitFailed, "name one address"},
		{[]string{nobody, "--network-secret-file", "/nowhere"}, exitFailed, "/nowhere"},
		{[]string{nobody, "--arrivals", "at will"}, exitUsage, "--arrivals"},
		{[]string{"idle", nobody, "--sessions", "0"}, exitFailed, "a session"},
		{[]string{"storm", nobody, "--rate", "0"}, exitFailed, "a storm needs"},
		{[]string{"slow", nobody, "--pace", "0"}, exitFailed, "slow readers"},
		{[]string{nobody, "--svg", "/nowhere/x.svg"}, exitFailed, "--svg"},
	} {
		r := harness(t, "", append([]string{"load"}, c.args...)...)
		if r.code != c.code || !strings.HasPrefix(r.err, "parley-harness: ") || !strings.Contains(r.err, c.says) || strings.Count(r.err, "\n") > 2 {
			t.Errorf("%v: exit code %d, %q", c.args, r.code, r.err)
		}
	}
}

func TestLoadHasHelpForEachOfItsKinds(t *testing.T) {
	for kind, want := range map[string]string{"messages": "--rate", "idle": "--sessions", "storm": "--within", "slow": "--pace"} {
		if r := harness(t, "", "load", kind, "--help"); r.code != 0 || !strings.Contains(r.out, want) || !strings.Contains(r.out, "--network-secret-file") {
			t.Errorf("%s: exit code %d: %s%s", kind, r.code, r.out, r.err)
		}
	}
}
