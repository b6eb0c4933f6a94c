package main

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"strconv"
	"strings"
	"time"

	"parley/rooms/client"
)

type sendCmd struct {
	waits
	Room     roomName `arg:"" help:"Name of a room, at least 8 characters of its ID, or @PERSON for a room of two." placeholder:"ROOM|@PERSON"`
	Text     []string `arg:"" optional:"" help:"The message; without it, each line of standard input is one." placeholder:"TEXT"`
	Replicas int      `help:"Return only when the last message is on this many other peers' disks." placeholder:"N"`
	Key      string   `help:"Name the message: sent again under the same key, it is not sent twice." placeholder:"KEY"`
	Null     bool     `name:"null" short:"0" help:"Messages on standard input end with NUL instead of a newline."`
	Whole    bool     `help:"All of standard input is one message."`
	Anyway   bool     `help:"Send though somebody who was removed could still read it, before the room's key is changed."`
	JSON     bool     `name:"json" help:"Print {\"id\",\"log\",\"seq\"} for each message once it is durable."`
}

// Help is the rest of the command's help.
func (*sendCmd) Help() string {
	return `Returns when all is durable on the daemon, and says on standard error on how many
other peers it is. Empty lines are left out. Run again after it was killed, it
first sends what had been signed; the same text is then a new message, unless
--key names it. After a removal it waits until the room's key was changed, which an
admin's agent does at once; --anyway does not wait.

  parley send lobby "hello"
  parley send @bob "between the two of us"
  journalctl -f | parley send ops
  parley send ops --key backup-2026-07-31 --replicas 2 "the backup is done"
  find . -print0 | parley send ops -0 --json`
}

// sendGrace is how long a send waits for other peers' acknowledgements before
// it says on how many the message is: about what a fsync on them takes, and not
// felt by who waits.
const sendGrace = 50 * time.Millisecond

// maxWhole bounds --whole: no message is larger, and the client says how large
// it may be.
const maxWhole = 4 << 20

func (c *sendCmd) Run(a *app) error {
	switch {
	case len(c.Text) > 0 && (c.Null || c.Whole):
		return usagef("-0 and --whole read standard input; leave out TEXT")
	case c.Null && c.Whole:
		return usagef("-0 and --whole exclude each other; give one of them")
	case c.Key != "" && len(c.Text) == 0 && !c.Whole:
		return usagef("--key names one message; give TEXT or --whole")
	case c.Replicas < 0:
		return usagef("--replicas %d is no number of peers; give 0 or more", c.Replicas)
	case len(c.Text) > 0 && strings.Join(c.Text, "") == "":
		return usagef("TEXT is empty; give a text")
	}
	// The daemon is asked before standard input is read: without it nothing is lost.
	return a.withPlace(c.waits, c.Room, func(cl *client.Client, room client.Room) error {
		defer a.tellNotices(a.ctx, cl, room)
		if len(c.Text) == 0 && !c.Whole {
			return c.pipe(a, cl, room)
		}
		data := []byte(strings.Join(c.Text, " "))
		if c.Whole {
			var err error
			if data, err = io.ReadAll(io.LimitReader(a.out.stdin, maxWhole)); err != nil {
				return fmt.Errorf("standard input: %w", err)
			}
			if len(data) == 0 {
				a.out.notice("standard input was empty: nothing was sent")
				return nil
			}
		}
		return c.one(a, cl, room, data)
	})
}

func (c *sendCmd) one(a *app, cl *client.Client, room client.Room, data []byte) error {
	ctx, cancel := c.limit(a.ctx)
	defer cancel()
	result, err := cl.Send(ctx, room.ID, data, client.SendOptions{Key: c.Key, Anyway: c.Anyway})
	if err != nil {
		return timedOut(ctx, err, storeAway(a.ctx, cl)+"the message is not known to be stored")
	}
	if c.JSON {
		if _, err := a.out.stdout.Write(appendSent(nil, result)); err != nil {
			return err
		}
	}
	return c.placed(a, cl, room, result, 1)
}

// storeAway says that the daemon does not answer, or cannot write to its store at the moment, if that is seen within a moment.
func storeAway(ctx context.Context, cl *client.Client) string {
	ctx, cancel := context.WithTimeout(ctx, time.Second)
	defer cancel()
	status, err := cl.Status(ctx)
	if errors.Is(err, client.ErrNoDaemon) || errors.Is(err, context.DeadlineExceeded) {
		return "the daemon does not answer: see that it runs; "
	}
	if err != nil {
		return ""
	}
	failing := ""
	for _, n := range status.Counters {
		switch {
		case n.Name == "store_full" && n.Value > 0:
			return "the disk of the daemon's store is full: make room there; it goes on by itself; "
		case n.Name == "store_failing" && n.Value > 0:
			failing = "the daemon's store cannot be written to at the moment; it goes on by itself; "
		}
	}
	return failing
}

