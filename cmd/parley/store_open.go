package main

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"strings"

	"parley/cmd/internal/home"
	"parley/store"
	"parley/store/embedded"
	"parley/store/mongo"
	"parley/store/transfer"
)

// A storePlace is where messages are kept: what stands after --store, and in the arguments of parley store.
type storePlace struct {
	dir  string // of an embedded store; empty: the home's
	uri  string // of a MongoDB database, which may have a password in it: it is shown by folder only
	view string // of that: the peer's ID
}

// storeEnv is the environment variable that stands for --store. Unlike an argument, nobody else sees it.
const storeEnv = "PARLEY_STORE"

// parseStore reads a place: embedded, embedded:DIR, a MongoDB URI without a password, or @FILE with a URI.
func parseStore(text string) (storePlace, error) {
	var p storePlace
	if path, ok := strings.CutPrefix(text, "@"); ok {
		uri, err := mongo.ReadURI(path)
		p.uri = uri
		return p, err
	}
	if mongo.IsURI(text) {
		if mongo.HasPassword(text) && text != os.Getenv(storeEnv) {
			return p, usagef("%s: every user of this machine can see a password on a command line: put the URI into a file of mode 0600 and give @FILE, or set %s", mongo.Redact(text), storeEnv)
		}
		p.uri = text
		return p, nil
	}
	engine, rest, given := strings.Cut(text, ":")
	switch {
	case engine == "embedded" && (!given || rest != ""):
		if given {
			dir, err := filepath.Abs(rest)
			if err != nil {
				return p, err
			}
			p.dir = dir
		}
		return p, nil
	}
	return p, usagef("%s: give embedded (the home's store) or embedded:DIR, or mongodb://HOST/DATABASE or @FILE with such a URI", text)
}

// engine is the name of the engine, for status: of a database with where it is.
func (p storePlace) engine() string {
	if p.uri != "" {
		return mongo.Redact(p.uri)
	}
	return "embedded"
}

// folder is the folder of an embedded store, or the database.
func (p storePlace) folder(h *home.Home) string {
	if p.uri != "" {
		return mongo.Redact(p.uri)
	}
	if p.dir != "" {
		return p.dir
	}
	return h.StoreDir()
}

// isHome reports whether it is the home's own store.
func (p storePlace) isHome(h *home.Home) bool {
	return p.uri == "" && (p.dir == "" || h != nil && p.dir == h.StoreDir())
}

// open opens the store, making it if it is not there.
func (p storePlace) open(h *home.Home, log *slog.Logger) (store.Store, error) {
	if p.isHome(h) {
		if err := finishRestore(h); err != nil {
			return nil, err
		}
	}
	if p.uri != "" {
		return p.openDatabase(context.Background(), h, log, copying())
	}
	s, err := embedded.Open(p.folder(h), embedded.Options{Logger: log})
	if err != nil {
		return nil, storeFailed(p.folder(h), err)
	}
	return s, nil
}

// storeFailed says of which store an error is.
func storeFailed(path string, err error) error {
	if errors.Is(err, store.ErrLocked) {
		return err // it names the folder, and who holds it
	}
	if slow := new(mongo.SlowError); errors.As(err, &slow) {
		return fmt.Errorf("the database cannot be opened: %w", err) // which says what to do
	}
	if mongo.IsURI(path) {
		return advise(fmt.Errorf("the database cannot be opened: %w", err), "check that it runs and can be reached from here, and user, password and TLS options of its URI")
	}
	return fmt.Errorf("the store in %s cannot be opened: %w", path, err)
}

// openExisting is open for a store that has to be there.
func (p storePlace) openExisting(h *home.Home, log *slog.Logger) (store.Store, error) {
	if p.isHome(h) {
		if err := finishRestore(h); err != nil {
			return nil, err
		}
	}
	if p.uri != "" {
		opt := copying()
		opt.Existing = true
		s, err := p.openDatabase(context.Background(), h, log, opt)
		if errors.Is(err, store.ErrNotFound) {
			return nil, advise(fmt.Errorf("there is no store of this home's peer in %s", p.folder(h)), "the daemon makes it at its first start there, parley store migrate as well")
		}
		return s, err
	}
	if _, err := os.Stat(filepath.Join(p.folder(h), "FORMAT")); errors.Is(err, os.ErrNotExist) {
		return nil, advise(fmt.Errorf("there is no store in %s", p.folder(h)), "the daemon makes it at its first start, parley store migrate makes others; if the daemon was given another --store, give that")
	}
	return p.open(h, log)
}

// openServed opens the store that a daemon works with. A copy that is not whole, or a backup, is none.
func (p storePlace) openServed(ctx context.Context, h *home.Home, log *slog.Logger) (store.Store, error) {
	var s store.Store
	var err error
	if p.uri != "" {
		// The daemon buffers what comes meanwhile, within its bound, and its users' commands have time-outs of their own.
		s, err = p.openView(ctx, log, mongo.Options{Patience: daemonPatience})
	} else {
		s, err = p.open(h, log)
	}
	if err != nil {
		return nil, err
	}
	if err := notACopy(ctx, s, p.folder(h)); err != nil {
		return nil, errors.Join(err, s.Close())
	}
	return s, nil
}

// notACopy refuses a store that is somebody's backup, or a copy in the making.
func notACopy(ctx context.Context, s store.Store, path string) error {
	mark, err := transfer.ReadMark(ctx, s)
	if err != nil || mark == nil {
		return err
	}
	switch mark.Purpose {
	case purposeBackup:
		return advise(fmt.Errorf("%s holds a backup", path), "bring it back with: parley store restore "+path)
	case purposeMigrate:
		return advise(fmt.Errorf("the migration into %s was interrupted", path), "run the same parley store migrate again, which goes on where it ended")
	}
	return advise(fmt.Errorf("the copy in %s is not whole", path), "run the same parley store "+mark.Purpose+" again")
}
