// Package check reads a store from end to end and compares what it holds with the rules: every record and
// run is parsed, its hash and signature verified, its links followed, and the indexes compared with what they
// index. It changes nothing.
//
// What the rules of a room let stand without counting, as messages behind a leave or a fork, is no
// finding; it is counted as Void.
package check

import (
	"context"
	"fmt"

	"parley/store"
	"parley/store/transfer"
	"parley/wire"
)

// A Finding is something that is not as it should be.
type Finding struct {
	Where string `json:"where"`          // "room ID, log ID, messages 1 to 7"
	What  string `json:"what"`           // what is wrong there
	Do    string `json:"do"`             // what to do about it
	Room  string `json:"room,omitempty"` // the room's ID, of what is in one
	Log   string `json:"log,omitempty"`  // the log's, of what is in one
	First uint64 `json:"first,omitempty"`
	Last  uint64 `json:"last,omitempty"` // messages, of what is a run
}

// What to do about a finding, by where it is.
const (
	adviseFetch = "other peers have the room: move the store away and start the daemon, which fetches it; else restore a backup"
	adviseHere  = "restore a backup, or move the store away and start the daemon"
	adviseIndex = "copy the store anew, which makes its indexes again: parley store migrate embedded embedded:DIR"
	adviseCopy  = "make the backup anew in an empty folder, while its source is there"
	adviseValue = "it is ignored; a token is made anew by itself, a room is taken up again with parley room join"
)

// A Report counts what was checked.
type Report struct {
	Rooms    int    `json:"rooms"`
	Logs     int    `json:"logs"`
	Runs     uint64 `json:"runs"`
	Messages uint64 `json:"messages"`
	Records  uint64 `json:"records"`
	Values   uint64 `json:"values"`
	Bytes    uint64 `json:"bytes"`    // of runs, records and values
	Void     uint64 `json:"void"`     // messages that the room's rules do not count
	Findings uint64 `json:"findings"` // all, also those beyond what Found was told
}

// Options direct a check.
type Options struct {
	Found    func(Finding)                          // told each finding, at most maxFindings of them
	Progress func(phase string, done, total uint64) // in messages; nil: not told
	Workers  int                                    // signatures verified at once; 0: one for each core
}

// An engine can look at its own structures too.
type engine interface {
	Check(ctx context.Context, report func(what string) bool) error
}

// Store checks a store. The error is one of reading that ended the check; findings are none.
func Store(ctx context.Context, s store.Store, o Options) (Report, error) {
	c := &checker{store: s, o: o}
	if e, ok := s.(engine); ok {
		if err := e.Check(ctx, func(what string) bool {
			c.find(Finding{Where: "the database", What: what, Do: adviseIndex})
			return c.report.Findings < maxFindings
		}); err != nil && !c.damaged(ctx, "the database", adviseHere, err) {
			return c.report, err
		}
	}
	rooms, err := s.Rooms(ctx)
	if err != nil {
		return c.report, err
	}
	if err := c.count(ctx, rooms); err != nil {
		return c.report, err
	}
	for _, id := range rooms {
		if err := c.room(ctx, id); err != nil {
			return c.report, fmt.Errorf("room %s: %w", id, err)
		}
	}
	if err := c.values(ctx); err != nil {
		return c.report, err
	}
	return c.report, c.copy(ctx)
}

// copy compares a backup with the digest it was written with.
func (c *checker) copy(ctx context.Context) error {
	mark, err := transfer.ReadMark(ctx, c.store)
	if err != nil || mark == nil {
		if c.damaged(ctx, "the mark of a copy", adviseHere, err) {
			return nil
		}
		return err
	}
	if !mark.Whole {
		c.find(Finding{Where: "the store", What: "it is a copy that was interrupted (" + mark.Purpose + ")", Do: "run the same command again, which completes it"})
		return nil
	}
	now, err := transfer.Sum(ctx, c.store, nil)
	if err != nil {
		if c.damaged(ctx, "the store", adviseCopy, err) {
			return nil
		}
		return err
	}
	if now.Digest.String() != mark.Digest {
		c.find(Finding{Where: "the store", What: "its digest is " + now.Digest.String() + ", and was " + mark.Digest + " when the copy was made", Do: adviseCopy})
	}
	return nil
}

// A checker is one check under way.
type checker struct {
	store  store.Store
	o      Options
	report Report
	total  uint64 // messages
}

func (c *checker) find(f Finding) {
	c.report.Findings++
	if c.o.Found != nil && c.report.Findings <= maxFindings {
		c.o.Found(f)
	}
}

func (c *checker) tell(phase string, done uint64) {
	if c.o.Progress != nil {
		c.o.Progress(phase, done, c.total)
	}
}

// count finds out how much there is.
func (c *checker) count(ctx context.Context, rooms []wire.ID) error {
	for _, id := range rooms {
		heads, err := c.store.Heads(ctx, id)
		if err != nil {
			if c.damaged(ctx, "room "+id.String(), adviseHere, err) {
				continue
			}
			return err
		}
		for i := range heads {
			c.total += heads[i].Last - heads[i].Floor
		}
	}
	return nil
}

// damaged makes a finding of a damaged part of the store, and reports whether err is one: the check
// then goes on with what can be read.
func (c *checker) damaged(ctx context.Context, where, do string, err error) bool {
	if err == nil || ctx.Err() != nil || !isDamage(err) {
		return false
	}
	c.find(Finding{Where: where, What: err.Error(), Do: do})
	return true
}
