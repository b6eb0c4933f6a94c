package main

import (
	"bufio"
	"context"
	"encoding/base64"
	"errors"
	"iter"
	"strconv"
	"time"
	"unicode/utf8"

	"parley/rooms/client"
	"parley/wire"
)

// defaultLast is how much of the history a tail shows that is not told.
const defaultLast = 10

// defaultPatience is --timeout of a tail that ends by itself.
const defaultPatience = duration(30 * time.Second)

type tailCmd struct {
	Room    roomName  `arg:"" help:"Name of a room, at least 8 characters of its ID, or @PERSON for a room of two." placeholder:"ROOM|@PERSON"`
	N       *int      `short:"n" name:"last" help:"Of the history, the newest N messages (default: 10; all with --since or --cursor)." placeholder:"N"`
	All     bool      `help:"All of the history."`
	Follow  bool      `short:"f" help:"Go on with what arrives, until interrupted."`
	Sorted  bool      `help:"History in causal order instead of the order of arrival."`
	Since   string    `help:"Leave out what was written before this time (RFC 3339), or longer ago than this (90m, 7d)." placeholder:"T|D"`
	JSON    bool      `name:"json" help:"Print one JSON object a line."`
	Count   int       `help:"End after N messages." placeholder:"N"`
	Cursor  string    `help:"Remember the place in this file: across runs each message is shown once." placeholder:"FILE" type:"path"`
	Print0  bool      `name:"print0" help:"Print only the messages' bytes, each followed by NUL."`
	Timeout *duration `help:"End with code 5 after this long without progress; 0: never (default: 30s; with -f: never)." placeholder:"D"`
}

// Help is the rest of the command's help.
func (*tailCmd) Help() string {
	return `Without -f it ends at the end of the history. With -f it goes on across restarts of
the daemon, and ends with code 4 when you are removed from the room. Names are claims: name·fp4x shows four characters of the author's ID.
In JSON the fields are room, id, log, seq, author, name, time (the author's clock),
received, epoch, and text or, where it is not UTF-8, data in base64.

  parley tail ops -f
  parley tail ops --all --json --sorted | jq -r .text
  parley tail ops --cursor ~/.ops.cursor --print0 | xargs -0 -n1 ./handle`
}

// options checks the flags and says what to read.
func (c *tailCmd) options(now time.Time) (client.TailOptions, error) {
	opts := client.TailOptions{Follow: c.Follow, Sorted: c.Sorted, Cursor: c.Cursor}
	switch {
	case c.JSON && c.Print0:
		return opts, usagef("--json and --print0 exclude each other; give one of them")
	case c.Sorted && c.Follow:
		return opts, usagef("--sorted orders the history; leave out -f")
	case c.All && c.N != nil:
		return opts, usagef("--all and -n exclude each other; give one of them")
	case c.N != nil && *c.N < 0:
		return opts, usagef("-n %d is no number of messages; give 0 or more", *c.N)
	case c.Count < 0:
		return opts, usagef("--count %d is no number of messages; give 1 or more", c.Count)
	}
	switch {
	case c.N != nil && *c.N == 0:
		opts.Last = -1
	case c.N != nil:
		opts.Last = *c.N
	case !c.All && c.Since == "" && c.Cursor == "":
		opts.Last = defaultLast
	}
	if c.Since != "" {
		var err error
		if opts.Since, err = parseSince(c.Since, now); err != nil {
			return opts, err
		}
	}
	opts.Timeout = time.Duration(c.patience().Timeout)
	return opts, nil
}

// patience is the flag --timeout with its defaults.
func (c *tailCmd) patience() waits {
	switch {
	case c.Timeout != nil:
		return waits{*c.Timeout}
	case c.Follow:
		return waits{}
	}
	return waits{defaultPatience}
}

func (c *tailCmd) Run(a *app) error {
	opts, err := c.options(time.Now())
	if err != nil {
		return err
	}
	w := bufio.NewWriterSize(a.out.stdout, 64<<10)
	opts.Flush = w.Flush
	wait := waits{defaultPatience}
	if c.Timeout != nil {
		wait = c.patience()
	}
	return a.withPlace(wait, c.Room, func(cl *client.Client, room client.Room) error {
		a.tellNotices(a.ctx, cl, room)
		err := c.read(a, cl.Tail, room, opts, &printer{w: w, json: c.JSON, print0: c.Print0})
		return errors.Join(err, w.Flush())
	})
}

