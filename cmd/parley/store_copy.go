package main

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"time"

	"parley/cmd/internal/home"
	"parley/store"
	"parley/store/embedded"
	"parley/store/transfer"
)

func snapshotOf(path string) string { return filepath.Dir(filepath.Dir(path)) }

// copyStore makes to equal to from, with a bar on a terminal.
func (a *app) copyStore(from, to store.Store, purpose string) (transfer.Result, error) {
	bars := make(map[string]*progress)
	var current *progress
	defer func() {
		if current != nil {
			current.end()
		}
	}()
	return transfer.Copy(a.ctx, from, to, transfer.Options{Purpose: purpose, Progress: func(phase string, done, total uint64) {
		if bars[phase] == nil {
			if current != nil {
				current.end()
			}
			bars[phase] = newProgress(a.out, phase, true)
		}
		current = bars[phase]
		current.set(done, total)
	}})
}

type copyJSON struct {
	Rooms    int     `json:"rooms"`
	Logs     int     `json:"logs"`
	Runs     uint64  `json:"runs"`
	Messages uint64  `json:"messages"`
	Records  uint64  `json:"records"`
	Values   uint64  `json:"values"`
	Bytes    uint64  `json:"bytes"`
	Copied   uint64  `json:"copied"` // messages, this time
	Digest   string  `json:"digest"` // of both sides, read again
	Seconds  float64 `json:"seconds"`
}

// copied prints what a copy has done.
func (a *app) copied(asJSON bool, did string, r *transfer.Result, took time.Duration) error {
	if asJSON {
		return a.out.json(copyJSON{
			r.Rooms, r.Logs, r.Runs, r.Messages, r.Records, r.Values, r.Bytes, r.Copied, r.Digest.String(), took.Seconds(),
		})
	}
	a.out.printf("%s: %s in %s, %s of them new, in %s; both sides have digest %s\n", did, count(r.Messages, "message"),
		count(uint64(r.Rooms), "room"), fmt.Sprint(r.Copied), took.Round(time.Millisecond), r.Digest)
	return nil
}

type storeMigrateCmd struct {
	From string `arg:"" help:"The store to copy: embedded, the home's; embedded:DIR; mongodb://HOST/DATABASE or @FILE, what this home's peer has in a database."`
	To   string `arg:"" help:"Where to copy it: an empty place of these, or one into which this copy was interrupted."`
	JSON bool   `name:"json" help:"Print JSON."`
}

// Help is the rest of the command's help.
func (*storeMigrateCmd) Help() string {
	return `Copies everything, arrival numbers included, then reads both sides again and compares
their digests. It may be interrupted at any moment: the same command goes on where it ended. FROM
stays as it is. Neither may be in use: stop the daemon first. A daemon then uses TO with --store TO.
In a database other peers go on meanwhile: each has a part of its own there. It is read 16 MiB at
a time; where a server takes longer than 15 s for that, put timeoutMS=… into its URI.

  parley store migrate embedded embedded:/srv/parley
  parley store migrate embedded mongodb://db.example/parley
  parley daemon --store mongodb://db.example/parley`
}

func (c *storeMigrateCmd) Run(a *app) error {
	from, err := parseStore(c.From)
	if err != nil {
		return err
	}
	to, err := parseStore(c.To)
	if err != nil {
		return err
	}
	h, err := a.openHome()
	if err != nil {
		return err
	}
	if from.folder(h) == to.folder(h) {
		return usagef("FROM and TO are one store, %s", from.folder(h))
	}
	source, err := from.openExisting(h, nil)
	if err != nil {
		return err
	}
	defer source.Close()
	if err := notACopy(a.ctx, source, from.folder(h)); err != nil {
		return err
	}
	target, err := to.open(h, nil)
	if err != nil {
		return err
	}
	defer target.Close()
	if mark, err := transfer.ReadMark(a.ctx, target); err != nil {
		return err
	} else if mark != nil && mark.Purpose != purposeMigrate {
		return notACopy(a.ctx, target, to.folder(h))
	}
	began := time.Now()
	result, err := a.copyStore(source, target, purposeMigrate)
	if err != nil {
		return copyFailed("the migration into "+c.To, err)
	}
	if err := transfer.Unmark(a.ctx, target); err != nil {
		return err
	}
	if err := errors.Join(target.Close(), source.Close()); err != nil {
		return err
	}
	return a.copied(c.JSON, "migrated to "+c.To, &result, time.Since(began))
}

