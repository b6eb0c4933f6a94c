package client

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"sync"

	"parley/rooms"
)

// A LineSource is a Source over the parts of a byte stream.
type LineSource struct {
	r       io.Reader
	sep     byte
	start   sync.Once
	batches chan [][]byte
	stop    chan struct{}
	once    sync.Once
	err     error // set before batches is closed
	rest    [][]byte
}

func newLineSource(r io.Reader, sep byte) *LineSource {
	return &LineSource{r: r, sep: sep, batches: make(chan [][]byte, lineBatches), stop: make(chan struct{})}
}

// Next implements Source. The first call starts the reading.
func (s *LineSource) Next(ctx context.Context, max int) ([][]byte, error) {
	s.start.Do(func() { go s.read() })
	for len(s.rest) == 0 {
		select {
		case batch, ok := <-s.batches:
			if !ok {
				return nil, s.err
			}
			s.rest = batch
		case <-s.stop:
			return nil, io.EOF
		case <-ctx.Done():
			return nil, ctx.Err()
		}
	}
	n := min(max, len(s.rest))
	batch := s.rest[:n:n]
	s.rest = s.rest[n:]
	return batch, nil
}

// Close ends the reading after the read that is under way.
func (s *LineSource) Close() { s.once.Do(func() { close(s.stop) }) }

func (s *LineSource) read() {
	defer close(s.batches)
	var part []byte // begun, and not yet ended
	buf := make([]byte, lineBuffer)
	for {
		n, err := s.r.Read(buf)
		// What was read is kept until it is acknowledged: a well-filled buffer
		// is given away, of others a copy.
		chunk := buf[:n]
		if n >= len(buf)/2 {
			buf = make([]byte, lineBuffer)
		} else {
			chunk = bytes.Clone(chunk)
		}
		var batch [][]byte
		batch, part = split(chunk, part, s.sep)
		if err == nil && len(part) > rooms.MaxMessage {
			err = fmt.Errorf("%w: more than %d bytes without a separator", ErrTooLarge, rooms.MaxMessage)
		}
		if err == io.EOF && len(part) > 0 {
			batch = append(batch, part)
		}
		if len(batch) > 0 {
			select {
			case s.batches <- batch:
			case <-s.stop:
				err = io.EOF
			}
		}
		if err != nil {
			s.err = err
			return
		}
	}
}

// split cuts chunk at sep, putting part before its first piece. It returns the
// non-empty pieces, and what follows the last separator.
func split(chunk, part []byte, sep byte) (batch [][]byte, rest []byte) {
	batch = make([][]byte, 0, len(chunk)/64+1)
	for {
		i := bytes.IndexByte(chunk, sep)
		if i < 0 {
			if len(part) == 0 {
				return batch, chunk[:len(chunk):len(chunk)]
			}
			return batch, append(part, chunk...)
		}
		piece := chunk[:i:i]
		if len(part) > 0 {
			piece, part = append(part, piece...), nil
		}
		if len(piece) > 0 {
			batch = append(batch, piece)
		}
		chunk = chunk[i+1:]
	}
}
