package main

import (
	"errors"
	"fmt"
	"os"
	"slices"
	"time"

	"parley/cmd/internal/report"
	"parley/cmd/internal/vectors"
)

// vectorsCmd checks vectors.
type vectorsCmd struct {
	Dir     string   `help:"The folder testdata of the repository." default:"testdata" type:"path" placeholder:"DIR"`
	Program string   `help:"Ask this program, through the shell, instead of this implementation; testdata/README.md has the line protocol." placeholder:"CMD"`
	Only    []string `help:"Only families whose name contains this; may be repeated." placeholder:"NAME"`
	List    bool     `help:"List the families and what each proves."`
	Serve   bool     `help:"Answer questions from standard input, as a program does."`
	Format  string   `help:"How to print: ${enum}." enum:"text,json,tap,junit" default:"text"`
}

// Run implements the command.
func (c *vectorsCmd) Run(a *app) error {
	switch {
	case c.List:
		return c.list(a)
	case c.Serve:
		return vectors.Serve(a.stdin, a.stdout)
	}
	if _, err := os.Stat(c.Dir); err != nil {
		return fmt.Errorf("the vectors are not there: %w; give the repository's folder testdata with --dir", err)
	}
	all, err := vectors.Load(c.Dir, c.Only...)
	if err != nil && !errors.Is(err, vectors.ErrFamily) {
		return err
	}
	missing := err
	if len(all) == 0 && missing == nil {
		return fmt.Errorf("no family's name contains %q; see parley-harness vectors --list", c.Only)
	}
	printer, err := report.New(c.Format, "vectors", a.stdout, len(all), false)
	if err != nil {
		return err
	}
	failed, err := c.check(a, all, printer)
	if err == nil {
		err = printer.End()
	}
	switch {
	case err != nil:
		return err
	case missing != nil:
		return missing
	case failed > 0:
		return errFailed
	}
	return nil
}

func (c *vectorsCmd) list(a *app) error {
	families := vectors.Families()
	var names []string
	for name := range families {
		names = append(names, name)
	}
	slices.Sort(names)
	for _, name := range names {
		if _, err := fmt.Fprintf(a.stdout, "%-28s %s\n", name, families[name]); err != nil {
			return err
		}
	}
	return nil
}

// check asks every question and prints what comes.
func (c *vectorsCmd) check(a *app, all []vectors.Vector, printer report.Printer) (failed int, err error) {
	ask := func(q vectors.Question) (vectors.Answer, error) { return vectors.Ask(q), nil }
	if c.Program != "" {
		p, err := vectors.Start(a.ctx, c.Program, a.stderr)
		if err != nil {
			return 0, fmt.Errorf("the program %q does not start: %w", c.Program, err)
		}
		defer func() {
			if cerr := p.Close(); cerr != nil && err == nil {
				err = fmt.Errorf("the program %q ended badly: %w", c.Program, cerr)
			}
		}()
		ask = p.Ask
	}
	for i := range all {
		v := &all[i]
		start := time.Now()
		answer, err := ask(v.Question)
		if err != nil {
			return failed, fmt.Errorf("%s, %q: %w", v.Family, v.Name, err)
		}
		r := report.Result{
			ID: fmt.Sprintf("V%03d", v.ID), Name: v.Family + " " + v.Do + ": " + v.Name,
			Expected: outcome(v.Want), Got: outcome(answer), Problem: v.Differs(answer, c.Program == ""), Took: time.Since(start),
		}
		if r.Problem != "" {
			failed++
		}
		if err := printer.Result(r); err != nil {
			return failed, err
		}
	}
	return failed, nil
}

func outcome(a vectors.Answer) string {
	switch {
	case a.Unknown:
		return "unknown family"
	case a.Accepted:
		return "accepted"
	case a.Reason != "":
		return "refused: " + a.Reason
	}
	return "refused"
}