// copyFailed says of what an error of a copy is, and what to do.
func copyFailed(what string, err error) error {
	switch {
	case errors.Is(err, transfer.ErrOccupied):
		return fmt.Errorf("%s was refused: %w", what, err)
	case errors.Is(err, transfer.ErrDiffers):
		return fmt.Errorf("%s failed: %w", what, err)
	case errors.Is(err, store.ErrCorrupt):
		return advise(fmt.Errorf("%s failed: %w", what, err), "see where with: parley store check")
	}
	return fmt.Errorf("%s ended: %w", what, err)
}

type storeBackupCmd struct {
	waits
	Dir   string `arg:"" help:"Folder of the backup: an empty one, or one with an earlier backup of this store." type:"path"`
	Store string `help:"What to back up, as given to the daemon (default: embedded, the home's store)." default:"embedded" env:"PARLEY_STORE" placeholder:"embedded[:DIR]|mongodb://…|@FILE"`
	JSON  bool   `name:"json" help:"Print JSON."`
}

// Help is the rest of the command's help.
func (*storeBackupCmd) Help() string {
	return `The daemon may run: it gives a snapshot of its store. A second backup into the same folder
copies only what is new. At the end both sides are read again and compared. One that was
interrupted is completed by the next; until then the folder still holds the last whole one. A
backup holds messages as they are stored, encrypted, and no key: back up the home's user folder too.
A database makes no snapshot: what a peer has in one is backed up while its daemon is stopped, or
with the database's own tools while all run. The backup of one is an embedded store as well:
restore makes it the home's, and migrate takes it to a database again.

  parley store backup /backups/parley
  parley store backup /backups/parley --store @/etc/parley/store
  parley store check embedded:/backups/parley`
}

func (c *storeBackupCmd) Run(a *app) error {
	place, err := parseStore(c.Store)
	if err != nil {
		return usagef("--store %v", err)
	}
	h, err := a.openHome()
	if err != nil {
		return err
	}
	source, err := a.readable(h, place, c.waits)
	if err != nil {
		return err
	}
	defer source.Close()
	if err := notACopy(a.ctx, source, place.folder(h)); err != nil {
		return err
	}
	target, err := embedded.Open(c.Dir, embedded.Options{})
	if err != nil {
		return storeFailed(c.Dir, err)
	}
	defer target.Close()
	if err := c.keepWhole(a, target); err != nil {
		return err
	}
	began := time.Now()
	result, err := a.copyStore(source, target, purposeBackup)
	if err != nil {
		return copyFailed("the backup to "+c.Dir, err)
	}
	if err := errors.Join(target.Close(), os.RemoveAll(previous(c.Dir)), source.Close()); err != nil {
		return err
	}
	return a.copied(c.JSON, "backed up to "+c.Dir, &result, time.Since(began))
}

// previous is where a backup folder keeps the last whole backup while the next one is being made.
func previous(dir string) string { return filepath.Join(dir, "previous") }

// keepWhole puts a snapshot of a whole backup aside: what a backup that is cut would leave is neither the old nor the new.
func (c *storeBackupCmd) keepWhole(a *app, target *embedded.Store) error {
	mark, err := transfer.ReadMark(a.ctx, target)
	if err != nil {
		return err
	}
	if mark == nil || !mark.Whole || mark.Purpose != purposeBackup {
		return nil // of a cut one the last whole one is aside already
	}
	path, err := target.Snapshot(a.ctx)
	if err != nil {
		return fmt.Errorf("the last backup cannot be kept aside: %w", err)
	}
	if err := errors.Join(os.RemoveAll(previous(c.Dir)), os.Rename(path, previous(c.Dir))); err != nil {
		return fmt.Errorf("the last backup cannot be kept aside: %w", err)
	}
	return nil
}

// finishRestore puts a store in its place that was restored, and whose restore was interrupted between the last two steps.
func finishRestore(h *home.Home) error {
	_, err := os.Stat(h.StoreDir())
	if !errors.Is(err, os.ErrNotExist) {
		return nil
	}
	if err := os.Rename(restored(h), h.StoreDir()); err != nil && !errors.Is(err, os.ErrNotExist) {
		return fmt.Errorf("the restored store cannot be put in its place: %w", err)
	}
	return nil
}

func restoring(h *home.Home) string { return h.StoreDir() + ".restoring" }
func restored(h *home.Home) string  { return h.StoreDir() + ".restored" }
