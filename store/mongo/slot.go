package mongo

import (
	"context"
	"errors"
	"slices"

	"go.mongodb.org/mongo-driver/v2/bson"
	"go.mongodb.org/mongo-driver/v2/mongo"
)

// A slot is what the committer knows of one cell: it is the only one that writes to it.
type slot[T any] struct {
	name    Name
	at      int64 // the commit number in the document, 0 when there is none
	was     *T    // as of the last commit
	now     *T    // with the changes of the group, which are not made yet
	changed bool
}

// slots are the slots of one collection, by _id: those that the group has touched and those from before.
type slots[T any] struct {
	of    *mongo.Collection
	known map[string]*slot[T]
	tx    map[string]*slot[T] // of the request that is being staged, copies
}

func newSlots[T any](of *mongo.Collection) slots[T] {
	return slots[T]{of: of, known: make(map[string]*slot[T]), tx: make(map[string]*slot[T])}
}

// get returns the request's slot of an _id.
func (x *slots[T]) get(ctx context.Context, st *stager, id string, name Name) (*slot[T], error) {
	if own := x.tx[id]; own != nil {
		return own, nil
	}
	k := x.known[id]
	if k == nil {
		d := new(cell[T])
		err := x.of.FindOne(ctx, byID(id)).Decode(d)
		if errors.Is(err, mongo.ErrNoDocuments) {
			d, err = nil, nil
		}
		if err != nil {
			return nil, err
		}
		if k, err = x.learn(st, id, d); err != nil {
			return nil, err
		}
	}
	own := *k
	own.name = name
	x.tx[id] = &own
	return &own, nil
}

// absent makes it known that nothing that counts is at an _id. What a void commit may have left there is found when
// it is written to.
func (x *slots[T]) absent(id string) {
	if x.known[id] == nil {
		x.known[id] = new(slot[T])
	}
}

// learn makes a slot of a document, nil for one that is not there.
func (x *slots[T]) learn(st *stager, id string, d *cell[T]) (*slot[T], error) {
	k := new(slot[T])
	if d != nil {
		if d.Commit > st.s.commit && !st.s.voids[d.Commit] {
			return nil, st.s.fenced()
		}
		k.at, k.was = d.Commit, d.Was
		if st.s.visible(d.Commit, st.s.commit) {
			k.was = d.Now
		}
	}
	k.now = k.was
	x.known[id] = k
	return k, nil
}

// fetch reads the slots of many _ids in few exchanges, so that get finds them.
func (x *slots[T]) fetch(ctx context.Context, st *stager, ids []string) error {
	ids = slices.DeleteFunc(ids, func(id string) bool { return x.known[id] != nil })
	slices.Sort(ids)
	ids = slices.Compact(ids)
	if len(ids) < 2 {
		return nil // get does as well
	}
	for part := range slices.Chunk(ids, mostFetch) {
		cells, err := all[cell[T]](ctx, x.of, bson.D{{Key: "_id", Value: bson.D{{Key: "$in", Value: part}}}})
		if err != nil {
			return err
		}
		found := make(map[string]*cell[T], len(cells))
		for i := range cells {
			found[cells[i].ID] = &cells[i]
		}
		for _, id := range part {
			if _, err := x.learn(st, id, found[id]); err != nil {
				return err
			}
		}
	}
	return nil
}

// set changes the request's slot.
func (o *slot[T]) set(now *T) { o.now, o.changed = now, true }

// keep makes the request's slots the group's.
func (x *slots[T]) keep() {
	for id, own := range x.tx {
		if own.changed {
			x.known[id] = own
		}
	}
	clear(x.tx)
}

// committed makes the group's changes what was there before the next.
func (x *slots[T]) committed(commit int64) {
	for id, k := range x.known {
		if !k.changed {
			continue
		}
		k.was, k.at, k.changed = k.now, commit, false
		if k.now == nil {
			delete(x.known, id) // its document is deleted, or is not: look
		}
	}
}

// write brings the group's changes into the collection as commit, which is not made by that.
// It may be called again after an error.
func (x *slots[T]) write(ctx context.Context, st *stager, commit int64) error {
	pending := make(map[string]*slot[T])
	for id, k := range x.known {
		if k.changed && k.at != commit && (k.now != nil || k.was != nil || k.at != 0) {
			pending[id] = k
		}
	}
	for len(pending) > 0 {
		var fresh []any
		var inserted []string
		var models []mongo.WriteModel
		for id, k := range pending {
			d := &cell[T]{ID: id, Name: k.name, Commit: commit, Now: k.now, Was: k.was}
			if k.at == 0 {
				fresh, inserted = append(fresh, d), append(inserted, id)
			} else {
				models = append(models, mongo.NewReplaceOneModel().SetFilter(bson.D{{Key: "_id", Value: id}, {Key: "commit", Value: k.at}}).SetReplacement(d))
			}
		}
		if len(fresh) > 0 {
			_, err := x.of.InsertMany(ctx, fresh, unorderedInsert())
			if err != nil && !onlyDuplicates(err) {
				return err
			}
			if err == nil {
				for _, id := range inserted {
					pending[id].at = commit // known at once: an attempt gets further than the one before
					delete(pending, id)
				}
			}
		}
		if len(models) > 0 {
			result, err := x.of.BulkWrite(ctx, models, unorderedBulk())
			if err != nil {
				return err
			}
			if result.MatchedCount == int64(len(models)) {
				for id, k := range pending {
					if k.at != 0 {
						k.at = commit
						delete(pending, id)
					}
				}
			}
		}
		if len(pending) == 0 {
			break
		}
		if err := x.look(ctx, st, pending, commit); err != nil {
			return err
		}
	}
	return nil
}

// look finds out what commit numbers the documents have, after one was not as known: a write of a lost
// process came late, or this process's own came through without an answer.
func (x *slots[T]) look(ctx context.Context, st *stager, pending map[string]*slot[T], commit int64) error {
	for id, k := range pending {
		var d struct {
			Commit int64 `bson:"commit"`
		}
		err := x.of.FindOne(ctx, byID(id)).Decode(&d)
		switch {
		case errors.Is(err, mongo.ErrNoDocuments):
			k.at = 0
		case err != nil:
			return err
		case d.Commit == commit:
			k.at = commit
			delete(pending, id)
		case d.Commit > commit:
			return st.s.fenced()
		default:
			k.at = d.Commit
		}
	}
	return nil
}
