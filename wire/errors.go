package wire

import "fmt"

// A Code is the reason that a stream, a room on a session, or a session ends,
// as the other side is told it. It is deliberately coarse: the cause stays in
// the log of the side that found it.
type Code uint16

// The codes. Their numbers are the protocol's.
const (
	CodeOK          Code = 0  // ended in good order
	CodeProtocol    Code = 1  // the bytes broke a rule of the protocol
	CodeInternal    Code = 2  // the sender of the code failed; a later try may work
	CodeBusy        Code = 3  // a bound is reached; try again later
	CodeTimeout     Code = 4  // something did not happen in time
	CodeRefused     Code = 5  // not allowed: no member, no right, not registered
	CodeNotFound    Code = 6  // no such room, log, token or peer here
	CodeConflict    Code = 7  // does not extend the head that is held
	CodeStorage     Code = 8  // the store cannot write: disk full, read-only, lost
	CodeTooLarge    Code = 9  // over a bound in size
	CodeShutdown    Code = 10 // the sender of the code is stopping
	CodeDuplicate   Code = 11 // another session between the two is kept
	CodeRevoked     Code = 12 // the token, invite or membership was revoked
	CodeExpired     Code = 13 // the token or invite is past its time
	CodeExhausted   Code = 14 // the invite's uses are spent
	CodeRateLimited Code = 15 // too much, too fast
	CodePending     Code = 16 // depends on records that are not held yet
	CodeInvalid     Code = 17 // a signed record that does not count, with the reason in the text
)

var codeNames = [...]string{
	"ok", "protocol error", "internal error", "busy", "timed out", "refused", "not found", "conflict",
	"storage failed", "too large", "shutting down", "duplicate session", "revoked", "expired", "used up",
	"too fast", "not yet", "invalid",
}

// String returns the code's name.
func (c Code) String() string {
	if int(c) < len(codeNames) {
		return codeNames[c]
	}
	return fmt.Sprintf("code %d", uint16(c))
}

// An Error is a failure with the code that crosses the wire.
type Error struct {
	Code   Code
	Remote bool   // the other side reported it
	Text   string // one line for the user; crosses the wire
	Cause  error  // for the log of this side; never crosses the wire
}

// Errorf returns a local Error; the text crosses the wire, so it must not
// tell the other side what it may not know.
func Errorf(code Code, format string, args ...any) *Error {
	return &Error{Code: code, Text: fmt.Sprintf(format, args...)}
}

func (e *Error) Error() string {
	s := e.Code.String()
	if e.Text != "" {
		s = e.Text
	}
	if e.Cause != nil && !e.Remote {
		s += ": " + e.Cause.Error()
	}
	return s
}

// Unwrap returns the cause.
func (e *Error) Unwrap() error { return e.Cause }
