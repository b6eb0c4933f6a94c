package main

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"regexp"
	"strings"

	"parley/cmd/internal/home"
	"parley/handshake/identity"
	"parley/rooms"
	"parley/rooms/client"
	"parley/store"
	"parley/wire"
)

// The exit codes of the contract.
const (
	exitDone        = 0
	exitFailed      = 1
	exitUsage       = 2
	exitNoDaemon    = 3
	exitRefused     = 4
	exitTimeout     = 5
	exitInterrupted = 130
)

// errTimeout is the end of --timeout.
var errTimeout = errors.New("no progress in time")

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

// advise adds what to do to an error.
func advise(err error, advice string) error {
	if err == nil {
		return nil
	}
	return &advised{err, advice}
}

// packages are the names that sentinels begin with: of use in a log, noise to a user.
var packages = regexp.MustCompile(`(^|: |; |\n)(?:home|client|rooms|store|embedded|identity|handshake|session|discovery|wire|peer|transfer): `)

// explain turns an error into an exit code and one line: what failed, why, and
// what to do.
func explain(err error) (code int, text string) {
	text = strings.TrimSpace(packages.ReplaceAllString(err.Error(), "$1"))
	code, advice := judge(err)
	if advice != "" && !strings.Contains(text, "; ") {
		text += "; " + advice
	}
	return code, text
}

// judge returns an error's exit code, and what to do where the error does not say.
func judge(err error) (code int, advice string) {
	var (
		werr  *wire.Error
		usage *usageError
		held  *home.HeldError
		why   rooms.Reason

		denied *client.Denied
	)
	is := func(targets ...error) bool {
		for _, t := range targets {
			if errors.Is(err, t) {
				return true
			}
		}
		return false
	}
	switch {
	case errors.As(err, &usage):
		return exitUsage, "see parley --help"
	case is(client.ErrBadName):
		return exitUsage, "choose another name"
	case is(client.ErrEmpty):
		return exitUsage, "give a text"
	case is(client.ErrNoDaemon, home.ErrNoAddress):
		return exitNoDaemon, "start it with: parley up"
	case is(client.ErrWrongPeer):
		return exitNoDaemon, "compare --daemon-id with what parley status shows there"
	case is(client.ErrUnsealed):
		return exitTimeout, "start an admin's agent there: parley up; or send it all the same: --anyway"
	case is(client.ErrNoProgress, errTimeout, context.DeadlineExceeded):
		return exitTimeout, "see parley peers and parley doctor, or give a longer --timeout"
	case is(context.Canceled):
		return exitInterrupted, "run it again"
	case errors.As(err, &denied):
		return exitRefused, "parley room members ROOM shows who may do what"
	case is(client.ErrNotMember):
		return exitRefused, "ask a member for an invite, then: parley room join LINK"
	case is(client.ErrReadOnly):
		return exitRefused, "ask the room's master for another role"
	case is(client.ErrNoRoom):
		return exitFailed, "parley room ls lists yours"
	case is(client.ErrNoMember):
		return exitFailed, "parley room members ROOM lists who there is"
	case is(client.ErrOffer):
		return exitFailed, "ask the master for a new offer: parley room handover ROOM PERSON"
	case is(client.ErrOpenRoom):
		return exitUsage, "make a room of your own with: parley room create NAME"
	case is(client.ErrNoPerson):
		return exitFailed, "parley room members ROOM lists who there is; a whole ID names anybody"
	case is(client.ErrAmbiguous):
		return exitFailed, "give more of it"
	case is(client.ErrTooLarge):
		return exitFailed, "split it"
	case is(client.ErrNoToken):
		return exitFailed, "parley token ls lists yours"
	case is(client.ErrCursor):
		return exitFailed, "give another file with --cursor, or remove this one to begin anew"
	case is(client.ErrNoKey):
		return exitTimeout, "it comes when a member who has it is online"
	case errors.As(err, &held):
		if held.PID == 0 {
			return exitFailed, "stop it first, or use another --home"
		}
		return exitFailed, fmt.Sprintf("stop process %d first, or use another --home", held.PID)
	case is(identity.ErrPassphrase, home.ErrPassphrase):
		return exitFailed, "give the right passphrase: --passphrase-file, PARLEY_PASSPHRASE or the systemd credential parley-passphrase"
	case is(identity.ErrPermissions):
		return exitFailed, "chmod 600 the file"
	case is(identity.ErrKeyFile, identity.ErrNetwork, identity.ErrBundle):
		return exitFailed, "put the right file there, from a backup"
	case is(store.ErrLocked):
		return exitFailed, "stop the daemon that uses it, or use another --home"
	case is(store.ErrFull):
		return exitFailed, "make room on the disk"
	case is(store.ErrUnavailable):
		return exitFailed, "see that its disk or database is there, then run it again"
	case is(store.ErrFormat):
		return exitFailed, "run the release that wrote it"
	case is(store.ErrCorrupt):
		return exitFailed, "move the store away; the daemon then fetches what other peers have"
	case is(fs.ErrPermission):
		return exitFailed, "check who owns the file and its mode"
	case is(fs.ErrNotExist):
		return exitFailed, "check the path"
	case errors.As(err, &werr):
		return judgeWire(werr.Code)
	case errors.As(err, &why):
		return judgeReason(why)
	}
	return exitFailed, "if it goes on, see parley status, parley doctor and the daemon's log"
}

