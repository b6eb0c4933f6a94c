package main

import (
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"net"
	"sync"
	"sync/atomic"
	"time"
)

// opMsg is the number of the one kind of message in use.
const opMsg = 2013

// maxMessage is the most bytes of one message of MongoDB's wire protocol.
const maxMessage = 48_000_000

// A front stands between clients and the server. One exchange runs at a time over all connections.
type front struct {
	socket   string
	exchange sync.Mutex
	broken   atomic.Int64 // requests that were

	mu    sync.Mutex
	rule  rule
	away  bool
	slow  time.Duration // before each answer
	code  int32         // of the error that writes are answered with, 0: none
	conns map[net.Conn]struct{}
}

// A rule says which request is broken, and how.
type rule struct {
	after bool // it is carried out first
	every int  // 0: once
	left  int  // requests up to and with the broken one; 0: no rule
}

func (f *front) command(line string) error {
	f.mu.Lock()
	defer f.mu.Unlock()
	var verb, when string
	var n int
	_, _ = fmt.Sscan(line, &verb, &when, &n)
	if verb == "slow" {
		_, _ = fmt.Sscan(line, &verb, &n)
	}
	switch verb {
	case "cut", "every":
		if n < 1 || when != "before" && when != "after" {
			return errors.New("say cut or every, before or after, and a number")
		}
		f.rule = rule{after: when == "after", left: n}
		if verb == "every" {
			f.rule.every = n
		}
	case "refuse":
		f.code = int32(n)
	case "away":
		f.away = true
		for c := range f.conns {
			c.Close()
		}
	case "slow":
		f.slow = time.Duration(n) * time.Millisecond
	case "count":
	case "heal":
		f.rule, f.away, f.code, f.slow = rule{}, false, 0, 0
	default:
		return fmt.Errorf("no command %q", verb)
	}
	return nil
}

func (f *front) serve(ln net.Listener) {
	for {
		c, err := ln.Accept()
		if err != nil {
			time.Sleep(10 * time.Millisecond) // out of file descriptors
			continue
		}
		go f.pass(c)
	}
}

// pass forwards one connection's requests until either side or a rule ends it.
func (f *front) pass(client net.Conn) {
	defer client.Close()
	f.mu.Lock()
	if f.conns == nil {
		f.conns = make(map[net.Conn]struct{})
	}
	f.conns[client] = struct{}{}
	away := f.away
	f.mu.Unlock()
	defer func() {
		f.mu.Lock()
		delete(f.conns, client)
		f.mu.Unlock()
	}()
	if away {
		return
	}
	server, err := net.Dial("unix", f.socket)
	if err != nil {
		return
	}
	defer server.Close()
	for {
		request, err := readMessage(client)
		if err != nil {
			return
		}
		before, after := f.judge(request)
		if before {
			f.broken.Add(1)
			return
		}
		if slow := f.delay(request); slow > 0 {
			f.broken.Add(1)
			time.Sleep(slow)
		}
		reply := f.refusal(request)
		if reply == nil {
			f.exchange.Lock()
			reply, err = ask(server, request)
			f.exchange.Unlock()
		}
		if err != nil {
			return
		}
		if after {
			f.broken.Add(1)
			return
		}
		if _, err := client.Write(reply); err != nil {
			return
		}
	}
}

func ask(server net.Conn, request []byte) ([]byte, error) {
	if _, err := server.Write(request); err != nil {
		return nil, err
	}
	return readMessage(server)
}

// spared reports whether a request is left alone: a greeting or one of a cursor.
func spared(request []byte) bool {
	switch commandOf(request) {
	case "", "hello", "isMaster", "ismaster", "ping", "endSessions", "getMore", "killCursors", "saslStart", "saslContinue":
		return true
	}
	return false
}

// delay is how long this request waits.
func (f *front) delay(request []byte) time.Duration {
	if spared(request) {
		return 0
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.slow
}

// judge says whether the rule breaks this request, before or after it is carried out.
func (f *front) judge(request []byte) (before, after bool) {
	if spared(request) {
		return false, false
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.rule.left == 0 {
		return false, false
	}
	if f.rule.left--; f.rule.left > 0 {
		return false, false
	}
	f.rule.left = f.rule.every
	return !f.rule.after, f.rule.after
}

// readMessage reads one message: a length of four bytes, which counts itself, and the rest.
func readMessage(r io.Reader) ([]byte, error) {
	var head [4]byte
	if _, err := io.ReadFull(r, head[:]); err != nil {
		return nil, err
	}
	n := binary.LittleEndian.Uint32(head[:])
	if n < 16 || n > maxMessage {
		return nil, fmt.Errorf("a message of %d bytes", n)
	}
	message := make([]byte, n)
	copy(message, head[:])
	_, err := io.ReadFull(r, message[4:])
	return message, err
}

// commandOf returns the name of an OP_MSG's command: the first key of its body. Other messages have none.
func commandOf(message []byte) string {
	const header, flags = 16, 4
	if binary.LittleEndian.Uint32(message[12:]) != opMsg {
		return ""
	}
	b := message[header+flags:]
	for len(b) > 5 {
		size := int(binary.LittleEndian.Uint32(b[1:]))
		if b[0] != 0 { // a sequence of documents: the body comes behind it
			if size+1 > len(b) {
				return ""
			}
			b = b[1+size:]
			continue
		}
		key := b[1+4+1:] // behind the document's length and the first element's type
		for i, c := range key {
			if c == 0 {
				return string(key[:i])
			}
		}
		return ""
	}
	return ""
}

// refusal is the answer to a write while writes are refused, nil otherwise.
func (f *front) refusal(request []byte) []byte {
	switch commandOf(request) {
	case "insert", "update", "delete", "createIndexes":
	default:
		return nil
	}
	f.mu.Lock()
	code := f.code
	f.mu.Unlock()
	if code == 0 {
		return nil
	}
	f.broken.Add(1)
	doc := binary.LittleEndian.AppendUint64([]byte("\x01ok\x00"), 0)
	text := "refused by the test"
	doc = append(doc, "\x02errmsg\x00"...)
	doc = binary.LittleEndian.AppendUint32(doc, uint32(len(text)+1))
	doc = append(append(doc, text...), 0)
	doc = append(doc, "\x10code\x00"...)
	doc = binary.LittleEndian.AppendUint32(doc, uint32(code))
	doc = append(doc, 0)
	reply := make([]byte, 4, 64+len(doc))                                               // the length, below
	reply = binary.LittleEndian.AppendUint32(reply, 1)                                  // this answer's number
	reply = append(reply, request[4:8]...)                                              // the request's
	reply = binary.LittleEndian.AppendUint32(reply, opMsg)                              // the kind of message
	reply = append(reply, 0, 0, 0, 0, 0)                                                // no flags; a body
	reply = append(binary.LittleEndian.AppendUint32(reply, uint32(len(doc)+4)), doc...) // whose length counts itself
	binary.LittleEndian.PutUint32(reply, uint32(len(reply)))
	return reply
}
