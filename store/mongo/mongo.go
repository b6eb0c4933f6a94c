package mongo

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"sync"
	"sync/atomic"
	"time"

	"go.mongodb.org/mongo-driver/v2/bson"
	"go.mongodb.org/mongo-driver/v2/event"
	"go.mongodb.org/mongo-driver/v2/mongo"
	"go.mongodb.org/mongo-driver/v2/mongo/options"
	"go.mongodb.org/mongo-driver/v2/mongo/readconcern"
	"go.mongodb.org/mongo-driver/v2/mongo/readpref"
	"go.mongodb.org/mongo-driver/v2/mongo/writeconcern"

	"parley/store"
)

// Options say how a database is used.
type Options struct {
	// View names the part of the database that is this store, for which a peer's ID serves: peers that share a
	// database have a view each. Empty: "default".
	View string

	// Patience is how long Apply waits while the server is away or its disk full, before it
	// returns ErrUnavailable or ErrFull, and up to nine times as long while it answers now and then; 0: 5 s. What it was given is written all the same when the server is back.
	Patience time.Duration

	// ReadPatience is how long what reads tries again while the server is away, for each page of a sequence; 0: 5 s.
	ReadPatience time.Duration

	// OpenPatience is how long Open waits for the server; 0: 30 s.
	OpenPatience time.Duration

	// PageBytes is the most bytes that a sequence reads at once when its reader goes on for long; 0: 4 MiB. At most four sequences
	// at a time have such pages, the others 512 KiB.
	PageBytes int

	// Existing makes Open fail with store.ErrNotFound when the view is not there, instead of making it.
	Existing bool

	Logger *slog.Logger // nil: silent
}

// Store is one view of a MongoDB database. It implements store.Store and store.Shared.
type Store struct {
	opt     Options
	log     *slog.Logger
	hide    hider
	timeout time.Duration // of one exchange with the server; 0: none
	name    string        // of view, for errors
	client  *mongo.Client
	db      collections

	view string // the view's key
	inst [16]byte
	term int64

	queue   chan *request
	closing chan struct{} // closed by Close
	done    chan struct{} // closed when the committer has ended
	once    sync.Once

	answers atomic.Uint64 // that the server has given

	mu     sync.RWMutex
	commit int64          // the last one made
	voids  map[int64]bool // commits that never happened
	dead   []span         // unreachable runs that are not deleted yet
	down   error          // why the committer cannot go on at the moment, or for good
	ended  error          // what every method returns from now on

	large chan struct{} // one for each sequence with pages above pageBytes
	pages sync.RWMutex  // held for reading during a page, for writing when spans leave dead

	foreign foreign
	stats
}

type stats struct {
	batches, commits, syncs, runs, ignored, reopened atomic.Uint64
	disk                                             atomic.Uint64
	full                                             atomic.Bool
}

// collections are what this package keeps in a database.
type collections struct {
	*mongo.Database
	meta, views, rooms, heads, records, values, runs, sweeps *mongo.Collection
}

// Open opens a view of the database that a URI names, and makes it when it is not there. Whoever opened the
// same view before is fenced off: its calls fail with store.ErrLocked from then on.
func Open(ctx context.Context, uri string, opt Options) (*Store, error) {
	if opt.View == "" {
		opt.View = "default"
	}
	if opt.Patience == 0 {
		opt.Patience = defaultPatience
	}
	if opt.ReadPatience == 0 {
		opt.ReadPatience = readPatience
	}
	if opt.OpenPatience == 0 {
		opt.OpenPatience = openPatience
	}
	if opt.PageBytes == 0 {
		opt.PageBytes = defaultLargePage
	}
	s := &Store{
		opt: opt, log: opt.Logger, hide: secretsOf(uri), name: Redact(uri),
		queue: make(chan *request, queueLength), closing: make(chan struct{}), done: make(chan struct{}), large: make(chan struct{}, largePages),
	}
	if s.log == nil {
		s.log = slog.New(slog.DiscardHandler)
	}
	journal := true
	co := options.Client().ApplyURI(uri).SetAppName("parley").
		SetWriteConcern(&writeconcern.WriteConcern{W: writeconcern.WCMajority, Journal: &journal}).
		SetReadConcern(readconcern.Majority()).SetReadPreference(readpref.Primary()).
		SetMonitor(&event.CommandMonitor{Succeeded: func(context.Context, *event.CommandSucceededEvent) { s.answers.Add(1) }})
	if co.ServerSelectionTimeout == nil {
		co.SetServerSelectionTimeout(selectTimeout)
	}
	s.timeout = timeoutOf(uri, co.Timeout)
	if err := co.Validate(); err != nil {
		return nil, fmt.Errorf("store: the URI of the database is not valid: %w", s.hide.scrub(err))
	}
	client, err := mongo.Connect(co)
	if err != nil {
		return nil, s.unavailable(err)
	}
	s.client = client
	db := client.Database(databaseOf(uri))
	s.db = collections{
		db, db.Collection("meta"), db.Collection("views"), db.Collection("rooms"), db.Collection("heads"),
		db.Collection("records"), db.Collection("values"), db.Collection("runs"), db.Collection("sweeps"),
	}
	st, err := s.start(ctx)
	if err != nil {
		_ = client.Disconnect(context.WithoutCancel(ctx))
		return nil, err
	}
	go s.commitLoop(st)
	return s, nil
}

