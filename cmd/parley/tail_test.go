package main

import (
	"bufio"
	"bytes"
	"context"
	"errors"
	"io"
	"iter"
	"os"
	"testing"
	"testing/synctest"
	"time"

	"parley/rooms/client"
	"parley/wire"
)

func TestWhatATailReads(t *testing.T) {
	t.Parallel()
	now := time.Date(2026, 7, 31, 12, 0, 0, 0, time.UTC)
	n := func(n int) *int { return &n }
	d := func(d time.Duration) *duration { v := duration(d); return &v }
	for _, test := range []struct {
		name string
		cmd  tailCmd
		want client.TailOptions
	}{
		{"nothing told: ten", tailCmd{}, client.TailOptions{Last: 10, Timeout: 30 * time.Second}},
		{"-f: ten, and what follows", tailCmd{Follow: true}, client.TailOptions{Last: 10, Follow: true}},
		{"-n 3", tailCmd{N: n(3)}, client.TailOptions{Last: 3, Timeout: 30 * time.Second}},
		{"-n 0 -f: only what follows", tailCmd{N: n(0), Follow: true}, client.TailOptions{Last: -1, Follow: true}},
		{"--all", tailCmd{All: true}, client.TailOptions{Timeout: 30 * time.Second}},
		{"--sorted --all", tailCmd{All: true, Sorted: true}, client.TailOptions{Sorted: true, Timeout: 30 * time.Second}},
		{"--since: all of that time", tailCmd{Since: "1h"}, client.TailOptions{Since: now.Add(-time.Hour), Timeout: 30 * time.Second}},
		{"--since -n 2", tailCmd{Since: "1h", N: n(2)}, client.TailOptions{Since: now.Add(-time.Hour), Last: 2, Timeout: 30 * time.Second}},
		{"--cursor: all at first", tailCmd{Cursor: "/c"}, client.TailOptions{Cursor: "/c", Timeout: 30 * time.Second}},
		{"--cursor -n 5", tailCmd{Cursor: "/c", N: n(5)}, client.TailOptions{Cursor: "/c", Last: 5, Timeout: 30 * time.Second}},
		{"--timeout", tailCmd{Timeout: d(time.Minute)}, client.TailOptions{Last: 10, Timeout: time.Minute}},
		{"--timeout 0", tailCmd{Timeout: d(0)}, client.TailOptions{Last: 10}},
		{"-f --timeout", tailCmd{Follow: true, Timeout: d(time.Minute)}, client.TailOptions{Last: 10, Follow: true, Timeout: time.Minute}},
	} {
		got, err := test.cmd.options(now)
		if err != nil {
			t.Errorf("%s: %v", test.name, err)
			continue
		}
		if got.Last != test.want.Last || got.Follow != test.want.Follow || got.Sorted != test.want.Sorted || !got.Since.Equal(test.want.Since) ||
			got.Cursor != test.want.Cursor || got.Timeout != test.want.Timeout {
			t.Errorf("%s: %+v, want %+v", test.name, got, test.want)
		}
	}
}

// messages gives a message every pause, and then waits like a tail that follows.
func messages(pauses ...time.Duration) tailFunc {
	return func(ctx context.Context, _ wire.ID, opts client.TailOptions) iter.Seq2[*client.Message, error] {
		return func(yield func(*client.Message, error) bool) {
			for i, pause := range pauses {
				select {
				case <-time.After(pause):
				case <-ctx.Done():
					yield(nil, ctx.Err())
					return
				}
				if !yield(&client.Message{Seq: uint64(i + 1), Data: []byte{'a' + byte(i)}}, nil) {
					return
				}
			}
			if opts.Follow {
				<-ctx.Done()
				yield(nil, ctx.Err())
			}
		}
	}
}

func readAll(t *testing.T, ctx context.Context, c *tailCmd, tail tailFunc) (string, error) {
	t.Helper()
	opts, err := c.options(time.Now())
	if err != nil {
		t.Fatal(err)
	}
	var out bytes.Buffer
	w := bufio.NewWriter(&out)
	a := &app{ctx: ctx, out: &output{stderr: os.Stderr}}
	err = c.read(a, tail, client.Room{}, opts, &printer{w: w, print0: true})
	w.Flush()
	return out.String(), err
}

func TestAFollowingTailEndsWithTheTimeoutOnlyWhenNothingCame(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		patience := duration(time.Minute)
		start := time.Now()
		got, err := readAll(t, t.Context(), &tailCmd{Follow: true, Timeout: &patience}, messages(50*time.Second, 50*time.Second))
		if got != "a\x00b\x00" || !errors.Is(err, errTimeout) {
			t.Errorf("%q, %v", got, err)
		}
		if took := time.Since(start); took != 160*time.Second {
			t.Errorf("it took %v", took)
		}
		if code, _ := explain(err); code != exitTimeout {
			t.Errorf("exit code %d", code)
		}
	})
}

func TestAFollowingTailWaitsForEverByDefault(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		got, err := readAll(t, t.Context(), &tailCmd{Follow: true, Count: 2}, messages(100*time.Hour, 100*time.Hour))
		if got != "a\x00b\x00" || err != nil {
			t.Errorf("%q, %v", got, err)
		}
	})
}

func TestCountEndsATail(t *testing.T) {
	t.Parallel()
	for n, want := range []string{"a\x00b\x00c\x00", "a\x00", "a\x00b\x00", "a\x00b\x00c\x00", "a\x00b\x00c\x00"} {
		got, err := readAll(t, t.Context(), &tailCmd{Count: n}, messages(0, 0, 0))
		if got != want || err != nil {
			t.Errorf("--count %d: %q, %v", n, got, err)
		}
	}
}

func TestAnInterruptedTailSaysSo(t *testing.T) {
	t.Parallel()
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	_, err := readAll(t, ctx, &tailCmd{Follow: true}, messages())
	if code, _ := explain(err); code != exitInterrupted {
		t.Errorf("%v: exit code %d", err, code)
	}
}

func TestAMessageThatCannotBeReadIsToldOnStderrAndDoesNotCount(t *testing.T) {
	t.Parallel()
	broken := func(_ context.Context, _ wire.ID, _ client.TailOptions) iter.Seq2[*client.Message, error] {
		return func(yield func(*client.Message, error) bool) {
			_ = yield(&client.Message{Seq: 1, Name: "eve·abcd", Problem: client.ErrNoKey}, nil) &&
				yield(&client.Message{Seq: 2, Data: []byte("b")}, nil)
		}
	}
	r, w, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	c := &tailCmd{Count: 1}
	opts, _ := c.options(time.Now())
	var out bytes.Buffer
	buf := bufio.NewWriter(&out)
	err = c.read(&app{ctx: t.Context(), out: &output{stderr: w}}, broken, client.Room{}, opts, &printer{w: buf, print0: true})
	w.Close()
	buf.Flush()
	said, _ := io.ReadAll(r)
	if err != nil || out.String() != "b\x00" || string(said) != "parley: message 1 of eve·abcd cannot be read: no key for this epoch yet\n" {
		t.Errorf("%v, %q, %q", err, out.String(), said)
	}
}
