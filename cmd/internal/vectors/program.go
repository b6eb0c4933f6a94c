package vectors

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os/exec"
	"time"
)

// maxLine bounds a line of the program's protocol in bytes: the largest
// question, a whole room, takes less than a tenth of it.
const maxLine = 8 << 20

// answerWithin is how long a program may take for one answer; scrypt of a
// network's passphrase is the slowest, at about a second.
const answerWithin = time.Minute

// A Program answers questions: another implementation under the line protocol
// of the package documentation.
type Program struct {
	cmd     *exec.Cmd
	in      io.WriteCloser
	answers chan line
}

type line struct {
	text []byte
	err  error
}

// Start starts a program through the shell. Its standard error is given on.
func Start(ctx context.Context, command string, stderr io.Writer) (*Program, error) {
	p := &Program{cmd: exec.CommandContext(ctx, "sh", "-c", command), answers: make(chan line)}
	p.cmd.Stderr = stderr
	p.cmd.WaitDelay = time.Second
	var err error
	if p.in, err = p.cmd.StdinPipe(); err != nil {
		return nil, err
	}
	out, err := p.cmd.StdoutPipe()
	if err != nil {
		return nil, err
	}
	if err := p.cmd.Start(); err != nil {
		return nil, err
	}
	go func() {
		defer close(p.answers)
		lines := bufio.NewScanner(out)
		lines.Buffer(nil, maxLine)
		for lines.Scan() {
			select {
			case p.answers <- line{text: append([]byte{}, lines.Bytes()...)}:
			case <-ctx.Done():
				return
			}
		}
		if err := lines.Err(); err != nil {
			select {
			case p.answers <- line{err: err}:
			case <-ctx.Done():
			}
		}
	}()
	return p, nil
}

// Ask asks one question. After an error the program is of no more use.
func (p *Program) Ask(q Question) (Answer, error) {
	var a Answer
	text, err := json.Marshal(q)
	if err != nil {
		return a, err
	}
	if _, err := p.in.Write(append(text, '\n')); err != nil {
		return a, fmt.Errorf("the program does not read: %w", err)
	}
	select {
	case l, open := <-p.answers:
		if !open {
			return a, errors.New("the program ended without an answer")
		}
		if l.err != nil {
			return a, l.err
		}
		if err := json.Unmarshal(l.text, &a); err != nil {
			return a, fmt.Errorf("the answer %.100q is not a JSON object: %w", l.text, err)
		}
		return a, nil
	case <-time.After(answerWithin):
		return a, fmt.Errorf("no answer within %v", answerWithin)
	}
}

// Close ends the program's input and waits for it to end.
func (p *Program) Close() error {
	if err := p.in.Close(); err != nil {
		return err
	}
	for range p.answers { // what it says beyond its answers
	}
	return p.cmd.Wait()
}

// Serve answers questions as a program does, until the end of r.
func Serve(r io.Reader, w io.Writer) error {
	lines := bufio.NewScanner(r)
	lines.Buffer(nil, maxLine)
	for lines.Scan() {
		var q Question
		if err := json.Unmarshal(lines.Bytes(), &q); err != nil {
			return fmt.Errorf("vectors: the question %.100q is not a JSON object: %w", lines.Bytes(), err)
		}
		text, err := json.Marshal(Ask(q))
		if err != nil {
			return err
		}
		if _, err := w.Write(append(text, '\n')); err != nil {
			return err
		}
	}
	return lines.Err()
}