// judgeReason is judge for what the rules of a room do not allow.
func judgeReason(why rooms.Reason) (exit int, advice string) {
	switch why {
	case rooms.ReasonMasterLeaves:
		return exitRefused, "its members can leave"
	case rooms.ReasonNotMember, rooms.ReasonLeft:
		return judge(client.ErrNotMember)
	case rooms.ReasonReader, rooms.ReasonRelay:
		return judge(client.ErrReadOnly)
	case rooms.ReasonExpired, rooms.ReasonExhausted, rooms.ReasonInvite, rooms.ReasonLinkKey:
		return exitRefused, "ask for a new invite"
	case rooms.ReasonMasterOnly, rooms.ReasonAdminsOnly, rooms.ReasonIsMaster, rooms.ReasonIsAdmin, rooms.ReasonSelf, rooms.ReasonPair,
		rooms.ReasonBanned, rooms.ReasonWasRemoved:
		return exitRefused, "parley room members ROOM shows who may do what"
	case rooms.ReasonInviteRevoked:
		return exitRefused, "ask for a new invite"
	case rooms.ReasonCapacity, rooms.ReasonWriter, rooms.ReasonDelegation, rooms.ReasonRelayKey:
		return exitRefused, "ask the room's master"
	}
	return judge(errors.New("of no kind"))
}

// judgeWire is judge for the codes that a peer answers with.
func judgeWire(code wire.Code) (exit int, advice string) {
	switch code {
	case wire.CodeRefused:
		return exitRefused, "ask who runs the room or the daemon"
	case wire.CodeInvalid:
		return exitRefused, "parley room members shows who may do what"
	case wire.CodeRevoked:
		return exitRefused, "run it again: the next session proves your key anew"
	case wire.CodeExpired, wire.CodeExhausted:
		return exitRefused, "ask for a new invite"
	case wire.CodeTimeout:
		return exitTimeout, "see parley status, or give a longer --timeout"
	case wire.CodeShutdown:
		return exitNoDaemon, "the daemon is stopping; start it again with: parley up"
	case wire.CodeStorage:
		return exitFailed, "make room on the daemon's disk; it goes on by itself"
	case wire.CodeBusy, wire.CodeRateLimited, wire.CodePending:
		return exitFailed, "run it again in a moment"
	case wire.CodeNotFound:
		return exitFailed, "parley room ls and parley peers list what there is"
	case wire.CodeTooLarge:
		return exitFailed, "split it"
	}
	return exitFailed, "if it goes on, see the daemon's log"
}
