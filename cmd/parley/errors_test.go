package main

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"strings"
	"testing"

	"parley/cmd/internal/home"
	"parley/handshake/identity"
	"parley/rooms"
	"parley/rooms/client"
	"parley/store"
	"parley/wire"
)

func TestEveryErrorHasItsExitCodeAndSaysWhatToDo(t *testing.T) {
	remote := func(code wire.Code) error { return &wire.Error{Code: code, Remote: true, Text: "no"} }
	for _, test := range []struct {
		err  error
		code int
		text string
	}{
		{usagef("--uses %d invites nobody; give 1 or more", 0), 2, "--uses 0 invites nobody; give 1 or more"},
		{usagef("--x is odd"), 2, "--x is odd; see parley --help"},
		{fmt.Errorf("%w: %q", client.ErrBadName, "@x"), 2, `not a name for a room or a person: "@x"; choose another name`},
		{client.ErrEmpty, 2, "an empty message; give a text"},
		{&noDaemonError{"/h"}, 3, "no daemon runs for /h; start it with: parley up"},
		{fmt.Errorf("dial tcp: refused: %w", client.ErrNoDaemon), 3, "dial tcp: refused: no daemon answers; start it with: parley up"},
		{client.ErrWrongPeer, 3, "another peer answers than the one asked; compare --daemon-id with what parley status shows there"},
		{remote(wire.CodeShutdown), 3, "no; the daemon is stopping; start it again with: parley up"},
		{client.ErrNotMember, 4, "you are not a member of this room; ask a member for an invite, then: parley room join LINK"},
		{client.ErrReadOnly, 4, "you may read this room, not write; ask the room's master for another role"},
		{remote(wire.CodeRefused), 4, "no; ask who runs the room or the daemon"},
		{remote(wire.CodeInvalid), 4, "no; parley room members shows who may do what"},
		{remote(wire.CodeRevoked), 4, "no; run it again: the next session proves your key anew"},
		{remote(wire.CodeExpired), 4, "no; ask for a new invite"},
		{remote(wire.CodeExhausted), 4, "no; ask for a new invite"},
		{rooms.ReasonMasterLeaves, 4, "the master cannot leave the room, only hand it over; its members can leave"},
		{rooms.ReasonNotMember, 4, "not a member; ask a member for an invite, then: parley room join LINK"},
		{rooms.ReasonReader, 4, "readers do not write; ask the room's master for another role"},
		{rooms.ReasonExhausted, 4, "the invite's uses are spent; ask for a new invite"},
		{rooms.ReasonCapacity, 4, "the room has as many members as it takes; ask the room's master"},
		{rooms.ReasonFull, 1, ""},
		{client.ErrNoProgress, 5, "no progress in time; see parley peers and parley doctor, or give a longer --timeout"},
		{fmt.Errorf("the daemon does not answer: %w", errTimeout), 5, "the daemon does not answer: no progress in time; see parley peers and parley doctor, or give a longer --timeout"},
		{context.DeadlineExceeded, 5, ""},
		{remote(wire.CodeTimeout), 5, "no; see parley status, or give a longer --timeout"},
		{context.Canceled, 130, ""},
		{fmt.Errorf("%w: %q", client.ErrNoRoom, "x"), 1, `no room of that name: "x"; parley room ls lists yours`},
		{client.ErrAmbiguous, 1, ""},
		{client.ErrTooLarge, 1, ""},
		{client.ErrNoToken, 1, ""},
		{client.ErrCursor, 1, ""},
		{client.ErrNoKey, 5, "no key for this epoch yet; it comes when a member who has it is online"},
		{client.ErrUnsealed, 5, "somebody who is no member could read it; start an admin's agent there: parley up; or send it all the same: --anyway"},
		{&client.Denied{Why: rooms.ReasonMasterOnly, Who: "only the master may appoint admins", Ask: []string{"a·bbbb", "c·dddd"}}, 4, "only the master may appoint admins: ask a·bbbb, c·dddd; parley room members ROOM shows who may do what"},
		{rooms.ReasonIsAdmin, 4, ""},
		{client.ErrNoMember, 1, "no member of this room; parley room members ROOM lists who there is"},
		{client.ErrOffer, 1, ""},
		{client.ErrOpenRoom, 2, ""},
		{&home.HeldError{What: "daemon", PID: 7}, 1, "another daemon runs in this home, with process ID 7; stop process 7 first, or use another --home"},
		{&home.HeldError{What: "agent"}, 1, "another agent runs in this home; stop it first, or use another --home"},
		{home.ErrPassphrase, 1, ""},
		{identity.ErrPermissions, 1, ""},
		{store.ErrFull, 1, "disk full; make room on the disk"},
		{fmt.Errorf("reading: %w: no server", store.ErrUnavailable), 1, "reading: unavailable: no server; see that its disk or database is there, then run it again"},
		{store.ErrLocked, 1, ""},
		{store.ErrFormat, 1, ""},
		{store.ErrCorrupt, 1, ""},
		{&fs.PathError{Op: "open", Path: "/x", Err: fs.ErrPermission}, 1, "open /x: permission denied; check who owns the file and its mode"},
		{&fs.PathError{Op: "open", Path: "/x", Err: fs.ErrNotExist}, 1, ""},
		{remote(wire.CodeStorage), 1, "no; make room on the daemon's disk; it goes on by itself"},
		{remote(wire.CodeBusy), 1, ""},
		{remote(wire.CodeNotFound), 1, ""},
		{remote(wire.CodeInternal), 1, ""},
		{advise(errors.New("a: b"), "do c"), 1, "a: b; do c"},
		{errors.New("what nobody foresaw"), 1, ""},
	} {
		code, text := explain(test.err)
		if code != test.code {
			t.Errorf("%v: exit code %d, want %d", test.err, code, test.code)
		}
		if test.text != "" && text != test.text {
			t.Errorf("%v:\n got %s\nwant %s", test.err, text, test.text)
		}
		if !strings.Contains(text, "; ") {
			t.Errorf("%v: %q does not say what to do", test.err, text)
		}
	}
}

func TestPackageNamesStayOutOfWhatUsersRead(t *testing.T) {
	err := errors.Join(fmt.Errorf("the store in /x: %w", store.ErrCorrupt), errors.New("home: write key: wire: odd"))
	_, text := explain(err)
	if got, want := oneLine(text), "the store in /x: corrupt; write key: odd; move the store away; the daemon then fetches what other peers have"; got != want {
		t.Errorf("got  %s\nwant %s", got, want)
	}
}

func TestAnErrorOfAnotherHostIsOneLineThatDrivesNoTerminal(t *testing.T) {
	err := &wire.Error{Code: wire.CodeRefused, Remote: true, Text: "no\x1b]0;owned\x07\nparley: all is well\r\u202eevil"}
	_, text := explain(err)
	if line := oneLine(text); strings.ContainsAny(line, "\x1b\x07\n\r\u202e") {
		t.Errorf("%q", line)
	}
}
