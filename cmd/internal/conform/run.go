package conform

import (
	"context"
	"crypto/sha256"
	"fmt"
	"math/rand/v2"
	"net"
	"sync"
	"time"

	"parley/cmd/internal/report"
	"parley/cmd/internal/script"
	"parley/handshake/identity"
	"parley/wire"
)

// A Target is the peer under test.
type Target struct {
	Addr    string
	Network identity.Network
	PeerID  wire.ID // that it must prove; zero: whatever it proves
	Seed    uint64  // of everything random in the cases

	// Interface is on the peer's link, for the cases of discovery.
	Interface string

	// Listen is where this program listens, HOST:PORT, for the cases in which the
	// peer dials. With the port 0 each listens on a port of its own, and as a user
	// asks the peer to dial that; else the peer is told to beforehand.
	Listen string
}

// What the waits of the cases are bounded by.
const (
	// dialWithin is for a TCP connection.
	dialWithin = 5 * time.Second

	// answerWithin is for what must come at once; it leaves room for a machine
	// that is busy with other things.
	answerWithin = 10 * time.Second

	// atOnce is for a connection that is to be closed for what came, and not by
	// the handshake's deadline of 5 s, which would close it as well.
	atOnce = 4 * time.Second

	// quiet is how long nothing must come where the protocol wants silence.
	quiet = 250 * time.Millisecond

	// dialledWithin is for a peer that was told to dial, and to try again, to do so.
	dialledWithin = 20 * time.Second

	// handshakeLimit is the 5 s that a side gives to a whole handshake, or to the
	// exchange of Hello, and some for a busy machine.
	handshakeLimit = 5*time.Second + 4*time.Second
)

// maxTrace bounds the bytes that are kept of one case to be shown.
const maxTrace = 256 << 10

// A T is one run of a case.
type T struct {
	ctx    context.Context
	target Target
	rng    *rand.ChaCha8
	gate   *gate        // of the run; nil: the case listens for itself
	ln     net.Listener // of the case, once it listens

	mu    sync.Mutex
	trace []report.Bytes
	kept  int
	conns []net.Conn
}

// A failure ends a case by a panic that Run catches.
type failure struct{ got, problem string }

// fail ends the case.
func (t *T) fail(got, format string, args ...any) {
	panic(failure{got, fmt.Sprintf(format, args...)})
}

// Run runs the cases, so many at a time, and hands over the results in order.
func Run(ctx context.Context, target Target, cases []Case, parallel int, each func(report.Result) error) error {
	results := make([]chan report.Result, len(cases))
	slots := make(chan struct{}, max(parallel, 1))
	for i := range cases {
		results[i] = make(chan report.Result, 1)
	}
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	var all sync.WaitGroup
	var link sync.Mutex // the cases of discovery hear each other
	g, err := newGate(ctx, target.Listen)
	if err != nil {
		return err
	}
	defer all.Wait()
	if g != nil {
		all.Go(g.run)
		defer g.ln.Close()
	}
	defer cancel()
	all.Go(func() {
		for i := range cases {
			select {
			case slots <- struct{}{}:
			case <-ctx.Done():
				return
			}
			all.Go(func() {
				defer func() { <-slots }()
				switch part := cases[i].Part(); {
				case part == beaconPart:
					link.Lock()
					defer link.Unlock()
				case part == dialledPart && g != nil:
					g.one.Lock()
					defer g.one.Unlock()
				}
				results[i] <- runCase(ctx, target, g, &cases[i])
			})
		}
	})
	for i := range cases {
		select {
		case r := <-results[i]:
			if err := each(r); err != nil {
				return err
			}
		case <-ctx.Done():
			return ctx.Err()
		}
	}
	return nil
}

func runCase(ctx context.Context, target Target, g *gate, c *Case) (r report.Result) {
	r = report.Result{ID: c.ID, Name: c.Name, Section: c.Section, Expected: c.Expect}
	t := &T{ctx: ctx, target: target, gate: g, rng: rand.NewChaCha8(caseSeed(target.Seed, c.Name))}
	start := time.Now()
	defer func() {
		for _, conn := range t.conns {
			_ = conn.Close() // closed already by the peer in most cases
		}
		if t.ln != nil {
			_ = t.ln.Close() // nothing is lost with it
		}
		r.Took = time.Since(start)
		t.mu.Lock()
		r.Trace = t.trace
		t.mu.Unlock()
	}()
	if f := t.protect(c.run); f != nil {
		r.Got, r.Problem = f.got, f.problem
		return r
	}
	// Whatever a case did, the peer must go on serving others.
	if f := t.protect(func(t *T) { t.peer().alive() }); f != nil {
		r.Got, r.Problem = f.got, "the peer does not take a new session after the case: "+f.problem
		return r
	}
	r.Got = c.Expect
	return r
}

// protect runs f and returns how it failed.
func (t *T) protect(f func(*T)) (how *failure) {
	defer func() {
		if x := recover(); x != nil {
			f, ok := x.(failure)
			if !ok {
				panic(x)
			}
			how = &f
		}
	}()
	f(t)
	return nil
}

func caseSeed(seed uint64, name string) [32]byte {
	return sha256.Sum256(fmt.Appendf(nil, "%d/%s", seed, name))
}

// random returns n bytes that follow from the seed and the case.
func (t *T) random(n int) []byte {
	b := make([]byte, n)
	_, _ = t.rng.Read(b) // never fails
	return b
}

func (t *T) note(out bool, what string, data []byte) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.kept += len(data); t.kept <= maxTrace {
		t.trace = append(t.trace, report.Bytes{Out: out, What: what, Data: append([]byte{}, data...)})
	}
}

// dial connects to the peer.
func (t *T) dial() *script.Wire {
	d := net.Dialer{Timeout: dialWithin}
	conn, err := d.DialContext(t.ctx, "tcp", t.target.Addr)
	if err != nil {
		t.fail("no connection", "the peer does not take a connection: %v", err)
	}
	t.conns = append(t.conns, conn)
	t.note(true, "connection", nil)
	return &script.Wire{Raw: conn, Trace: t.note}
}

func soon() time.Time { return time.Now().Add(answerWithin) }

func now() time.Time { return time.Now().Add(time.Millisecond) }

func later(d time.Duration) time.Time { return time.Now().Add(d) }
