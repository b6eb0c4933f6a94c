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

type storeRestoreCmd struct {
	Dir     string `arg:"" help:"Folder of the backup." type:"path"`
	Replace bool   `help:"Move a store that holds something aside; it is kept."`
	JSON    bool   `name:"json" help:"Print JSON."`
}

// Help is the rest of the command's help.
func (*storeRestoreCmd) Help() string {
	return `Stop the daemon first. A store that holds something is left alone unless --replace is given, and
then kept beside the new one. What was written after the backup comes back from other peers when the
daemon starts. The new store counts arrivals for itself: a tail with --cursor finds its place by what it
has shown. The backup is compared with its digest, and stays as it is.

  parley store restore /backups/parley
  parley store restore /backups/parley --replace`
}

func (c *storeRestoreCmd) Run(a *app) (err error) {
	h, err := a.openHome()
	if err != nil {
		return err
	}
	lock, err := h.LockPeer()
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, lock.Unlock()) }()
	if err := finishRestore(h); err != nil {
		return err
	}
	if err := c.occupied(a, h); err != nil {
		return err
	}
	source, mark, err := c.backup(a)
	if err != nil {
		return err
	}
	defer source.Close()
	began := time.Now()
	result, err := c.fill(a, h, source, mark)
	if err != nil {
		return err
	}
	aside, err := swap(h)
	if err != nil {
		return err
	}
	if aside != "" {
		a.out.notice("the store that was there is kept as %s", aside)
	}
	return a.copied(c.JSON, "restored from "+c.Dir, &result, time.Since(began))
}

// occupied refuses to replace a store that holds something, unless told to.
func (c *storeRestoreCmd) occupied(a *app, h *home.Home) error {
	if _, err := os.Stat(h.StoreDir()); errors.Is(err, os.ErrNotExist) || c.Replace && err == nil {
		return nil
	}
	s, err := embedded.Open(h.StoreDir(), embedded.Options{})
	if errors.Is(err, store.ErrCorrupt) || errors.Is(err, store.ErrFormat) {
		return advise(err, "give --replace to move it aside")
	}
	if err != nil {
		return err
	}
	defer s.Close()
	empty, err := transfer.Empty(a.ctx, s)
	if err != nil || empty {
		return err
	}
	n, err := transfer.Messages(a.ctx, s)
	if err != nil {
		return err
	}
	return advise(fmt.Errorf("the store of this home holds %s already", count(n, "message")), "give --replace to move it aside")
}

// backup opens the last whole backup in the folder.
func (c *storeRestoreCmd) backup(a *app) (store.Store, *transfer.Mark, error) {
	for _, dir := range []string{c.Dir, previous(c.Dir)} {
		s, err := storePlace{dir: dir}.openExisting(nil, nil)
		if err != nil && dir == c.Dir {
			return nil, nil, err
		}
		if err != nil {
			break
		}
		mark, err := transfer.ReadMark(a.ctx, s)
		switch {
		case err != nil:
		case mark == nil || mark.Purpose != purposeBackup:
			err = advise(fmt.Errorf("%s holds a store, not a backup", dir), fmt.Sprintf("copy it with: parley store migrate embedded:%s embedded", dir))
		case mark.Whole:
			if dir != c.Dir {
				a.out.notice("the last backup to %s was interrupted; this is the one before it, of %s", c.Dir, clock(mark.Time))
			}
			return s, mark, nil
		}
		if err = errors.Join(err, s.Close()); err != nil {
			return nil, nil, err
		}
	}
	return nil, nil, advise(fmt.Errorf("the backup in %s was interrupted before it was whole", c.Dir), "run parley store backup "+c.Dir+" again where its source is")
}

// fill makes the new store beside the old one.
func (c *storeRestoreCmd) fill(a *app, h *home.Home, source store.Store, mark *transfer.Mark) (result transfer.Result, err error) {
	for attempt := 0; ; attempt++ {
		var target *embedded.Store
		if target, err = embedded.Open(restoring(h), embedded.Options{}); err == nil {
			result, err = a.copyStore(source, target, purposeRestore)
			if err == nil && mark.Digest != result.Digest.String() {
				err = advise(fmt.Errorf("%w: the backup in %s is not what was written: its digest is %s, and was %s",
					store.ErrCorrupt, c.Dir, result.Digest, mark.Digest), "see where with: parley store check embedded:"+c.Dir)
			}
			if err == nil {
				err = transfer.Unmark(a.ctx, target)
			}
			err = errors.Join(err, target.Close())
		}
		stale := errors.Is(err, transfer.ErrOccupied) || errors.Is(err, transfer.ErrDiffers)
		if !stale || attempt > 0 {
			break
		}
		// What an interrupted restore of another backup left.
		if err := os.RemoveAll(restoring(h)); err != nil {
			return result, err
		}
	}
	if err != nil {
		return result, copyFailed("the restore from "+c.Dir, err)
	}
	return result, nil
}

// swap puts the new store in the place of the old one, which it keeps and whose new name it returns.
func swap(h *home.Home) (aside string, err error) {
	if err := errors.Join(os.RemoveAll(restored(h)), os.Rename(restoring(h), restored(h))); err != nil {
		return "", err
	}
	if _, err := os.Stat(h.StoreDir()); err == nil {
		aside = h.StoreDir() + ".replaced-" + time.Now().UTC().Format("20060102T150405.000")
		if err := os.Rename(h.StoreDir(), aside); err != nil {
			return "", err
		}
	}
	if err := finishRestore(h); err != nil {
		return aside, err
	}
	syncNames(filepath.Dir(h.StoreDir()))
	return aside, nil
}

// syncNames makes a folder's names last. Where a folder cannot be synced (Windows), names last by themselves.
func syncNames(dir string) {
	if f, err := os.Open(dir); err == nil {
		_ = f.Sync()
		_ = f.Close()
	}
}
