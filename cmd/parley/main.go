// Command parley is peer-to-peer group messaging for networks that people own:
// the daemon, and the commands that talk to it.
package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/signal"
	"strings"
	"syscall"

	"github.com/alecthomas/kong"

	"parley/cmd/internal/home"
)

// cli is the whole command line. Its contract is stable: what stands here
// keeps its name and meaning.
type cli struct {
	globals

	Up       upCmd       `cmd:"" help:"The first command: make keys, start peer and agent, say who is heard and what to type next."`
	Daemon   daemonCmd   `cmd:"" help:"Run the peer alone, until SIGINT or SIGTERM."`
	Network  networkCmd  `cmd:"" help:"Make or show the network's secret."`
	ID       idCmd       `cmd:"" name:"id" help:"Show your ID and fingerprint, or set your name."`
	Peers    peersCmd    `cmd:"" help:"List sessions with other peers, and addresses heard without one."`
	Status   statusCmd   `cmd:"" help:"Show how the daemon is."`
	Doctor   doctorCmd   `cmd:"" help:"Say why peers do or do not find each other."`
	Room     roomCmd     `cmd:"" help:"Make, join, list, check and leave rooms."`
	Send     sendCmd     `cmd:"" help:"Send a message, or each line of standard input as one."`
	Tail     tailCmd     `cmd:"" help:"Show the messages of a room."`
	Store    storeCmd    `cmd:"" help:"Check, back up, restore or move where messages are kept."`
	Petname  petnameCmd  `cmd:"" help:"Give a person a name of your own, or list those you gave."`
	Verify   verifyCmd   `cmd:"" help:"Compare a person's fingerprint, by words or QR code."`
	Token    tokenCmd    `cmd:"" help:"List or revoke the tokens by which this user's sessions are resumed."`
	Complete completeCmd `cmd:"" name:"completion" help:"Print a completion script for your shell."`
	Version  versionCmd  `cmd:"" help:"Print the version."`
}

// globals are the flags of every command.
type globals struct {
	Home           string `group:"everywhere" help:"Folder of keys and state (default: parley in the XDG data folder)." placeholder:"DIR" env:"PARLEY_HOME"`
	DaemonAddr     string `group:"everywhere" name:"daemon" help:"Talk to this daemon instead of the one of the home." placeholder:"HOST:PORT"`
	DaemonID       string `group:"everywhere" name:"daemon-id" help:"The ID that the daemon named by --daemon must prove." placeholder:"ID"`
	NetworkName    string `group:"everywhere" name:"network" help:"Name of the network; without a secret file, an open network." placeholder:"NAME"`
	NetworkFile    string `group:"everywhere" name:"network-secret-file" help:"File with the network's name and secret, as parley network new writes it." placeholder:"FILE" type:"path"`
	PassphraseFile string `group:"everywhere" name:"passphrase-file" help:"File with the passphrase of the key files." placeholder:"FILE" type:"path"`
}

func main() {
	os.Exit(run(os.Args[1:], os.Stdin, os.Stdout, os.Stderr))
}

// newParser makes the parser of the command line. exit is called where kong
// would end the program: after --help.
func newParser(c *cli, stdout, stderr *os.File, exit func(code int)) (*kong.Kong, error) {
	return kong.New(c,
		kong.Name("parley"),
		kong.Description("Peer-to-peer group messaging for networks that people own."),
		kong.ConfigureHelp(kong.HelpOptions{Compact: true, NoExpandSubcommands: true, WrapUpperBound: 100}),
		kong.Writers(stdout, stderr),
		kong.Exit(exit),
		kong.Vars{"person": personHelp},
		kong.ExplicitGroups([]kong.Group{{Key: "everywhere", Title: "Flags of every command:"}}),
	)
}

// run is main with its surroundings named. It returns the exit code.
func run(args []string, stdin, stdout, stderr *os.File) int {
	var c cli
	out := &output{stdin: stdin, stdout: stdout, stderr: stderr}
	exited := -1
	parser, err := newParser(&c, stdout, stderr, func(code int) { exited = code })
	if err != nil {
		return out.fail(err)
	}
	if completed(parser) {
		return exitDone
	}
	if len(args) == 0 {
		args = []string{"--help"}
	}
	kctx, err := parser.Parse(args)
	if exited >= 0 {
		return exited // --help was printed
	}
	if err != nil {
		return out.usage(err)
	}
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	context.AfterFunc(ctx, stop) // a second signal ends the program at once
	err = kctx.Run(&app{ctx: ctx, out: out, globals: &c.globals, pass: home.StandardPassphrase(c.PassphraseFile)})
	if ctx.Err() != nil && (err == nil || errors.Is(err, context.Canceled)) && !isService(kctx.Command()) {
		return exitInterrupted
	}
	if err != nil {
		return out.fail(err)
	}
	return exitDone
}

// isService reports whether a signal is the ordinary end of the command.
func isService(command string) bool {
	return command == "daemon" || command == "up"
}

// output is where a command reads and writes.
type output struct {
	stdin          *os.File
	stdout, stderr *os.File
}

// notice writes a line to standard error.
func (o *output) notice(format string, args ...any) {
	fmt.Fprintf(o.stderr, "parley: %s\n", oneLine(fmt.Sprintf(format, args...)))
}

// fail prints an error as one line and returns its exit code.
func (o *output) fail(err error) int {
	code, text := explain(err)
	o.notice("%s", text)
	return code
}

// usage prints what kong finds wrong with the command line.
func (o *output) usage(err error) int {
	command := "parley"
	var parse *kong.ParseError
	if errors.As(err, &parse) && parse.Context != nil {
		if node := parse.Context.Selected(); node != nil {
			command = "parley " + node.Path()
		}
	}
	o.notice("%v; see %s --help", err, command)
	return exitUsage
}

// json prints one object as a line.
func (o *output) json(v any) error {
	line, err := marshal(v)
	if err == nil {
		_, err = o.stdout.Write(line)
	}
	return err
}

// printf writes to standard output. What others wrote goes through visible first.
func (o *output) printf(format string, args ...any) {
	fmt.Fprintf(o.stdout, format, args...)
}

// oneLine joins the lines of an error and takes out of it what drives a
// terminal: parts of it may come from other hosts.
func oneLine(s string) string {
	lines := strings.FieldsFunc(s, func(r rune) bool { return r == '\n' || r == '\r' })
	return visible(strings.Join(lines, "; "))
}
