package session

import (
	"errors"
	"fmt"

	"parley/wire"
)

// How a session, or an operation on a stream, ends. What the other side is told
// of a failure is a wire.Code; these are the causes.
var (
	ErrCut          = errors.New("session: cut off without a close")
	ErrClosed       = errors.New("session: closed")
	ErrStreamClosed = errors.New("session: the stream was ended by this side")
	ErrBusy         = errors.New("session: too many streams are open")
	ErrTimeout      = errors.New("session: the other side does not answer")

	ErrRecord  = errors.New("session: a record that is forged, altered or of a wrong size")
	ErrRekey   = errors.New("session: rekeyed too late, or without need")
	ErrFrame   = errors.New("session: a malformed frame")
	ErrType    = errors.New("session: a message type that is not known")
	ErrPhase   = errors.New("session: a message type that is not legal here")
	ErrSize    = errors.New("session: over the bound in size")
	ErrCredit  = errors.New("session: more sent than there was credit for")
	ErrStreams = errors.New("session: a stream number out of order or over the bound")
	ErrHello   = errors.New("session: the two Hello frames do not go together")
)

// broken is the error of a rule that the other side broke. The details stay here.
func broken(code wire.Code, rule error, format string, args ...any) *wire.Error {
	return &wire.Error{Code: code, Cause: fmt.Errorf("%w: "+format, append([]any{rule}, args...)...)}
}
