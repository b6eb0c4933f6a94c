package main

import (
	"context"
	"errors"
	"fmt"
	"strings"

	"parley/cmd/internal/home"
	"parley/rooms/client"
	"parley/wire"
)

// A usageError is a wrong command line that kong cannot see.
type usageError struct{ text string }

func (e *usageError) Error() string { return e.text }

func usagef(format string, args ...any) error {
	return &usageError{fmt.Sprintf(format, args...)}
}

// An advised error says what to do about it.
type advised struct {
	err    error
	advice string
}

func (e *advised) Error() string { return e.err.Error() + "; " + e.advice }
func (e *advised) Unwrap() error { return e.err }

// advise adds what to do to an error, unless it says so already.
func advise(err error, advice string) error {
	if err == nil {
		return nil
	}
	return &advised{err, advice}
}

// explain turns an error into an exit code and one line: what failed, why, and
// what to do.
func explain(err error) (code int, text string) {
	text = err.Error()
	var (
		werr  *wire.Error
		usage *usageError
		held  *home.HeldError
	)
	add := func(advice string) {
		if !strings.Contains(text, "; ") {
			text += "; " + advice
		}
	}
	switch {
	case errors.As(err, &usage):
		add("see --help")
		return exitUsage, text
	case errors.Is(err, context.Canceled):
		return exitInterrupted, "interrupted"
	case errors.Is(err, client.ErrNoDaemon), errors.Is(err, client.ErrWrongPeer), errors.Is(err, home.ErrNoAddress):
		add("start it with: parley up")
		return exitNoDaemon, text
	case errors.Is(err, client.ErrNoProgress), errors.Is(err, context.DeadlineExceeded):
		add("see parley peers and parley doctor, or give a longer --timeout")
		return exitTimeout, text
	case errors.Is(err, client.ErrNotMember):
		add("ask a member for an invite, then: parley room join LINK")
		return exitRefused, text
	case errors.Is(err, client.ErrReadOnly):
		add("ask the room's master for another role")
		return exitRefused, text
	case errors.Is(err, client.ErrNoRoom):
		add("parley room ls lists yours")
	case errors.As(err, &held):
		add(fmt.Sprintf("stop process %d first, or use another --home", held.PID))
	case errors.As(err, &werr):
		return explainWire(werr, text)
	}
	return exitFailed, text
}

// explainWire explains what a peer answered.
func explainWire(err *wire.Error, text string) (int, string) {
	advice := map[wire.Code]string{
		wire.CodeRefused:   "ask who runs the room or the daemon",
		wire.CodeRevoked:   "try again: the next session proves your key anew",
		wire.CodeExpired:   "ask for a new invite",
		wire.CodeExhausted: "ask for a new invite",
		wire.CodeStorage:   "make room on the daemon's disk; it goes on by itself",
		wire.CodeBusy:      "try again in a moment",
		wire.CodeShutdown:  "the daemon is stopping; start it again with: parley up",
		wire.CodeTimeout:   "see parley status, or give a longer --timeout",
	}[err.Code]
	if advice != "" && !strings.Contains(text, "; ") {
		text += "; " + advice
	}
	switch err.Code {
	case wire.CodeRefused, wire.CodeExpired, wire.CodeExhausted, wire.CodeRevoked, wire.CodeInvalid:
		return exitRefused, text
	case wire.CodeTimeout:
		return exitTimeout, text
	case wire.CodeShutdown:
		return exitNoDaemon, text
	}
	return exitFailed, text
}