// start reaches the server, checks the schema and takes the view over.
func (s *Store) start(ctx context.Context) (*stager, error) {
	var v *viewDoc
	err := s.retry(ctx, s.opt.OpenPatience, "asked for this peer's part", func(ctx context.Context) error {
		if err := s.db.ready(ctx, migrations()); err != nil {
			return err
		}
		var err error
		v, err = s.takeOver(ctx)
		return err
	})
	if err != nil {
		return nil, fmt.Errorf("%s: %w", s.name, s.translate(err))
	}
	s.view, s.term, s.commit = v.Key, v.Term, v.Commit
	copy(s.inst[:], v.Instance)
	s.voids = make(map[int64]bool, len(v.Void))
	for _, w := range v.Void {
		s.voids[w.Commit] = true
	}
	st := &stager{s: s, number: v.Number, arrivals: v.Arrivals}
	st.forget()
	if err := s.retry(ctx, s.opt.OpenPatience, "told to delete what is gone", s.resume); err != nil {
		return nil, fmt.Errorf("%s: %w", s.name, s.translate(err))
	}
	return st, nil
}

// retry calls f until it succeeds, fails for good, or patience runs out, waiting longer each time. what is what the server is
// asked or told.
func (s *Store) retry(ctx context.Context, patience time.Duration, what string, f func(context.Context) error) error {
	deadline := time.Now().Add(patience)
	for wait := retryFirst; ; wait = min(2*wait, retryMost) {
		err := s.bounded(ctx, what, f)
		switch {
		case err == nil:
			return nil
		case ctx.Err() != nil:
			return ctx.Err()
		case final(err) || errors.Is(err, store.ErrFormat) || errors.Is(err, store.ErrNotFound):
			return err
		case !time.Now().Add(wait).Before(deadline):
			return err
		}
		select {
		case <-time.After(wait):
		case <-ctx.Done():
			return ctx.Err()
		case <-s.closing:
			return store.ErrClosed
		}
	}
}

// bounded calls f with a context that ends when an exchange with the server takes too long.
func (s *Store) bounded(ctx context.Context, what string, f func(context.Context) error) error {
	if s.timeout == 0 {
		return f(ctx)
	}
	op, cancel := context.WithTimeout(ctx, s.timeout)
	defer cancel()
	err := f(op)
	if deadline, _ := op.Deadline(); err != nil && ctx.Err() == nil && !time.Now().Before(deadline) {
		return &SlowError{What: what, Within: s.timeout}
	}
	return err
}

// Name is the database as it may be shown: without user, password and options.
func (s *Store) Name() string { return s.name }

// Instance implements store.Store. Each view has its own.
func (s *Store) Instance() [16]byte { return s.inst }

// Stats implements store.Store. DiskBytes is of the whole database, all views together.
func (s *Store) Stats() store.Stats {
	return store.Stats{
		DiskBytes: s.stats.disk.Load(), Batches: s.batches.Load(), Commits: s.commits.Load(), Syncs: s.syncs.Load(),
		Runs: s.stats.runs.Load(), Ignored: s.ignored.Load(), Full: s.full.Load(), Reopened: s.reopened.Load(),
	}
}

// Health returns why writing does not go on at the moment, nil when it does.
func (s *Store) Health() error {
	s.mu.RLock()
	defer s.mu.RUnlock()
	return s.down
}

// alive returns the error with which every method fails, if any.
func (s *Store) alive() error {
	select {
	case <-s.closing:
		return store.ErrClosed
	default:
	}
	s.mu.RLock()
	defer s.mu.RUnlock()
	return s.ended
}

// Close implements store.Store.
func (s *Store) Close() error {
	s.once.Do(func() { close(s.closing) })
	<-s.done
	return nil
}

// measure asks how large the database is, for Stats.
func (s *Store) measure(ctx context.Context) error {
	var size struct {
		Storage float64 `bson:"storageSize"`
		Index   float64 `bson:"indexSize"`
	}
	err := s.db.RunCommand(ctx, bson.D{{Key: "dbStats", Value: 1}}).Decode(&size)
	if err == nil {
		s.disk.Store(uint64(size.Storage + size.Index))
	}
	return err
}
