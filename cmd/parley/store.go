package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"time"

	"parley/cmd/internal/check"
	"parley/cmd/internal/home"
	"parley/rooms/client"
	"parley/store"
	"parley/store/embedded"
)

// storeCmd are the commands about where messages are kept.
type storeCmd struct {
	Check   storeCheckCmd   `cmd:"" help:"Verify every hash, signature, link and index of a store."`
	Backup  storeBackupCmd  `cmd:"" help:"Copy the store to a folder; again, to bring that copy up to date."`
	Restore storeRestoreCmd `cmd:"" help:"Make a store of this home from a backup."`
	Migrate storeMigrateCmd `cmd:"" help:"Copy a store into another place or engine."`
}

// The purposes of copies.
const (
	purposeBackup  = "backup"
	purposeMigrate = "migrate"
	purposeRestore = "restore"
)

type storeCheckCmd struct {
	waits
	Store string `arg:"" optional:"" default:"embedded" help:"What to check: embedded, the home's store; embedded:DIR, another, or a backup; mongodb://HOST/DATABASE or @FILE, what this home's peer has in a database (default: embedded)."`
	JSON  bool   `name:"json" help:"Print JSON: a line for each finding, and one that sums up."`
}

// Help is the rest of the command's help.
func (*storeCheckCmd) Help() string {
	return `Reads the whole store and compares it with the rules: signatures, hashes, the links
of each log, the indexes, and what the records name. It changes nothing, works on all
cores, and ends with code 1 where anything is off, with what, where, and what to do. While
the daemon runs, a snapshot of its store is checked. A database makes none: what a peer has
in one is checked while its daemon is stopped.

  parley store check
  parley store check @/etc/parley/store
  parley store check embedded:/backups/parley --json`
}

// errFindings is the end of a check that found something; what it found has been printed.
var errFindings = errors.New("the store is damaged; the lines above say where, and what to do")

func (c *storeCheckCmd) Run(a *app) error {
	place, err := parseStore(c.Store)
	if err != nil {
		return err
	}
	h, err := a.openHome()
	if err != nil {
		return err
	}
	s, err := a.readable(h, place, c.waits)
	if err != nil {
		return err
	}
	defer s.Close()
	bar := newProgress(a.out, "checking", !c.JSON || isTerminal(a.out.stderr))
	defer bar.end()
	began := time.Now()
	report, err := check.Store(a.ctx, s, check.Options{
		Found: func(f check.Finding) {
			bar.end()
			f.What = packages.ReplaceAllString(f.What, "$1")
			if c.JSON {
				_ = a.out.json(faultJSON{"finding", f}) // the exit code tells as well
				return
			}
			a.out.printf("%s: %s; %s\n", visible(f.Where), oneLine(f.What), f.Do)
		},
		Progress: func(phase string, done, total uint64) {
			if phase == "runs" {
				bar.set(done, total)
			}
		},
	})
	bar.end()
	if err != nil {
		return fmt.Errorf("the check ended: %w", err)
	}
	return c.end(a, &report, time.Since(began))
}

type faultJSON struct {
	Type string `json:"type"`
	check.Finding
}

type checkJSON struct {
	Type string `json:"type"`
	check.Report
	Seconds float64 `json:"seconds"`
}

// end prints what was checked.
func (c *storeCheckCmd) end(a *app, r *check.Report, took time.Duration) error {
	if c.JSON {
		if err := a.out.json(checkJSON{"summary", *r, took.Seconds()}); err != nil {
			return err
		}
	} else {
		void := ""
		if r.Void > 0 {
			void = fmt.Sprintf(", of which %d do not count by the rules of their room", r.Void)
		}
		a.out.printf("checked %s in %s of %s%s, %s and %s in %s: %s\n",
			count(r.Messages, "message"), count(uint64(r.Logs), "log"), count(uint64(r.Rooms), "room"), void,
			count(r.Records, "record"), count(r.Values, "value"), took.Round(time.Millisecond), findings(r.Findings))
	}
	if r.Findings > 0 {
		return errFindings
	}
	return nil
}

func findings(n uint64) string {
	if n == 0 {
		return "all as it should be"
	}
	return count(n, "finding")
}

// A snapshot is a store that is removed when it is closed.
type snapshot struct {
	store.Store
	path string
}

func (s *snapshot) Close() error {
	return errors.Join(s.Store.Close(), embedded.RemoveSnapshot(s.path))
}

// readable opens a store to read from it. When this home's daemon has it open, it opens a snapshot that the daemon makes; of
// a database there is none, and openExisting has refused it.
func (a *app) readable(h *home.Home, place storePlace, w waits) (store.Store, error) {
	s, err := place.openExisting(h, nil)
	if !errors.Is(err, store.ErrLocked) {
		return s, err
	}
	path, serr := a.snapshotPath(w)
	var none *noDaemonError
	if errors.As(serr, &none) || errors.Is(serr, client.ErrNoDaemon) || errors.Is(serr, client.ErrWrongPeer) {
		return nil, err // whoever holds it, it is not the daemon
	}
	if serr != nil {
		return nil, fmt.Errorf("the daemon has the store open and gives no snapshot: %w", serr)
	}
	opened, serr := embedded.Open(path, embedded.Options{})
	if serr != nil {
		_ = embedded.RemoveSnapshot(path)
		return nil, fmt.Errorf("the daemon's snapshot: %w", serr)
	}
	if !sameFolder(path, place.folder(h)) {
		_ = (&snapshot{opened, path}).Close()
		return nil, err // the daemon has another store
	}
	return &snapshot{opened, path}, nil
}

func (a *app) snapshotPath(w waits) (path string, err error) {
	err = a.ask(w, func(ctx context.Context, c *client.Client) error {
		path, err = c.Snapshot(ctx)
		return err
	})
	return path, err
}

// sameFolder reports whether a snapshot is of the store in a folder: it lies two folders below it.
func sameFolder(snapshot, folder string) bool {
	a, err := os.Stat(snapshotOf(snapshot))
	if err != nil {
		return false
	}
	b, err := os.Stat(folder)
	return err == nil && os.SameFile(a, b)
}
