package mongo

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"sync"

	"go.mongodb.org/mongo-driver/v2/bson"
	"go.mongodb.org/mongo-driver/v2/mongo"
	"go.mongodb.org/mongo-driver/v2/mongo/options"

	"parley/store"
)

func unorderedInsert() *options.InsertManyOptionsBuilder {
	return options.InsertMany().SetOrdered(false)
}

func unorderedBulk() *options.BulkWriteOptionsBuilder { return options.BulkWrite().SetOrdered(false) }

// write writes the group's documents and makes the commit, however often that must be tried. When it fails,
// the store is being closed or fenced off, and the commit is undecided.
func (s *Store) write(ctx context.Context, st *stager) error {
	if st.idle() {
		return nil
	}
	commit := s.commit + 1
	st.left = slices.Clone(st.runs)
	err := s.persevere(ctx, func(ctx context.Context) error { return st.write(ctx, commit) })
	if err == nil {
		err = s.persevere(ctx, func(ctx context.Context) error { return s.decide(ctx, st, commit) })
	}
	if err != nil {
		return err
	}
	s.mu.Lock()
	s.commit = commit
	s.dead = append(s.dead, st.spans...)
	s.mu.Unlock()
	s.note(nil)
	s.commits.Add(1)
	s.syncs.Add(1)
	return nil
}

// write brings the group's documents into their collections, where nobody sees them yet.
func (st *stager) write(ctx context.Context, commit int64) error {
	db := &st.s.db
	var wg sync.WaitGroup
	errs := make([]error, 6)
	for i, f := range []func() error{
		func() error { return st.insertRuns(ctx, commit) },
		func() error { return st.rooms.write(ctx, st, commit) },
		func() error { return st.heads.write(ctx, st, commit) },
		func() error { return st.records.write(ctx, st, commit) },
		func() error { return st.values.write(ctx, st, commit) },
		func() error { return st.s.announce(ctx, db.sweeps, st.spans, commit) },
	} {
		wg.Go(func() { errs[i] = f() })
	}
	wg.Wait()
	for _, err := range errs {
		if final(err) {
			return err
		}
	}
	return errors.Join(errs...)
}

// insertRuns inserts the group's runs. One whose _id is there already is this very one, from an attempt whose
// answer was lost, or one of a void commit, which makes room. What is done is remembered in st.left, so that each attempt gets
// further than the one before.
func (st *stager) insertRuns(ctx context.Context, commit int64) error {
	for len(st.left) > 0 {
		_, err := st.s.db.runs.InsertMany(ctx, st.left, unorderedInsert())
		if err == nil {
			st.left = nil
			break
		}
		if !onlyDuplicates(err) {
			return err
		}
		var bulk mongo.BulkWriteException
		errors.As(err, &bulk)
		again := make(map[string]any, len(bulk.WriteErrors))
		ids := make([]string, 0, len(bulk.WriteErrors))
		for _, w := range bulk.WriteErrors {
			raw := st.left[w.Index].(bson.Raw)
			id := raw.Lookup("_id").StringValue()
			again[id] = raw
			ids = append(ids, id)
		}
		there, err := all[struct {
			ID     string `bson:"_id"`
			Commit int64  `bson:"commit"`
		}](ctx, st.s.db.runs, bson.D{{Key: "_id", Value: bson.D{{Key: "$in", Value: ids}}}}, options.Find().SetProjection(bson.D{{Key: "commit", Value: 1}}))
		if err != nil {
			return err
		}
		void := make(map[int64][]string) // in the way, by commit
		for _, d := range there {
			switch {
			case d.Commit == commit:
				delete(again, d.ID)
			case d.Commit > commit:
				return st.s.fenced()
			case st.s.visible(d.Commit, commit):
				return fmt.Errorf("%w: run %s is there, and its log's head does not know it", store.ErrCorrupt, d.ID)
			default:
				void[d.Commit] = append(void[d.Commit], d.ID)
			}
		}
		for of, ids := range void {
			if _, err := st.s.db.runs.DeleteMany(ctx, bson.D{{Key: "_id", Value: bson.D{{Key: "$in", Value: ids}}}, {Key: "commit", Value: of}}); err != nil {
				return err
			}
		}
		st.left = st.left[:0]
		for _, raw := range again {
			st.left = append(st.left, raw)
		}
	}
	return nil
}

