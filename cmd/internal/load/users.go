package load

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"sync"
	"time"

	"golang.org/x/sync/errgroup"

	"parley/handshake/identity"
	"parley/rooms/client"
	"parley/wire"
)

// A Target is the peers that are put under load, of one network.
type Target struct {
	Addrs   []string // host:port of each
	Network identity.Network
	PeerID  wire.ID // that the only one must prove; zero: whatever they prove
}

// A user has a key and a folder of its own, and is gone after the run.
type user struct {
	*client.Client
	wires *wires
	at    int // index of its peer
}

// A crowd makes users.
type crowd struct {
	target Target
	dir    string
	ids    []wire.ID // of the peers
	notes  *notes

	mu    sync.Mutex
	users []*user
}

// newCrowd makes a first user at each peer, and learns who answers there.
func newCrowd(ctx context.Context, target Target) (*crowd, []*user, error) {
	if len(target.Addrs) == 0 {
		return nil, nil, errors.New("load: no peer is named")
	}
	dir, err := os.MkdirTemp("", "parley-load-")
	if err != nil {
		return nil, nil, err
	}
	c := &crowd{target: target, dir: dir, ids: make([]wire.ID, len(target.Addrs)), notes: newNotes()}
	if len(c.ids) == 1 {
		c.ids[0] = target.PeerID
	}
	var first []*user
	for at, addr := range target.Addrs {
		u, err := c.contact(ctx, at)
		if err != nil && len(target.Addrs) > 1 {
			err = fmt.Errorf("%s: %w", addr, err)
		}
		if err != nil {
			return nil, nil, errors.Join(err, c.close())
		}
		c.ids[at] = u.Peer()
		first = append(first, u)
	}
	return c, first, nil
}

// contact makes a user at a peer that may be there, and may serve it.
func (c *crowd) contact(ctx context.Context, at int) (*user, error) {
	ctx, cancel := context.WithTimeout(ctx, contactWithin)
	defer cancel()
	u, err := c.user(ctx, at)
	var werr *wire.Error
	if errors.As(err, &werr) && werr.Code == wire.CodeRefused {
		err = fmt.Errorf("%w; start it so that it serves any user of its network: parley daemon --users any", err)
	}
	return u, err
}

// user makes a user that has a session with a peer.
func (c *crowd) user(ctx context.Context, at int) (*user, error) {
	key, err := identity.Generate(identity.Ed25519, "load")
	if err != nil {
		return nil, err
	}
	u := &user{wires: &wires{}, at: at}
	c.mu.Lock()
	dir := filepath.Join(c.dir, strconv.Itoa(len(c.users)))
	c.users = append(c.users, u)
	c.mu.Unlock()
	u.Client, err = client.Open(client.Config{
		Identity: key, Network: c.target.Network, Dir: dir, Addr: c.target.Addrs[at], PeerID: c.ids[at],
		Dialer: u.wires.dial, Software: "parley-harness load", Logger: c.notes.logger(),
	})
	if err != nil {
		return nil, err
	}
	return u, u.connect(ctx)
}

// connect asks the peer for something small, which needs a session.
func (u *user) connect(ctx context.Context) error {
	_, err := u.Tokens(ctx)
	return err
}

// crowdOf makes n users, some at a time, at the peers in turn, the first at one of them.
func (c *crowd) crowdOf(ctx context.Context, n, first int) ([]*user, error) {
	users := make([]*user, n)
	g, ctx := errgroup.WithContext(ctx)
	g.SetLimit(setUpAtOnce)
	for i := range users {
		g.Go(func() (err error) {
			users[i], err = c.user(ctx, (first+i)%len(c.ids))
			return err
		})
	}
	return users, g.Wait()
}

// join has a user join a room by a link.
func (u *user) join(ctx context.Context, link string) error {
	ctx, cancel := context.WithTimeout(ctx, joinWithin)
	defer cancel()
	_, err := u.Join(ctx, link, client.JoinOptions{Timeout: joinWithin})
	return err
}

// close ends all sessions and removes the folders.
func (c *crowd) close() error {
	var all errgroup.Group
	c.mu.Lock()
	users := c.users
	c.users = nil
	c.mu.Unlock()
	for _, u := range users {
		if u.Client != nil {
			all.Go(u.Close)
		}
	}
	return errors.Join(all.Wait(), os.RemoveAll(c.dir))
}

// open is how many users have a connection.
func open(users []*user) (n int) {
	for _, u := range users {
		if u.wires.stand() {
			n++
		}
	}
	return n
}

// A cost is what the peers tell of themselves, all together.
type cost struct{ memory, goroutines uint64 }

// costs asks the peers what they have in use.
func costs(ctx context.Context, first []*user) (now cost, err error) {
	ctx, cancel := context.WithTimeout(ctx, statusWithin)
	defer cancel()
	for _, u := range first {
		s, err := u.Status(ctx)
		if err != nil {
			return now, err
		}
		now.memory += s.MemoryBytes
		now.goroutines += s.Goroutines
	}
	return now, nil
}

// settled asks the peers again and again, and returns what they have in use with the least memory,
// when that has not become less for a while: what is garbage still is no cost.
func settled(ctx context.Context, first []*user, quiet, most time.Duration) (least cost, err error) {
	start := time.Now()
	for since := start; ; {
		now, err := costs(ctx, first)
		if err != nil {
			return least, err
		}
		if least.memory == 0 || now.memory < least.memory {
			least, since = now, time.Now()
		}
		if time.Since(since) >= quiet || time.Since(start) >= most {
			return least, nil
		}
		if err := hold(ctx, statusEvery); err != nil {
			return least, err
		}
	}
}

func hold(ctx context.Context, d time.Duration) error {
	select {
	case <-time.After(d):
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}
