package handshake

import (
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"syscall"
	"time"
)

// Initiate runs the handshake as the side that dialled. It returns within the
// configuration's deadline, and as soon as ctx is done. On an error conn is
// closed; on success its deadlines are cleared, and the first record may follow
// at once. The responder may still refuse message 3: see IsRefusal.
func Initiate(ctx context.Context, conn net.Conn, cfg *Config) (*Result, error) {
	h, err := NewInitiator(cfg)
	if err != nil {
		return nil, errors.Join(err, conn.Close())
	}
	defer h.Wipe()
	return drive(ctx, conn, cfg.deadline(), func() (result *Result, tell bool, err error) {
		m1, err := h.WriteMessage1()
		if err != nil {
			return nil, false, err
		}
		if err := write(conn, m1); err != nil {
			return nil, false, fmt.Errorf("message 1: %w", err)
		}
		m2, err := read(conn)
		if closedByPeer(err) {
			return nil, false, fmt.Errorf("%w: %w", ErrNoReply, err)
		}
		if err != nil {
			return nil, errors.Is(err, ErrMessage), fmt.Errorf("message 2: %w", err)
		}
		if _, err := h.ReadMessage2(m2); err != nil {
			return nil, true, err
		}
		m3, result, err := h.WriteMessage3()
		if err != nil {
			return nil, true, err
		}
		if err := write(conn, m3); err != nil {
			result.Wipe()
			return nil, false, fmt.Errorf("message 3: %w", err)
		}
		return result, false, nil
	})
}

// Respond runs the handshake as the side that accepted, for which the caller
// holds a place of its Gate. On success the initiator is proved, and nothing has
// been sent under the session's keys. Otherwise it is as Initiate.
func Respond(ctx context.Context, conn net.Conn, cfg *Config) (*Result, error) {
	h, err := NewResponder(cfg)
	if err != nil {
		return nil, errors.Join(err, conn.Close())
	}
	defer h.Wipe()
	return drive(ctx, conn, cfg.deadline(), func() (result *Result, tell bool, err error) {
		m1, err := read(conn)
		if err != nil {
			return nil, false, fmt.Errorf("message 1: %w", err)
		}
		if err := h.ReadMessage1(m1); err != nil {
			// A stranger is not answered; a bad key share is found behind the mac only.
			return nil, errors.Is(err, ErrKeyShare), err
		}
		m2, err := h.WriteMessage2()
		if err != nil {
			return nil, true, err
		}
		if err := write(conn, m2); err != nil {
			return nil, false, fmt.Errorf("message 2: %w", err)
		}
		m3, err := read(conn)
		if err != nil {
			return nil, errors.Is(err, ErrMessage), fmt.Errorf("message 3: %w", err)
		}
		result, err = h.ReadMessage3(m3, time.Now())
		return result, err != nil, err
	})
}

// aLongTimeAgo is a deadline that has passed on any clock.
func aLongTimeAgo() time.Time { return time.Unix(1, 0) }

// drive runs the steps under a deadline and under ctx. When a step fails and
// tell is set, the other side is told that it was refused, and nothing more.
func drive(ctx context.Context, conn net.Conn, limit time.Duration, steps func() (r *Result, tell bool, err error)) (*Result, error) {
	if err := conn.SetDeadline(time.Now().Add(limit)); err != nil {
		return nil, errors.Join(err, conn.Close())
	}
	interrupted := make(chan struct{})
	stop := context.AfterFunc(ctx, func() {
		defer close(interrupted)
		_ = conn.SetDeadline(aLongTimeAgo()) // a connection that cannot is closed below
	})
	result, tell, err := steps()
	if !stop() {
		<-interrupted
		if result != nil {
			result.Wipe()
		}
		return nil, errors.Join(fmt.Errorf("handshake: %w", context.Cause(ctx)), conn.Close())
	}
	if err == nil {
		err = conn.SetDeadline(time.Time{})
		if err == nil {
			return result, nil
		}
		result.Wipe()
	}
	if tell && !errors.Is(err, ErrRefused) {
		refuse(conn)
	}
	if errors.Is(err, os.ErrDeadlineExceeded) {
		err = fmt.Errorf("%w: %w", ErrTimeout, err)
	}
	_ = conn.Close() // the cause is err
	return nil, err
}

// refuse tells the other side, if it still reads, that it was refused.
func refuse(conn net.Conn) {
	if conn.SetWriteDeadline(time.Now().Add(refusalTime)) == nil {
		_ = write(conn, refusal[:])
	}
}

// write sends a message behind its length, in one write.
func write(conn net.Conn, m []byte) error {
	b := make([]byte, lengthSize, lengthSize+len(m))
	binary.BigEndian.PutUint32(b, uint32(len(m)))
	_, err := conn.Write(append(b, m...))
	return err
}

// read receives a message; its length is judged before anything is allocated.
func read(conn net.Conn) ([]byte, error) {
	var length [lengthSize]byte
	if _, err := io.ReadFull(conn, length[:]); err != nil {
		return nil, err
	}
	n := binary.BigEndian.Uint32(length[:])
	if n == 0 || n > MaxMessage {
		return nil, fmt.Errorf("%w: length %d", ErrMessage, n)
	}
	b := make([]byte, n)
	if _, err := io.ReadFull(conn, b); err != nil {
		if errors.Is(err, io.EOF) {
			err = io.ErrUnexpectedEOF
		}
		return nil, err
	}
	return b, nil
}

// closedByPeer reports whether a read ended because the other side closed or
// reset the connection before it sent anything.
func closedByPeer(err error) bool {
	return errors.Is(err, io.EOF) || errors.Is(err, syscall.ECONNRESET)
}
