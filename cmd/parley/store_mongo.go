package main

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"time"

	"parley/cmd/internal/home"
	"parley/store"
	"parley/store/mongo"
)

// daemonPatience is how long the daemon waits for a database that is away before it tells those who wait that their
// messages were not stored: longer than they wait by themselves (30 s), and than the failover of a replica set.
const daemonPatience = 10 * time.Minute

// copyPage is how many bytes of a database a command reads at a time that reads all of it: one process with one or two
// readers, for which each exchange with the server is a wait.
const copyPage = 16 << 20

// copyPatience is how long such a command waits for a database that is away before it ends: longer than the failover of a
// replica set, for it may take hours.
const copyPatience = 2 * time.Minute

// copying are the options of a store that such a command opens.
func copying() mongo.Options {
	return mongo.Options{PageBytes: copyPage, Patience: copyPatience, ReadPatience: copyPatience}
}

// A heldStore is a database's view that this process uses in place of the home's daemon, which is locked out meanwhile.
type heldStore struct {
	store.Store
	unlock func() error
}

func (s *heldStore) Close() error { return errors.Join(s.Store.Close(), s.unlock()) }

// openView opens the peer's view of the database.
func (p storePlace) openView(ctx context.Context, log *slog.Logger, opt mongo.Options) (store.Store, error) {
	opt.View, opt.Logger = p.view, log
	s, err := mongo.Open(ctx, p.uri, opt)
	if err != nil {
		if errors.Is(err, store.ErrNotFound) {
			return nil, err
		}
		return nil, storeFailed(p.folder(nil), err)
	}
	return s, nil
}

// openDatabase opens the view of the home's peer for another command than the daemon, which must not run: opening
// the view would end its use of it.
func (p storePlace) openDatabase(ctx context.Context, h *home.Home, log *slog.Logger, opt mongo.Options) (store.Store, error) {
	unlock := func() error { return nil }
	lock, err := h.LockPeer()
	var held *home.HeldError
	switch {
	case err == nil:
		unlock = lock.Unlock
	case !errors.As(err, &held) || held.PID != os.Getpid(): // it may be this process's: a migration opens two
		return nil, advise(fmt.Errorf("%s cannot be opened: %w", p.folder(nil), err),
			"stop it first: two cannot use one peer's part of a database, and a database makes no snapshot")
	}
	if p.view == "" {
		key, err := h.LoadOrCreatePeer(ctx, home.KeyOptions{Passphrase: home.StandardPassphrase("")})
		if err != nil {
			return nil, errors.Join(err, unlock())
		}
		p.view = key.ID().String()
	}
	s, err := p.openView(ctx, log, opt)
	if err != nil {
		return nil, errors.Join(err, unlock())
	}
	return &heldStore{s, unlock}, nil
}
