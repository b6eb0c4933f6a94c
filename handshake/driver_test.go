package handshake

import (
	"bytes"
	"context"
	"encoding/binary"
	"errors"
	"io"
	"net"
	"os"
	"testing"
	"testing/synctest"
	"time"

	"parley/handshake/identity"
)

// outcome is what one side's driver returned, and when.
type outcome struct {
	r   *Result
	err error
	at  time.Time
}

func start(f func() (*Result, error)) <-chan outcome {
	done := make(chan outcome, 1)
	go func() {
		r, err := f()
		done <- outcome{r, err, time.Now()}
	}()
	return done
}

func initiate(ctx context.Context, conn net.Conn, cfg *Config) <-chan outcome {
	return start(func() (*Result, error) { return Initiate(ctx, conn, cfg) })
}

func respond(ctx context.Context, conn net.Conn, cfg *Config) <-chan outcome {
	return start(func() (*Result, error) { return Respond(ctx, conn, cfg) })
}

// isClosed reports whether conn was closed on this side.
func isClosed(conn net.Conn) bool {
	return errors.Is(conn.SetDeadline(time.Time{}), io.ErrClosedPipe)
}

func TestTwoDriversAgreeAndLeaveTheConnectionOpenWithoutDeadline(t *testing.T) {
	eachMode(t, func(t *testing.T, i, r *Config) {
		synctest.Test(t, func(t *testing.T) {
			a, b := net.Pipe()
			di, dr := initiate(t.Context(), a, i), respond(t.Context(), b, r)
			oi, or := <-di, <-dr
			if oi.err != nil || or.err != nil {
				t.Fatal(oi.err, or.err)
			}
			if oi.r.Send != or.r.Recv || oi.r.Recv != or.r.Send {
				t.Error("keys differ")
			}
			time.Sleep(time.Hour) // of the bubble's clock: past every deadline
			go func() { _, _ = a.Write([]byte("x")) }()
			if _, err := b.Read(make([]byte, 1)); err != nil {
				t.Errorf("a deadline is left: %v", err)
			}
			a.Close()
			b.Close()
		})
	})
}

func TestTwoDriversAgreeOverTCP(t *testing.T) {
	i, r := pair(t, true)
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	dr := start(func() (*Result, error) {
		conn, err := l.Accept()
		if err != nil {
			return nil, err
		}
		defer conn.Close()
		return Respond(t.Context(), conn, r)
	})
	conn, err := net.Dial("tcp", l.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	oi, or := <-initiate(t.Context(), conn, i), <-dr
	if oi.err != nil || or.err != nil || oi.r.Exporter != or.r.Exporter {
		t.Fatal(oi.err, or.err)
	}
}

func TestASlowPeerIsGivenUpAtTheDeadline(t *testing.T) {
	i, r := pair(t, false)
	m1 := upTo(t, i, r, 1).m1
	for name, other := range map[string]func(conn net.Conn){
		"silent": func(net.Conn) {},
		"half a length": func(conn net.Conn) {
			_, _ = conn.Write([]byte{0, 0})
		},
		"a byte a second": func(conn net.Conn) {
			for _, b := range append([]byte{0, 0, 5, 11}, m1...) {
				if _, err := conn.Write([]byte{b}); err != nil {
					return
				}
				time.Sleep(time.Second)
			}
		},
		"message 1, then never reads": func(conn net.Conn) {
			_ = write(conn, m1)
		},
		"message 1, then reads without end": func(conn net.Conn) {
			_ = write(conn, m1)
			_, _ = io.Copy(io.Discard, conn)
		},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				a, b := net.Pipe()
				began := time.Now()
				dr := respond(t.Context(), b, r)
				over := make(chan struct{})
				go func() {
					defer close(over)
					other(a)
				}()
				o := <-dr
				if took := o.at.Sub(began); !errors.Is(o.err, ErrTimeout) || took != DefaultDeadline {
					t.Errorf("after %v: %v", took, o.err)
				}
				if !isClosed(b) {
					t.Error("the connection is left open")
				}
				a.Close()
				<-over
			})
		})
	}
	t.Run("silent responder", func(t *testing.T) {
		synctest.Test(t, func(t *testing.T) {
			a, b := net.Pipe()
			go func() { _, _ = io.Copy(io.Discard, b) }()
			cfg := *i
			cfg.Deadline = 2 * time.Second
			began := time.Now()
			o := <-initiate(t.Context(), a, &cfg)
			if took := o.at.Sub(began); !errors.Is(o.err, ErrTimeout) || !errors.Is(o.err, os.ErrDeadlineExceeded) || took != cfg.Deadline {
				t.Errorf("after %v: %v", took, o.err)
			}
		})
	})
}

