package mongo

import (
	"context"
	"crypto/rand"
	"encoding/base32"
	"errors"
	"fmt"
	"os"
	"strings"
	"time"

	"go.mongodb.org/mongo-driver/v2/bson"
	"go.mongodb.org/mongo-driver/v2/mongo"
	"go.mongodb.org/mongo-driver/v2/mongo/options"

	"parley/store"
)

// takeOver makes this process the only one that can commit to the view. When the one before was
// lost, the commit that it may have begun is declared void.
func (s *Store) takeOver(ctx context.Context) (*viewDoc, error) {
	for {
		var v viewDoc
		err := s.db.views.FindOne(ctx, byID(s.opt.View)).Decode(&v)
		if errors.Is(err, mongo.ErrNoDocuments) && s.opt.Existing {
			return nil, fmt.Errorf("%w: there is no view %q", store.ErrNotFound, s.opt.View)
		}
		if errors.Is(err, mongo.ErrNoDocuments) {
			if err := s.newView(ctx); err != nil {
				return nil, err
			}
			continue
		}
		if err != nil {
			return nil, err
		}
		was := bson.D{{Key: "_id", Value: v.ID}, {Key: "term", Value: v.Term}, {Key: "commit", Value: v.Commit}, {Key: "clean", Value: v.Clean}}
		now := time.Now().UTC()
		v.Term++
		if !v.Clean {
			v.Commit++
			v.Void = append(v.Void, void{Commit: v.Commit, At: now})
		}
		host, _ := os.Hostname()
		v.Clean, v.Opened, v.Host, v.PID = false, now, host, os.Getpid()
		result, err := s.db.views.ReplaceOne(ctx, was, &v)
		if err != nil {
			return nil, err // and the next attempt begins with what is there then
		}
		if result.MatchedCount == 1 {
			return &v, nil
		}
	}
}

func (s *Store) newView(ctx context.Context) error {
	v := viewDoc{ID: s.opt.View, Instance: make([]byte, 16), Void: []void{}, Clean: true, Opened: time.Now().UTC()}
	rand.Read(v.Instance)
	v.Key = strings.ToLower(base32.StdEncoding.EncodeToString(v.Instance[:5]))
	err := s.db.views.FindOne(ctx, bson.D{{Key: "key", Value: v.Key}}).Err()
	if err == nil {
		return nil // another view's, once in 2^40: the next round has another
	}
	if !errors.Is(err, mongo.ErrNoDocuments) {
		return err
	}
	_, err = s.db.views.InsertOne(ctx, &v)
	if mongo.IsDuplicateKeyError(err) {
		return nil
	}
	return err
}

// resume finishes, before anything is served, what a lost process left: it deletes what its
// commits made unreachable, and forgets old void commits.
func (s *Store) resume(ctx context.Context) error {
	var left []sweepDoc
	cur, err := s.db.sweeps.Find(ctx, bson.D{{Key: "view", Value: s.view}})
	if err != nil {
		return err
	}
	if err := cur.All(ctx, &left); err != nil {
		return err
	}
	for _, d := range left {
		if !s.visible(d.Commit, s.commit) {
			if d.Commit > s.commit {
				continue // of a process that took over meanwhile
			}
		} else if err := s.sweep(ctx, d.Spans); err != nil {
			return err
		}
		if _, err := s.db.sweeps.DeleteOne(ctx, byID(d.ID)); err != nil {
			return err
		}
	}
	return s.forgetVoids(ctx)
}

// forgetVoids deletes what void commits left behind, once there are many and nothing of them can be
// under way any more, and takes them off the view.
func (s *Store) forgetVoids(ctx context.Context) error {
	if len(s.voids) <= voidsKept {
		return nil
	}
	var v viewDoc
	if err := s.db.views.FindOne(ctx, byID(s.opt.View)).Decode(&v); err != nil {
		return err
	}
	keep := []void{}
	for _, w := range v.Void {
		if time.Since(w.At) < voidAge {
			keep = append(keep, w)
			continue
		}
		ours := append(prefixed(s.view+"/"), bson.E{Key: "commit", Value: w.Commit})
		if _, err := s.db.runs.DeleteMany(ctx, ours); err != nil {
			return err
		}
		for _, c := range []*mongo.Collection{s.db.rooms, s.db.heads, s.db.records, s.db.values} {
			if err := revert(ctx, c, ours); err != nil {
				return err
			}
		}
	}
	if len(keep) == len(v.Void) {
		return nil
	}
	result, err := s.db.views.UpdateOne(ctx, bson.D{{Key: "_id", Value: v.ID}, {Key: "term", Value: s.term}},
		bson.D{{Key: "$set", Value: bson.D{{Key: "void", Value: keep}}}})
	if err == nil && result.MatchedCount == 0 {
		return s.fenced()
	}
	return err
}

