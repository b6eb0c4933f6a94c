package main

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"strings"
	"time"

	"parley/rooms/client"
)

type sendCmd struct {
	Room     string        `arg:"" help:"Name of a room, or at least 8 characters of its ID." placeholder:"ROOM"`
	Text     []string      `arg:"" optional:"" help:"The message; without it, each line of standard input is one." placeholder:"TEXT"`
	Replicas int           `help:"Return only when the last message is on this many other peers' disks." placeholder:"N"`
	Key      string        `help:"Name the message: sent again under the same key, it is not sent twice." placeholder:"KEY"`
	Null     bool          `name:"null" short:"0" help:"Messages on standard input end with NUL instead of a newline."`
	Whole    bool          `help:"All of standard input is one message."`
	JSON     bool          `name:"json" help:"Print {\"id\",\"log\",\"seq\"} for each message once it is durable."`
	Timeout  time.Duration `help:"Longest time without progress." default:"30s"`
}

// sendGrace is how long a send waits for other peers' acknowledgements before it says on how many the message is: about
// what a fsync on them takes, and not felt by who waits.
const sendGrace = 50 * time.Millisecond

// maxWhole bounds --whole: no message is larger, and the client says how large it may be.
const maxWhole = 4 << 20

type sentJSON struct {
	ID  string `json:"id"`
	Log string `json:"log"`
	Seq uint64 `json:"seq"`
}

func (c *sendCmd) Run(a *app) error {
	switch {
	case len(c.Text) > 0 && (c.Null || c.Whole):
		return usagef("-0 and --whole read standard input; leave out TEXT")
	case c.Null && c.Whole:
		return usagef("-0 and --whole exclude each other")
	case c.Key != "" && len(c.Text) == 0 && !c.Whole:
		return usagef("--key names one message: give TEXT or --whole")
	case c.Replicas < 0:
		return usagef("--replicas %d: give a number of peers", c.Replicas)
	}
	// The daemon is asked before standard input is read: without it nothing is lost.
	return a.withRoom(c.Room, func(cl *client.Client, room client.Room) error {
		if len(c.Text) == 0 && !c.Whole {
			return c.pipe(a, cl, room)
		}
		data := []byte(strings.Join(c.Text, " "))
		if c.Whole {
			var err error
			if data, err = io.ReadAll(io.LimitReader(a.out.stdin, maxWhole)); err != nil {
				return fmt.Errorf("standard input: %w", err)
			}
		}
		return c.one(a, cl, room, data)
	})
}

func (c *sendCmd) one(a *app, cl *client.Client, room client.Room, data []byte) error {
	ctx, cancel := context.WithTimeout(a.ctx, c.Timeout)
	defer cancel()
	result, err := cl.Send(ctx, room.ID, data, client.SendOptions{Key: c.Key})
	if err != nil {
		return timedOut(ctx, err, "the message is not known to be stored")
	}
	if c.JSON {
		if err := a.out.json(sentJSON{result.ID.String(), result.Log.String(), result.Seq}); err != nil {
			return err
		}
	}
	return c.placed(a, cl, room, result, 1)
}

// pipe sends standard input message by message.
func (c *sendCmd) pipe(a *app, cl *client.Client, room client.Room) error {
	if isTerminal(a.out.stdin) {
		a.out.notice("each line you type is a message; Ctrl-D ends")
	}
	sep := byte('\n')
	if c.Null {
		sep = 0
	}
	src := client.Lines(a.out.stdin, sep)
	defer src.Close()
	opts := client.PipeOptions{}
	if c.JSON {
		w := bufio.NewWriterSize(a.out.stdout, 64<<10)
		opts.Results = func(results []client.Result) error {
			var line []byte
			for _, r := range results {
				line = append(line[:0], `{"id":"`...)
				line = append(line, r.ID.String()...)
				line = append(line, `","log":"`...)
				line = append(line, r.Log.String()...)
				line = fmt.Appendf(line, `","seq":%d}`+"\n", r.Seq)
				if _, err := w.Write(line); err != nil {
					return err
				}
			}
			return w.Flush()
		}
	}
	bar := newProgress(a.out, "sent", -1)
	opts.Progress = func(durable uint64) { bar.set(durable) }
	sum, err := cl.Pipe(a.ctx, room.ID, src, opts)
	bar.end()
	if err != nil {
		if sum.Messages > 0 {
			a.out.notice("%d messages are stored", sum.Messages)
		}
		return err
	}
	if sum.Messages == 0 {
		a.out.notice("standard input was empty: nothing was sent")
		return nil
	}
	return c.placed(a, cl, room, sum.Last, sum.Messages)
}

// placed says on how many peers the last message is, and waits for as many as
// --replicas asks for.
func (c *sendCmd) placed(a *app, cl *client.Client, room client.Room, at client.Result, sent uint64) error {
	wait := sendGrace
	if c.Replicas > 0 {
		wait = c.Timeout
	}
	ctx, cancel := context.WithTimeout(a.ctx, wait+5*time.Second)
	defer cancel()
	on, of, err := cl.Placed(ctx, room.ID, at, c.Replicas, wait)
	if err != nil {
		return fmt.Errorf("stored here; on how many other peers is not known: %w", err)
	}
	what := "stored here"
	if sent > 1 {
		what = fmt.Sprintf("%d messages stored here", sent)
	}
	if on < c.Replicas {
		return advise(fmt.Errorf("%s, but on %d of the %d other peers asked for: %w", what, on, c.Replicas, client.ErrNoProgress),
			fmt.Sprintf("%d have the room and are connected; the message is not lost and will reach them", of))
	}
	a.out.notice("%s; on %d of %d peers", what, on, of)
	return nil
}

// timedOut makes the end of --timeout an error that says so.
func timedOut(ctx context.Context, err error, what string) error {
	if errors.Is(ctx.Err(), context.DeadlineExceeded) {
		return fmt.Errorf("%s: %w", what, context.DeadlineExceeded)
	}
	return err
}
