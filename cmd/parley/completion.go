package main

import (
	"fmt"
	"os"

	"github.com/alecthomas/kong"
	kongcompletion "github.com/jotaen/kong-completion"
)

// completeCmd prints what a shell is to run so that it asks this program for
// completions (environment COMP_LINE, as bash's complete -C sets it).
type completeCmd struct {
	Shell string `arg:"" enum:"bash,zsh,fish" help:"bash, zsh or fish."`
}

// Help says how to use the script.
func (*completeCmd) Help() string {
	return `Put this in your shell's start-up file:

  bash  source <(parley completion bash)
  zsh   source <(parley completion zsh)
  fish  parley completion fish | source`
}

func (c *completeCmd) Run(a *app) error {
	bin, err := os.Executable()
	if err != nil {
		return fmt.Errorf("this program's own path is not known: %w", err)
	}
	switch c.Shell {
	case "bash":
		a.out.printf("complete -C %q parley\n", bin)
	case "zsh":
		a.out.printf("autoload -U +X bashcompinit && bashcompinit\ncomplete -C %q parley\n", bin)
	case "fish":
		a.out.printf("function __complete_parley\n    set -lx COMP_LINE (commandline -cp)\n    test -z (commandline -ct); and set COMP_LINE \"$COMP_LINE \"\n    %q\nend\ncomplete -f -c parley -a \"(__complete_parley)\"\n", bin)
	}
	return nil
}

// completed answers a shell that asks for completions, and reports whether one did.
func completed(parser *kong.Kong) (done bool) {
	if os.Getenv("COMP_LINE") == "" {
		return false
	}
	kongcompletion.Register(parser, kongcompletion.WithExitFunc(func(int) { done = true }))
	return done
}