func TestCancellingTheContextEndsAHandshakeAtOnce(t *testing.T) {
	i, r := pair(t, false)
	for name, run := range map[string]func(ctx context.Context, conn net.Conn) <-chan outcome{
		"initiator": func(ctx context.Context, conn net.Conn) <-chan outcome { return initiate(ctx, conn, i) },
		"responder": func(ctx context.Context, conn net.Conn) <-chan outcome { return respond(ctx, conn, r) },
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				a, b := net.Pipe()
				ctx, cancel := context.WithCancel(t.Context())
				began := time.Now()
				done := run(ctx, a)
				time.Sleep(time.Second)
				cancel()
				o := <-done
				if took := o.at.Sub(began); !errors.Is(o.err, context.Canceled) || errors.Is(o.err, ErrTimeout) || took != time.Second {
					t.Errorf("after %v: %v", took, o.err)
				}
				if !isClosed(a) {
					t.Error("the connection is left open")
				}
				b.Close()
			})
		})
	}
}

func TestABlindDialGetsNoReply(t *testing.T) {
	i, r := pair(t, false)
	i.Network = newNetwork(t)
	strange := upTo(t, i, r, 1).m1
	for name, m := range map[string][]byte{
		"wrong network secret": strange,
		"garbage":              []byte("GET / HTTP/1.1\r\n\r\n"),
		"unknown version":      {0x91, 2},
		"a refusal":            {0x91, 0},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				a, b := net.Pipe()
				dr := respond(t.Context(), b, r)
				if err := write(a, m); err != nil {
					t.Fatal(err)
				}
				if n, err := a.Read(make([]byte, 1)); n != 0 || err != io.EOF {
					t.Errorf("%d bytes, %v", n, err)
				}
				if o := <-dr; o.err == nil || !isClosed(b) {
					t.Errorf("%v", o.err)
				}
			})
		})
	}
	synctest.Test(t, func(t *testing.T) {
		a, b := net.Pipe()
		di, dr := initiate(t.Context(), a, i), respond(t.Context(), b, r)
		oi, or := <-di, <-dr
		expectError(t, "the dialler", oi.err, ErrNoReply)
		expectError(t, "the listener", or.err, ErrNetworkSecret)
	})
}

func TestAnEndlessLengthIsRefusedBeforeItIsAllocated(t *testing.T) {
	_, r := pair(t, false)
	for _, n := range []uint32{0, MaxMessage + 1, 1 << 31, 1<<32 - 1} {
		synctest.Test(t, func(t *testing.T) {
			a, b := net.Pipe()
			dr := respond(t.Context(), b, r)
			if _, err := a.Write(binary.BigEndian.AppendUint32(nil, n)); err != nil {
				t.Fatal(err)
			}
			if o := <-dr; !errors.Is(o.err, ErrMessage) || !isClosed(b) {
				t.Errorf("length %d: %v", n, o.err)
			}
		})
	}
}

func TestARejectedMessageIsAnsweredByTheSameRefusalWhateverTheReason(t *testing.T) {
	// readRefusal returns everything that the other side still sends.
	rest := func(conn net.Conn) string {
		b, err := io.ReadAll(conn)
		if err != nil {
			return err.Error()
		}
		return string(b)
	}
	const want = "\x00\x00\x00\x02\x91\x00"
	i, r := pair(t, true)
	_, stranger := pair(t, false)

	for name, spoil := range map[string]func(i *Config) (*Config, func(m3 []byte) []byte){
		"altered": func(i *Config) (*Config, func([]byte) []byte) {
			return i, func(m []byte) []byte { m[900] ^= 1; return m }
		},
		"cut":           func(i *Config) (*Config, func([]byte) []byte) { return i, func(m []byte) []byte { return m[:900] } },
		"unknown token": func(i *Config) (*Config, func([]byte) []byte) { c := *i; c.Token = &Token{}; return &c, nil },
		"version":       func(i *Config) (*Config, func([]byte) []byte) { return i, func(m []byte) []byte { m[1] = 2; return m } },
	} {
		t.Run("message 3 "+name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				a, b := net.Pipe()
				dr := respond(t.Context(), b, r)
				cfg, change := spoil(i)
				h := must[*Initiator](t)(NewInitiator(cfg))
				if err := write(a, must[[]byte](t)(h.WriteMessage1())); err != nil {
					t.Fatal(err)
				}
				must[*identity.Bundle](t)(h.ReadMessage2(must[[]byte](t)(read(a))))
				m3, _, err := h.WriteMessage3()
				if err != nil {
					t.Fatal(err)
				}
				if change != nil {
					m3 = change(m3)
				}
				if err := write(a, m3); err != nil {
					t.Fatal(err)
				}
				if got := rest(a); got != want || !IsRefusal([]byte(got)[lengthSize:]) {
					t.Errorf("answer %x", got)
				}
				if o := <-dr; o.err == nil {
					t.Error("accepted")
				}
			})
		})
	}
	t.Run("message 2", func(t *testing.T) {
		synctest.Test(t, func(t *testing.T) {
			a, b := net.Pipe()
			cfg := *i
			cfg.Expect = stranger.Identity.ID()
			di, dr := initiate(t.Context(), a, &cfg), respond(t.Context(), b, r)
			oi, or := <-di, <-dr
			expectError(t, "initiator", oi.err, ErrIdentity)
			expectError(t, "responder", or.err, ErrRefused)
		})
	})
	t.Run("message 1 of low order", func(t *testing.T) {
		synctest.Test(t, func(t *testing.T) {
			a, b := net.Pipe()
			hi, err := parseHello(upTo(t, i, r, 1).m1)
			if err != nil {
				t.Fatal(err)
			}
			hi.share = make([]byte, shareSize)
			key := i.Network.Key(NetworkUse)
			dr := respond(t.Context(), b, r)
			if err := write(a, hi.append(&key)); err != nil {
				t.Fatal(err)
			}
			if got := rest(a); got != want {
				t.Errorf("answer %x", got)
			}
			expectError(t, "responder", (<-dr).err, ErrKeyShare)
		})
	})
}