// announce writes down what the commit makes unreachable, for whoever must delete it if this process is lost.
func (s *Store) announce(ctx context.Context, sweeps *mongo.Collection, spans []span, commit int64) error {
	var docs []any
	for i := 0; i < len(spans); i += sweepItems {
		part := spans[i:min(i+sweepItems, len(spans))]
		docs = append(docs, &sweepDoc{ID: sweepKey(s.view, commit, i), View: s.view, Commit: commit, Spans: part})
	}
	if len(docs) == 0 {
		return nil
	}
	_, err := sweeps.InsertMany(ctx, docs, unorderedInsert())
	if onlyDuplicates(err) {
		return nil // of an attempt before: no other process has had this commit number
	}
	return err
}

func sweepKey(view string, commit int64, part int) string {
	return fmt.Sprintf("%s/%d/%d", view, commit, part)
}

// decide makes the commit, in one conditional update. It is the point at which everything of the group
// comes into being for readers, and after which it stays.
func (s *Store) decide(ctx context.Context, st *stager, commit int64) error {
	result, err := s.db.views.UpdateOne(ctx,
		bson.D{{Key: "_id", Value: s.opt.View}, {Key: "term", Value: s.term}, {Key: "commit", Value: commit - 1}},
		bson.D{{Key: "$set", Value: bson.D{{Key: "commit", Value: commit}, {Key: "number", Value: st.number}, {Key: "arrivals", Value: st.arrivals}}}})
	if err != nil {
		return err
	}
	if result.MatchedCount == 1 {
		return nil
	}
	var v viewDoc // an attempt before may have come through without an answer
	if err := s.db.views.FindOne(ctx, byID(s.opt.View)).Decode(&v); err != nil {
		return err
	}
	if v.Term != s.term || v.Commit != commit {
		return s.fenced()
	}
	return nil
}

// tidy deletes what the commit has made unreachable. Readers pass it over until it is gone.
func (s *Store) tidy(ctx context.Context, st *stager) error {
	if st.idle() {
		return nil
	}
	commit := s.commit
	var tombs []tomb
	for c, ids := range map[*mongo.Collection][]string{
		s.db.rooms: st.rooms.tombs(), s.db.heads: st.heads.tombs(), s.db.records: st.records.tombs(), s.db.values: st.values.tombs(),
	} {
		for _, id := range ids {
			tombs = append(tombs, tomb{c, id})
		}
	}
	st.rooms.committed(commit)
	st.heads.committed(commit)
	st.records.committed(commit)
	st.values.committed(commit)
	spans := st.spans
	err := s.persevere(ctx, func(ctx context.Context) error {
		for ; len(tombs) > 0; tombs = tombs[1:] {
			if _, err := tombs[0].of.DeleteOne(ctx, bson.D{{Key: "_id", Value: tombs[0].id}, {Key: "commit", Value: commit}}); err != nil {
				return err
			}
		}
		for ; len(spans) > 0; spans = spans[1:] {
			if err := s.sweep(ctx, spans[:1]); err != nil {
				return err
			}
		}
		if len(st.spans) == 0 {
			return nil
		}
		_, err := s.db.sweeps.DeleteMany(ctx, prefixed(fmt.Sprintf("%s/%d/", s.view, commit)))
		return err
	})
	if err != nil {
		return err
	}
	s.note(nil)
	if len(st.spans) == 0 {
		return nil
	}
	// A reader that began before the last deletion may still hold what is gone from the middle.
	s.pages.Lock()
	s.mu.Lock()
	s.dead = nil
	s.mu.Unlock()
	s.pages.Unlock()
	return nil
}

// idle reports whether the group changes nothing.
func (st *stager) idle() bool {
	return len(st.runs)+len(st.spans) == 0 && !st.rooms.any() && !st.heads.any() && !st.records.any() && !st.values.any()
}

// any reports whether the group changes a cell.
func (x *slots[T]) any() bool {
	for _, k := range x.known {
		if k.changed {
			return true
		}
	}
	return false
}

// A tomb is a document that says that something is not there any more.
type tomb struct {
	of *mongo.Collection
	id string
}

// tombs lists the documents that say that something is not there any more.
func (x *slots[T]) tombs() (ids []string) {
	for id, k := range x.known {
		if k.changed && k.now == nil && k.at != 0 {
			ids = append(ids, id)
		}
	}
	return ids
}

// release says that nothing is under way when the store was closed in order.
func (s *Store) release(ctx context.Context) {
	_, err := s.db.views.UpdateOne(ctx,
		bson.D{{Key: "_id", Value: s.opt.View}, {Key: "term", Value: s.term}, {Key: "commit", Value: s.commit}},
		bson.D{{Key: "$set", Value: bson.D{{Key: "clean", Value: true}}}})
	if err != nil {
		s.log.Warn("the database could not be let go of in order", "database", s.name, "error", s.hide.scrub(err))
	}
}
