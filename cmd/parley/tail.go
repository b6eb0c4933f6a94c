package main

import (
	"bufio"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"strconv"
	"strings"
	"time"
	"unicode"
	"unicode/utf8"

	"parley/rooms/client"
	"parley/wire"
)

type tailCmd struct {
	Room    string        `arg:"" help:"Name of a room, or at least 8 characters of its ID." placeholder:"ROOM"`
	N       int           `short:"n" help:"Of the history, the newest N messages." default:"10" placeholder:"N"`
	All     bool          `help:"All of the history."`
	Follow  bool          `short:"f" help:"Go on with what arrives, until interrupted."`
	Sorted  bool          `help:"History in causal order instead of the order of arrival."`
	Since   string        `help:"Leave out what was written before this time (RFC 3339) or longer ago than this (90m, 24h)." placeholder:"T|D"`
	JSON    bool          `name:"json" help:"Print one JSON object a line."`
	Count   int           `help:"End after N messages." placeholder:"N"`
	Cursor  string        `help:"Remember the place in this file: across runs each message is shown once." placeholder:"FILE" type:"path"`
	Print0  bool          `name:"print0" help:"Print only the messages' bytes, each followed by NUL."`
	Timeout time.Duration `help:"With -f or --count: end, with code 5, after this long without a message (default: never)." placeholder:"D"`
}

func (c *tailCmd) Run(a *app) error {
	opts := client.TailOptions{
		Last: c.N, Follow: c.Follow, Sorted: c.Sorted, Cursor: c.Cursor, Timeout: c.Timeout,
	}
	switch {
	case c.JSON && c.Print0:
		return usagef("--json and --print0 exclude each other")
	case c.Sorted && c.Follow:
		return usagef("--sorted orders the history; leave out -f")
	case c.N < 0 || c.Count < 0:
		return usagef("-n and --count take a number of messages")
	case c.N == 0:
		opts.Last = -1
	}
	if c.All || c.Cursor != "" || c.Since != "" {
		opts.Last = 0
	}
	if c.Since != "" {
		var err error
		if opts.Since, err = parseSince(c.Since, time.Now()); err != nil {
			return err
		}
	}
	return a.withRoom(c.Room, func(cl *client.Client, room client.Room) error {
		w := bufio.NewWriterSize(a.out.stdout, 64<<10)
		opts.Flush = w.Flush
		p := &printer{w: w, json: c.JSON, print0: c.Print0}
		shown := 0
		for m, err := range cl.Tail(a.ctx, room.ID, opts) {
			if err != nil {
				return errors.Join(w.Flush(), err)
			}
			if m.Problem != nil && !c.JSON {
				a.out.notice("message %d of %s cannot be read: %v", m.Seq, m.Name, m.Problem)
				continue
			}
			if err := p.print(m); err != nil {
				return err
			}
			if shown++; c.Count > 0 && shown == c.Count {
				break
			}
		}
		if err := w.Flush(); err != nil {
			return err
		}
		if c.Count > shown && a.ctx.Err() == nil && !c.Follow {
			return nil
		}
		return nil
	})
}

// parseSince reads a time, or a duration before now.
func parseSince(s string, now time.Time) (time.Time, error) {
	if d, err := time.ParseDuration(s); err == nil {
		return now.Add(-d), nil
	}
	for _, layout := range []string{time.RFC3339Nano, "2006-01-02T15:04:05", "2006-01-02 15:04:05", "2006-01-02"} {
		if t, err := time.ParseInLocation(layout, s, time.Local); err == nil {
			return t, nil
		}
	}
	return time.Time{}, usagef("--since %q: give a time such as 2006-01-02T15:04:05Z, or a duration such as 90m", s)
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
		p.line = append(p.line[:0], m.Time.Local().Format(time.DateTime)...)
		p.line = append(p.line, ' ')
		p.line = append(p.line, m.Name...)
		p.line = append(p.line, ": "...)
		p.line = append(p.line, printable(m.Data)...)
		p.line = append(p.line, '\n')
	}
	_, err := p.w.Write(p.line)
	return err
}

// printable is a message for people: what others wrote must not drive the
// terminal, so control characters become visible.
func printable(data []byte) string {
	if !utf8.Valid(data) {
		return fmt.Sprintf("(%d bytes that are no text; --json shows them)", len(data))
	}
	return strings.Map(func(r rune) rune {
		switch {
		case r == '\t' || r == '\n':
			return r
		case unicode.IsControl(r), unicode.Is(unicode.Bidi_Control, r):
			return unicode.ReplacementChar
		}
		return r
	}, string(data))
}

// text is an ID's text form; a tail repeats few of them.
func (p *printer) text(id wire.ID) string {
	if s, ok := p.ids[id]; ok {
		return s
	}
	if p.ids == nil || len(p.ids) > 4096 {
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
	if !m.Epoch.IsZero() {
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

const jsonTime = "2006-01-02T15:04:05.000000000Z"

// appendJSONString quotes s; the usual text needs no escape.
func appendJSONString(b []byte, s string) []byte {
	for i := range len(s) {
		if c := s[i]; c < ' ' || c == '"' || c == '\\' || c >= utf8.RuneSelf {
			q, err := json.Marshal(s)
			if err != nil { // a string always marshals
				return append(b, `""`...)
			}
			return append(b, q...)
		}
	}
	b = append(b, '"')
	b = append(b, s...)
	return append(b, '"')
}
