package load

import (
	"bytes"
	"fmt"
	"strconv"
	"strings"
	"time"
)

// A stamp is the text at the start of each message; dots fill it up to the size.
type stamp struct {
	run    uint64        // one of a kind
	writer int           // of the run
	number uint64        // of the writer's messages, from 0
	due    time.Duration // the intended moment, since the start of the run
}

const stampPrefix = "parley-harness load "

// text is a message of so many bytes, at least MinSize.
func (s stamp) text(size int) []byte {
	b := make([]byte, 0, max(size, MinSize))
	b = fmt.Appendf(b, stampPrefix+"%016x %d %d %d ", s.run, s.writer, s.number, int64(s.due))
	return append(b, bytes.Repeat([]byte{'.'}, cap(b)-len(b))...)
}

// parseStamp reads the stamp of a message; ok is false if it has none.
func parseStamp(text []byte) (s stamp, ok bool) {
	rest, ok := strings.CutPrefix(string(text[:min(len(text), MinSize)]), stampPrefix)
	if !ok {
		return s, false
	}
	var fields [4]string
	for i := range fields {
		if fields[i], rest, ok = strings.Cut(rest, " "); !ok {
			return s, false
		}
	}
	var errs [4]error
	var writer, due uint64
	s.run, errs[0] = strconv.ParseUint(fields[0], 16, 64)
	writer, errs[1] = strconv.ParseUint(fields[1], 10, 31)
	s.number, errs[2] = strconv.ParseUint(fields[2], 10, 64)
	due, errs[3] = strconv.ParseUint(fields[3], 10, 63)
	s.writer, s.due = int(writer), time.Duration(due)
	return s, errs == [4]error{}
}