// A tailFunc is the Tail of a client.
type tailFunc func(ctx context.Context, room wire.ID, opts client.TailOptions) iter.Seq2[*client.Message, error]

func (c *tailCmd) read(a *app, tail tailFunc, room client.Room, opts client.TailOptions, p *printer) error {
	ctx, cancel := context.WithCancelCause(a.ctx)
	defer cancel(nil)
	// What follows may pause for as long as --timeout allows.
	var idle *time.Timer
	if c.Follow && opts.Timeout > 0 {
		idle = time.AfterFunc(opts.Timeout, func() { cancel(errTimeout) })
		defer idle.Stop()
	}
	shown := 0
	for m, err := range tail(ctx, room.ID, opts) {
		if err != nil {
			if cause := context.Cause(ctx); errors.Is(cause, errTimeout) {
				return cause
			}
			return err
		}
		if idle != nil {
			idle.Reset(opts.Timeout)
		}
		if m.Problem != nil && !c.JSON {
			a.out.notice("message %d of %s cannot be read: %v", m.Seq, m.Name, m.Problem)
			continue
		}
		if err := p.print(m); err != nil {
			return err
		}
		if shown++; shown == c.Count {
			return nil
		}
	}
	return context.Cause(ctx)
}

// A printer writes messages in one of the three forms.
type printer struct {
	w            *bufio.Writer
	json, print0 bool
	line         []byte
	ids          map[wire.ID]string // texts of IDs seen lately
}

func (p *printer) print(m *client.Message) error {
	switch {
	case p.print0:
		p.line = append(append(p.line[:0], m.Data...), 0)
	case p.json:
		p.line = p.appendJSON(p.line[:0], m)
	default:
		p.line = m.Time.Local().AppendFormat(p.line[:0], time.DateTime)
		p.line = append(p.line, ' ')
		p.line = append(p.line, visible(m.Name)...)
		p.line = append(p.line, ": "...)
		p.line = append(p.line, printable(m.Data)...)
		p.line = append(p.line, '\n')
	}
	_, err := p.w.Write(p.line)
	return err
}

// maxTexts bounds the texts of IDs that a printer keeps: the authors and logs
// of a lively room.
const maxTexts = 4096

// text is an ID's text form; a tail repeats few of them.
func (p *printer) text(id wire.ID) string {
	if s, ok := p.ids[id]; ok {
		return s
	}
	if p.ids == nil || len(p.ids) >= maxTexts {
		p.ids = make(map[wire.ID]string)
	}
	s := id.String()
	p.ids[id] = s
	return s
}

// appendJSON writes the contract's object. It is by hand because a tail of a
// full pipe prints hundreds of thousands of them a second.
func (p *printer) appendJSON(b []byte, m *client.Message) []byte {
	b = append(b, `{"room":"`...)
	b = append(b, p.text(m.Room)...)
	b = append(b, `","id":"`...)
	b = append(b, m.ID.String()...)
	b = append(b, `","log":"`...)
	b = append(b, p.text(m.Log)...)
	b = append(b, `","seq":`...)
	b = strconv.AppendUint(b, m.Seq, 10)
	b = append(b, `,"author":"`...)
	b = append(b, p.text(m.Author)...)
	b = append(b, `","name":`...)
	b = appendJSONString(b, m.Name)
	b = append(b, `,"time":"`...)
	b = m.Time.UTC().AppendFormat(b, jsonTime)
	b = append(b, `","received":"`...)
	b = m.Received.UTC().AppendFormat(b, jsonTime)
	b = append(b, `","epoch":"`...)
	if !m.Epoch.IsZero() { // open rooms have none
		b = append(b, p.text(m.Epoch)...)
	}
	b = append(b, '"')
	switch {
	case m.Problem != nil:
		b = append(b, `,"problem":`...)
		b = appendJSONString(b, m.Problem.Error())
	case utf8.Valid(m.Data):
		b = append(b, `,"text":`...)
		b = appendJSONString(b, string(m.Data))
	default:
		b = append(b, `,"data":"`...)
		b = base64.StdEncoding.AppendEncode(b, m.Data)
		b = append(b, '"')
	}
	return append(b, '}', '\n')
}