func TestAnUnusableConfigurationClosesTheConnection(t *testing.T) {
	a, b := net.Pipe()
	if _, err := Initiate(t.Context(), a, &Config{}); !errors.Is(err, ErrConfig) || !isClosed(a) {
		t.Error(err)
	}
	if _, err := Respond(t.Context(), b, nil); !errors.Is(err, ErrConfig) || !isClosed(b) {
		t.Error(err)
	}
}

// What breaks a rule behind a mac that is right is refused by a message, and
// what comes before that by silence (package documentation, "States").
func TestAResponderRefusesWhatIsWrongBehindARightMACAndNothingBefore(t *testing.T) {
	first := func(t *testing.T, cfg *Config, change func(*hello)) []byte {
		key := cfg.Network.Key(NetworkUse)
		o := must[*offer](t)(newOffer())
		m := hello{share: o.x.PublicKey().Bytes(), kem: o.kem.EncapsulationKey().Bytes(), random: o.random[:]}
		change(&m)
		return m.append(&key)
	}
	over := bytes.Repeat([]byte{0xff}, kemKeySize)
	for name, c := range map[string]struct {
		first   func(t *testing.T, cfg *Config) []byte
		then    []byte // behind message 2
		refused bool
	}{
		"an encapsulation key over the modulus": {first: func(t *testing.T, cfg *Config) []byte { return first(t, cfg, func(m *hello) { m.kem = over }) }, refused: true},
		"a share of low order": {first: func(t *testing.T, cfg *Config) []byte {
			return first(t, cfg, func(m *hello) { m.share = make([]byte, 32) })
		}, refused: true},
		"a short share":           {first: func(t *testing.T, cfg *Config) []byte { return first(t, cfg, func(m *hello) { m.share = m.share[1:] }) }},
		"a message 3 of length 0": {first: func(t *testing.T, cfg *Config) []byte { return first(t, cfg, func(*hello) {}) }, then: make([]byte, 4), refused: true},
		"a message 3 of 4 GiB":    {first: func(t *testing.T, cfg *Config) []byte { return first(t, cfg, func(*hello) {}) }, then: bytes.Repeat([]byte{0xff}, 4), refused: true},
	} {
		t.Run(name, func(t *testing.T) {
			_, r := pair(t, false)
			a, b := net.Pipe()
			done := respond(t.Context(), b, r)
			if err := write(a, c.first(t, r)); err != nil {
				t.Fatal(err)
			}
			if c.then != nil {
				must[[]byte](t)(read(a))
				if _, err := a.Write(c.then); err != nil {
					t.Fatal(err)
				}
			}
			got, err := io.ReadAll(a)
			if err != nil {
				t.Fatal(err)
			}
			want := ""
			if c.refused {
				want = "\x00\x00\x00\x02\x91\x00"
			}
			if string(got) != want {
				t.Errorf("answered with %x, not %x", got, want)
			}
			if o := <-done; o.err == nil {
				t.Error("the handshake succeeds")
			}
		})
	}
}

func TestAnInitiatorRefusesAMessage2OfAnImpossibleLength(t *testing.T) {
	i, _ := pair(t, false)
	a, b := net.Pipe()
	done := initiate(t.Context(), a, i)
	must[[]byte](t)(read(b))
	if _, err := b.Write(make([]byte, 4)); err != nil {
		t.Fatal(err)
	}
	if got, err := io.ReadAll(b); err != nil || string(got) != "\x00\x00\x00\x02\x91\x00" {
		t.Errorf("answered with %x, %v", got, err)
	}
	if o := <-done; !errors.Is(o.err, ErrMessage) {
		t.Errorf("ends with %v", o.err)
	}
}