// appendSent writes the contract's object for a message that is durable.
func appendSent(line []byte, r client.Result) []byte {
	line = append(line, `{"id":"`...)
	line = append(line, r.ID.String()...)
	line = append(line, `","log":"`...)
	line = append(line, r.Log.String()...)
	line = append(line, `","seq":`...)
	line = strconv.AppendUint(line, r.Seq, 10)
	return append(line, '}', '\n')
}

// pipe sends standard input message by message.
func (c *sendCmd) pipe(a *app, cl *client.Client, room client.Room) error {
	typed := isTerminal(a.out.stdin)
	if typed {
		a.out.notice("each line you type is a message; Ctrl-D ends")
	}
	sep := byte('\n')
	if c.Null {
		sep = 0
	}
	lines := client.Lines(a.out.stdin, sep)
	defer lines.Close()
	ctx, src := watchStall(a.ctx, lines, time.Duration(c.Timeout))
	defer src.stop()
	w := bufio.NewWriterSize(a.out.stdout, 64<<10)
	bar := newProgress(a.out, "sent", !typed)
	var before uint64
	opts := client.PipeOptions{Anyway: c.Anyway, Progress: func(durable uint64) {
		src.settled(durable - before)
		before = durable
		bar.set(durable, 0)
	}}
	if c.JSON { // to name each message takes a hash
		opts.Results = func(results []client.Result) error {
			var line []byte
			for _, r := range results {
				line = appendSent(line[:0], r)
				if _, err := w.Write(line); err != nil {
					return err
				}
			}
			return w.Flush()
		}
	}
	sum, err := cl.Pipe(ctx, room.ID, src, opts)
	bar.end()
	if err != nil {
		if sum.Messages > 0 {
			a.out.notice("%s stored here", count(sum.Messages, "message"))
		}
		cause := context.Cause(ctx)
		if errors.Is(err, client.ErrNoDaemon) { // it was there, and was waited for as long: whichever wait ends first
			cause = errTimeout
		}
		if a.ctx.Err() == nil && cause != nil && !errors.Is(err, client.ErrUnsealed) && !errors.Is(err, client.ErrNoKey) {
			return fmt.Errorf("%swhat was read last is not known to be stored: %w", storeAway(a.ctx, cl), cause)
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
		wait = c.patience()
	}
	what := "stored here"
	if sent > 1 {
		what = fmt.Sprintf("%d messages stored here", sent)
	}
	on, of, err := awaitReplicas(a.ctx, cl, room, at, c.Replicas, wait)
	switch {
	case err != nil && (c.Replicas > 0 || a.ctx.Err() != nil):
		return fmt.Errorf("%s, but on how many other peers is not known: %w", what, err)
	case err != nil:
		a.out.notice("%s; on how many other peers is not known: %v", what, err)
	case on < c.Replicas:
		return advise(fmt.Errorf("%s, but on %d of the %d other peers asked for: %w", what, on, c.Replicas, errTimeout),
			fmt.Sprintf("%s connected; the message is not lost and will reach them", havers(of)))
	case of == 0:
		a.out.notice("%s; no other peer that has the room is connected", what)
	default:
		a.out.notice("%s; on %d of %s", what, on, count(uint64(of), "peer"))
	}
	return nil
}

func havers(n int) string {
	if n == 1 {
		return "1 peer that has the room is"
	}
	return fmt.Sprintf("%d peers that have the room are", n)
}

// placedSlice is the longest that one request for replicas waits, so that it is
// asked again of a daemon that restarted.
const placedSlice = 10 * time.Second

// awaitReplicas asks until replicas other peers have the message on disk, or
// wait is over.
func awaitReplicas(ctx context.Context, cl *client.Client, room client.Room, at client.Result, replicas int, wait time.Duration) (on, of int, err error) {
	start := time.Now()
	for {
		left := max(wait-time.Since(start), 0)
		slice := min(left, placedSlice)
		ask, cancel := context.WithTimeout(ctx, slice+placedSlice)
		on, of, err = cl.Placed(ask, room.ID, at, replicas, slice)
		cancel()
		if err != nil || on >= replicas || left <= slice {
			return on, of, err
		}
	}
}
