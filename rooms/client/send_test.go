package client

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"

	"parley/wire"
)

func TestWhatIsSentInTheLobbyIsReadThere(t *testing.T) {
	p := newFakePeer(t)
	a := testClient(t, p, "ann", "")
	b := testClient(t, p, "bob", "")
	lobby := a.Lobby().ID
	res, err := a.Send(t.Context(), lobby, []byte("hello"), SendOptions{})
	if err != nil {
		t.Fatal(err)
	}
	for m, err := range b.Tail(t.Context(), lobby, TailOptions{}) {
		if err != nil {
			t.Fatal(err)
		}
		if string(m.Data) != "hello" || m.ID != res.ID || m.Log != res.Log || m.Seq != res.Seq || m.Seq != 1 || m.Author != a.Me() {
			t.Errorf("got %+v, sent %+v", m, res)
		}
		if want := "ann·" + a.Me().Short(); m.Name != want {
			t.Errorf("shown as %q, not %q", m.Name, want)
		}
	}
	if got := texts(t, b, lobby); !slices.Equal(got, []string{"hello"}) {
		t.Errorf("read %q", got)
	}
}

func TestOneLineCostsOneQuestionAndOneAppend(t *testing.T) {
	p := newFakePeer(t)
	c := testClient(t, p, "ann", "")
	for range 3 {
		if _, err := c.Send(t.Context(), c.Lobby().ID, []byte("x"), SendOptions{}); err != nil {
			t.Fatal(err)
		}
	}
	if p.requests[wire.TypeWriterGet] != 3 || p.requests[wire.TypeAppend] != 3 {
		t.Errorf("requests: %v", p.requests)
	}
}

func TestAPipeArrivesWholeOnceAndInOrder(t *testing.T) {
	p := newFakePeer(t)
	c := testClient(t, p, "ann", "")
	const n = 20_000
	var in strings.Builder
	var want []string
	for i := range n {
		line := fmt.Sprintf("line %d", i)
		want = append(want, line)
		in.WriteString(line + "\n")
		if i%100 == 0 {
			in.WriteString("\n") // an empty line is no message
		}
	}
	var results []Result
	sum, err := c.Pipe(t.Context(), c.Lobby().ID, Lines(strings.NewReader(in.String()), '\n'), PipeOptions{
		Results: func(list []Result) error { results = append(results, list...); return nil },
	})
	if err != nil {
		t.Fatal(err)
	}
	if sum.Messages != n || len(results) != n || sum.Last != results[n-1] {
		t.Fatalf("%d sent, %d results", sum.Messages, len(results))
	}
	i := 0
	for m, err := range c.Tail(t.Context(), c.Lobby().ID, TailOptions{}) {
		if err != nil {
			t.Fatal(err)
		}
		if string(m.Data) != want[i] || (Result{m.ID, m.Log, m.Seq}) != results[i] {
			t.Fatalf("message %d: %q %v", i, m.Data, results[i])
		}
		i++
	}
	if i != n {
		t.Errorf("%d read", i)
	}
	if runs := len(p.room(c.Lobby().ID).items); runs > n/100 {
		t.Errorf("%d runs for %d lines: not batched", runs, n)
	}
}

func TestTheSameKeySendsOnce(t *testing.T) {
	p := newFakePeer(t)
	c := testClient(t, p, "ann", "")
	lobby := c.Lobby().ID
	first, err := c.Send(t.Context(), lobby, []byte("once"), SendOptions{Key: "k"})
	if err != nil {
		t.Fatal(err)
	}
	again, err := c.Send(t.Context(), lobby, []byte("once"), SendOptions{Key: "k"})
	if err != nil || again != first {
		t.Errorf("again %v, first %v, %v", again, first, err)
	}
	other, err := c.Send(t.Context(), lobby, []byte("other"), SendOptions{Key: "l"})
	if err != nil || other.Seq != 2 {
		t.Errorf("another key: %v, %v", other, err)
	}
	if got := texts(t, c, lobby); !slices.Equal(got, []string{"once", "other"}) {
		t.Errorf("read %q", got)
	}
}

func TestEmptyAndOversizeMessagesAreRefusedBeforeAnythingIsSent(t *testing.T) {
	p := newFakePeer(t)
	c := testClient(t, p, "ann", "")
	if _, err := c.Send(t.Context(), c.Lobby().ID, nil, SendOptions{}); !errors.Is(err, ErrEmpty) {
		t.Errorf("empty: %v", err)
	}
	if _, err := c.Send(t.Context(), c.Lobby().ID, make([]byte, 1<<20), SendOptions{}); !errors.Is(err, ErrTooLarge) {
		t.Errorf("oversize: %v", err)
	}
	if len(p.requests) > 0 {
		t.Errorf("requests: %v", p.requests)
	}
	in := "good\n" + strings.Repeat("x", 1<<20) + "\nnever\n"
	_, err := c.Pipe(t.Context(), c.Lobby().ID, Lines(strings.NewReader(in), '\n'), PipeOptions{})
	if !errors.Is(err, ErrTooLarge) {
		t.Errorf("pipe: %v", err)
	}
	if got := texts(t, c, c.Lobby().ID); !slices.Equal(got, []string{"good"}) {
		t.Errorf("read %q", got)
	}
}

func TestALargestMessageFits(t *testing.T) {
	p := newFakePeer(t)
	c := testClient(t, p, "ann", "")
	big := strings.Repeat("x", 960<<10)
	if _, err := c.Send(t.Context(), c.Lobby().ID, []byte(big), SendOptions{}); err != nil {
		t.Fatal(err)
	}
	if got := texts(t, c, c.Lobby().ID); len(got) != 1 || got[0] != big {
		t.Errorf("%d messages", len(got))
	}
}
