package fuzz

import (
	"fmt"
	"io"
	"strings"
	"testing"

	"parley/cmd/internal/e2e"
	"parley/wire"
)

// A process that crashes writes its first line a while before it has ended, and its connections end in between:
// it is one problem, whichever is seen first.
func TestACrashIsAnEndBeforeTheProcessHasEnded(t *testing.T) {
	for _, c := range []struct{ script, kind, says string }{
		{`echo "panic: planted" >&2; sleep 1; exit 3`, KindEnded, "exit status 3"},
		{`echo "fatal error: planted" >&2; sleep 1; exit 3`, KindEnded, "exit status 3"},
		{`echo "level=ERROR msg=planted" >&2; exec sleep 60`, KindLog, "msg=planted"},
	} {
		p, err := start(t.Context(), []string{"sh", "-c", fmt.Sprintf("echo ready 127.0.0.1:1 %s; %s", wire.ID{1}, c.script)})
		if err != nil {
			t.Fatal(err)
		}
		e2e.Eventually(t, startWithin, "a line that tells of an error", func() error {
			if p.log.bad() == "" {
				return fmt.Errorf("the log is %q", p.log.tail())
			}
			return nil
		})
		if got := p.problem(); got == nil || got.Kind != c.kind || !strings.Contains(got.Text, c.says) || !strings.Contains(got.Text, "planted") {
			t.Errorf("%s: %v", c.script, got)
		}
		p.kill()
	}
}

func TestAPeerThatDoesNotAnswerSinceItCrashesHasEnded(t *testing.T) {
	p, err := start(t.Context(), []string{"sh", "-c", fmt.Sprintf("echo ready 127.0.0.1:1 %s; sleep 1; exit 3", wire.ID{1})})
	if err != nil {
		t.Fatal(err)
	}
	defer p.kill()
	r := runner{proc: p}
	if got := r.silent(io.EOF); got.Kind != KindEnded || !strings.Contains(got.Text, "exit status 3") {
		t.Error(got)
	}
	r.proc = nil
	if got := r.silent(io.EOF); got.Kind != KindSilent || !strings.Contains(got.Text, io.EOF.Error()) {
		t.Errorf("not started by the fuzzer: %v", got)
	}
}
