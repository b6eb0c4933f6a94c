package main

import (
	"os"
	"slices"
	"strings"
	"testing"

	"github.com/alecthomas/kong"
)

// contract is the command line that scripts rely on: command, its arguments in
// order, its flags. More may come; what stands here keeps its name.
var contract = []struct{ command, args, flags string }{
	{"", "", "--home --daemon --daemon-id --help"},
	{"up", "", "--listen --network --network-secret-file --interface --peer --no-discovery --store --users --log-format --log-level --metrics-file"},
	{"daemon", "", "--listen --network --network-secret-file --interface --peer --no-discovery --store --users --log-format --log-level --metrics-file"},
	{"network new", "[file]", ""},
	{"id", "", "--json --algorithm --name --renew"},
	{"peers", "", "--json -w --timeout"},
	{"status", "", "--json --timeout"},
	{"doctor", "", "--json --timeout"},
	{"room create", "name", "--history --topic --capacity --timeout"},
	{"room ls", "", "--json --timeout"},
	{"room info", "room", "--json --timeout"},
	{"room members", "room", "--json --timeout"},
	{"room invite", "room", "--uses --expires --role --qr --timeout"},
	{"room join", "link", "--no-wait --timeout"},
	{"room revoke", "room [invite]", "--all --json --timeout"},
	{"room kick", "room person", "--json --timeout"},
	{"room ban", "room person", "--json --timeout"},
	{"room unban", "room person", "--json --timeout"},
	{"room role", "room person role", "--json --timeout"},
	{"room rotate", "room", "--json --timeout"},
	{"room policy", "room", "--name --topic --history --capacity --retention --epoch-age --json --timeout"},
	{"room handover", "room person", "--json --timeout"},
	{"room trim", "room", "--older --json --timeout"},
	{"room leave", "room", "--timeout"},
	{"room verify", "room [peer]", "--json --timeout"},
	{"send", "room [text]", "--replicas --key -0 --whole --anyway --json --timeout"},
	{"tail", "room", "-n --all -f --sorted --since --json --count --cursor --print0 --timeout"},
	{"petname", "[person] [name]", "--remove --json"},
	{"verify", "person [words]", "--qr --json"},
	{"store check", "[store]", "--json --timeout"},
	{"store backup", "dir", "--json --timeout"},
	{"store restore", "dir", "--replace --json"},
	{"store migrate", "from to", "--json"},
	{"token ls", "", "--timeout"},
	{"token revoke", "id", "--timeout"},
	{"completion", "shell", ""},
	{"version", "", "--json"},
}

// later are commands of the contract that a later release brings: until then
// they must not stand in the help.
var later = []string{"chat", "lookup"}

func model(t *testing.T) *kong.Application {
	t.Helper()
	parser, err := newParser(&cli{}, os.Stdout, os.Stderr, func(int) {})
	if err != nil {
		t.Fatal(err)
	}
	return parser.Model
}

// find returns the node of a command, or nil.
func find(root *kong.Node, command string) *kong.Node {
	node := root
	for _, name := range strings.Fields(command) {
		i := slices.IndexFunc(node.Children, func(n *kong.Node) bool { return n.Name == name })
		if i < 0 {
			return nil
		}
		node = node.Children[i]
	}
	return node
}

func TestEveryCommandAndFlagOfTheContractIsThere(t *testing.T) {
	root := model(t).Node
	for _, want := range contract {
		node := find(root, want.command)
		if node == nil {
			t.Errorf("no command %q", want.command)
			continue
		}
		var args []string
		for _, p := range node.Positional {
			name := p.Name
			if !p.Required {
				name = "[" + name + "]"
			}
			args = append(args, name)
		}
		if got := strings.Join(args, " "); got != want.args {
			t.Errorf("%s takes %q, want %q", want.command, got, want.args)
		}
		have := make(map[string]bool)
		for _, group := range node.AllFlags(false) {
			for _, f := range group {
				have["--"+f.Name] = true
				if f.Short != 0 {
					have["-"+string(f.Short)] = true
				}
			}
		}
		for _, flag := range strings.Fields(want.flags) {
			if !have[flag] {
				t.Errorf("%s has no flag %s", want.command, flag)
			}
		}
	}
}

func TestEveryCommandOfTheProgramIsInTheContractTest(t *testing.T) {
	known := []string{"network show"} // more than the contract
	for _, c := range contract {
		known = append(known, c.command)
	}
	for _, leaf := range model(t).Leaves(false) {
		if path := leaf.Path(); !slices.Contains(known, path) {
			t.Errorf("command %q stands in no list", path)
		}
	}
}

func TestCommandsOfLaterReleasesAreNotThere(t *testing.T) {
	root := model(t).Node
	for _, command := range later {
		if find(root, command) != nil {
			t.Errorf("%q is there", command)
		}
	}
}

func TestWhatTakesAChoiceOffersTheContractsOnes(t *testing.T) {
	root := model(t).Node
	for flag, want := range map[string]string{
		"room create --history": "all,joined",
		"room invite --role":    "member,reader,relay",
		"daemon --log-format":   "text,json",
	} {
		command, name, _ := strings.Cut(flag, " --")
		for _, f := range find(root, command).Flags {
			if f.Name == name && f.Enum != want {
				t.Errorf("%s offers %s, want %s", flag, f.Enum, want)
			}
		}
	}
	if got := find(root, "completion").Positional[0].Enum; got != "bash,zsh,fish" {
		t.Errorf("completion offers %s", got)
	}
}

func TestEveryCommandAndFlagHasHelp(t *testing.T) {
	root := model(t).Node
	var walk func(n *kong.Node)
	walk = func(n *kong.Node) {
		if n.Type == kong.CommandNode && !strings.HasSuffix(n.Help, ".") {
			t.Errorf("%s: the help %q is no sentence", n.Path(), n.Help)
		}
		for _, f := range n.Flags {
			if !strings.HasSuffix(f.Help, ".") {
				t.Errorf("%s --%s: the help %q is no sentence", n.Path(), f.Name, f.Help)
			}
		}
		for _, p := range n.Positional {
			if p.Help == "" {
				t.Errorf("%s <%s>: no help", n.Path(), p.Name)
			}
		}
		for _, child := range n.Children {
			walk(child)
		}
	}
	for _, child := range root.Children {
		walk(child)
	}
}
