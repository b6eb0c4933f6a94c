// Command parley-harness tries peers of the Parley protocol, this
// implementation's or another's: it checks vectors, runs the specification's
// rules against a peer, holds conversations with it that are almost right, puts
// load on peers, and stands between two of them.
package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/signal"
	"strings"
	"syscall"

	"github.com/alecthomas/kong"

	"parley/cmd/internal/fuzz"
)

// The exit codes: those of parley, as far as they occur here.
const (
	exitDone        = 0
	exitFailed      = 1
	exitUsage       = 2
	exitInterrupted = 130
)

// cli is the whole command line.
type cli struct {
	Vectors vectorsCmd `cmd:"" help:"Check the vectors of testdata, with this implementation or another one's program."`
	Conform conformCmd `cmd:"" help:"Run every rule of the specification against a peer, byte by byte."`
	Load    loadCmd    `cmd:"" help:"Put honest traffic on peers and measure it: messages, idle sessions, storms, slow readers."`
	Fuzz    fuzzCmd    `cmd:"" help:"Hold conversations with a peer that are almost right, and watch it."`
	Proxy   proxyCmd   `cmd:"" help:"Stand between two peers and make the way bad: slow, narrow, cut, half-open, out of order."`
}

// errFailed says that a case failed; what did is printed already.
var errFailed = errors.New("not all cases passed")

// An app is what a command runs with.
type app struct {
	ctx            context.Context // ends with SIGINT or SIGTERM
	stdin          io.Reader
	stdout, stderr io.Writer
}

func main() {
	os.Exit(run(os.Args[1:], os.Stdin, os.Stdout, os.Stderr))
}

// run is main with its surroundings named. It returns the exit code.
func run(args []string, stdin io.Reader, stdout, stderr io.Writer) int {
	var c cli
	exited := -1
	parser, err := kong.New(&c,
		kong.Name("parley-harness"),
		kong.Description("Conformance tests for peers of the Parley protocol, and what helps to try them."),
		kong.ConfigureHelp(kong.HelpOptions{Compact: true, NoExpandSubcommands: true, WrapUpperBound: 100}),
		kong.Writers(stdout, stderr),
		kong.Vars{"fuzz_roles": strings.Join(fuzz.Roles(), ", ")},
		kong.Exit(func(code int) { exited = code }),
	)
	if err != nil {
		return fail(stderr, err)
	}
	if len(args) == 0 {
		args = []string{"--help"}
	}
	kctx, err := parser.Parse(args)
	if exited >= 0 {
		return exited // --help was printed
	}
	if err != nil {
		fmt.Fprintf(stderr, "parley-harness: %v; see parley-harness --help\n", err)
		return exitUsage
	}
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	context.AfterFunc(ctx, stop) // a second signal ends the program at once
	err = kctx.Run(&app{ctx: ctx, stdin: stdin, stdout: stdout, stderr: stderr})
	switch {
	case err == nil:
		return exitDone
	case ctx.Err() != nil:
		return exitInterrupted
	case errors.Is(err, errFailed):
		return exitFailed
	}
	return fail(stderr, err)
}

func fail(stderr io.Writer, err error) int {
	fmt.Fprintf(stderr, "parley-harness: %v\n", err)
	return exitFailed
}