// revert gives the cells that a void commit wrote what they had before it.
func revert(ctx context.Context, c *mongo.Collection, filter bson.D) error {
	cur, err := c.Find(ctx, filter)
	if err != nil {
		return err
	}
	var cells []cell[bson.Raw]
	if err := cur.All(ctx, &cells); err != nil {
		return err
	}
	for _, d := range cells {
		at := bson.D{{Key: "_id", Value: d.ID}, {Key: "commit", Value: d.Commit}}
		if d.Was == nil {
			_, err = c.DeleteOne(ctx, at)
		} else {
			_, err = c.UpdateOne(ctx, at, bson.D{{Key: "$set", Value: bson.D{{Key: "commit", Value: int64(0)}, {Key: "now", Value: d.Was}}}})
		}
		if err != nil {
			return err
		}
	}
	return nil
}

// fenced says that another process has taken the view over.
func (s *Store) fenced() error {
	return fmt.Errorf("%w: another process has opened the view %q of %s", store.ErrLocked, s.opt.View, s.name)
}

// visible reports whether a commit was made, as of the last one.
func (s *Store) visible(commit, last int64) bool { return commit <= last && !s.voids[commit] }

func byID(id string) bson.D { return bson.D{{Key: "_id", Value: id}} }

// ready checks that the database is one of ours, of a form that is known, and makes its indexes.
func (db *collections) ready(ctx context.Context, steps []migration) error {
	var meta struct {
		Version int  `bson:"version"`
		Indexed bool `bson:"indexed"`
	}
	err := db.meta.FindOne(ctx, byID("schema")).Decode(&meta)
	if errors.Is(err, mongo.ErrNoDocuments) {
		meta.Version = schemaVersion
		_, err = db.meta.InsertOne(ctx, bson.D{{Key: "_id", Value: "schema"}, {Key: "version", Value: schemaVersion}, {Key: "indexed", Value: false}, {Key: "made", Value: time.Now().UTC()}})
		if mongo.IsDuplicateKeyError(err) {
			return db.ready(ctx, steps)
		}
	}
	if err != nil {
		return err
	}
	if err := db.migrate(ctx, meta.Version, steps); err != nil {
		return err
	}
	if meta.Indexed {
		return nil
	}
	for _, index := range []struct {
		of   *mongo.Collection
		keys bson.D
		name string
	}{
		{db.runs, bson.D{{Key: "in", Value: 1}, {Key: "arrival", Value: 1}}, "arrivals"},
		{db.rooms, bson.D{{Key: "room", Value: 1}}, "room"},
		{db.views, bson.D{{Key: "key", Value: 1}}, "key"},
		{db.sweeps, bson.D{{Key: "view", Value: 1}}, "view"},
	} {
		o := options.Index().SetName(index.name)
		if _, err := index.of.Indexes().CreateOne(ctx, mongo.IndexModel{Keys: index.keys, Options: o}); err != nil {
			return err
		}
	}
	_, err = db.meta.UpdateOne(ctx, byID("schema"), bson.D{{Key: "$set", Value: bson.D{{Key: "indexed", Value: true}}}})
	return err
}

// A migration brings the documents of one version to the form of the next. It may be interrupted
// and is then done again, so it must do no harm twice.
type migration struct {
	from int
	do   func(context.Context, *collections) error
}

// migrations lists all steps from the first version on, in order.
func migrations() []migration { return nil }

// migrate brings a database of version to the newest form, one step at a time.
func (db *collections) migrate(ctx context.Context, version int, steps []migration) error {
	newest := schemaVersion
	if n := len(steps); n > 0 {
		newest = steps[n-1].from + 1
	}
	if version > newest || version < 1 {
		return fmt.Errorf("%w: the database is of version %d, this program knows %d: use the newer program", store.ErrFormat, version, newest)
	}
	for _, step := range steps {
		if step.from < version {
			continue
		}
		if err := step.do(ctx, db); err != nil {
			return fmt.Errorf("from version %d: %w", step.from, err)
		}
		_, err := db.meta.UpdateOne(ctx, bson.D{{Key: "_id", Value: "schema"}, {Key: "version", Value: step.from}},
			bson.D{{Key: "$set", Value: bson.D{{Key: "version", Value: step.from + 1}}}})
		if err != nil {
			return err
		}
	}
	return nil
}
