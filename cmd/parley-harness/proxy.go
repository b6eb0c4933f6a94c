package main

import (
	"bufio"
	"context"
	"fmt"
	"net"

	"parley/cmd/internal/proxy"
)

// proxyCmd stands between two ends.
type proxyCmd struct {
	Target string   `arg:"" help:"Where to forward to." placeholder:"HOST:PORT"`
	Listen string   `help:"Where to listen." default:"127.0.0.1:0" placeholder:"HOST:PORT"`
	Do     []string `help:"Carry out this command at first, as one from standard input; may be repeated." placeholder:"COMMAND" sep:"none"`
}

// Help is the long help.
func (c *proxyCmd) Help() string {
	return "It prints `ready ADDR`, and then carries out commands from standard input, a line each:\n\n" + proxy.Commands +
		"\n\nIt runs until SIGINT or SIGTERM, and ends with a line that counts what went through."
}

// Run implements the command.
func (c *proxyCmd) Run(a *app) error {
	if _, _, err := net.SplitHostPort(c.Target); err != nil {
		return fmt.Errorf("the target %s: give HOST:PORT", c.Target)
	}
	var lc net.ListenConfig
	l, err := lc.Listen(a.ctx, "tcp", c.Listen)
	if err != nil {
		return fmt.Errorf("--listen %s: %w", c.Listen, err)
	}
	p := proxy.New(l, func(ctx context.Context) (net.Conn, error) {
		var d net.Dialer
		return d.DialContext(ctx, "tcp", c.Target)
	})
	defer p.Close()
	for _, line := range c.Do {
		if err := p.Do(line); err != nil {
			return fmt.Errorf("--do: %w", err)
		}
	}
	if _, err := fmt.Fprintf(a.stdout, "ready %s\n", p.Addr()); err != nil {
		return err
	}
	lines := make(chan string)
	go func() {
		in := bufio.NewScanner(a.stdin)
		for in.Scan() {
			select {
			case lines <- in.Text():
			case <-a.ctx.Done():
				return
			}
		}
	}()
	for {
		select {
		case line := <-lines:
			if err := p.Do(line); err != nil {
				fmt.Fprintf(a.stderr, "parley-harness: %v\n", err)
			}
		case <-a.ctx.Done():
			s := p.Stats()
			fmt.Fprintf(a.stderr, "parley-harness: %d bytes forwarded, %d connections open, cut %d times\n", s.Forwarded, s.Open, s.Cuts)
			return nil
		}
	}
}
