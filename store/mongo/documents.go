package mongo

import (
	"fmt"
	"math"
	"strings"
	"time"

	"go.mongodb.org/mongo-driver/v2/bson"

	"parley/store"
	"parley/wire"
)

// viewDoc is a document of the collection views: the state of one view, and the place where every
// commit of it happens.
type viewDoc struct {
	ID       string    `bson:"_id"`
	Key      string    `bson:"key"`
	Instance []byte    `bson:"instance"`
	Term     int64     `bson:"term"`   // grows with each opening: the fence
	Commit   int64     `bson:"commit"` // the last one made
	Void     []void    `bson:"void"`   // commit numbers that never happened
	Number   int64     `bson:"number"` // the highest number given to a room or a log
	Arrivals int64     `bson:"arrivals"`
	Clean    bool      `bson:"clean"` // closed in order: nothing is under way
	Opened   time.Time `bson:"opened"`
	Host     string    `bson:"host"`
	PID      int       `bson:"pid"`
}

// void is a commit number that a process had begun when it was lost.
type void struct {
	Commit int64     `bson:"commit"`
	At     time.Time `bson:"at"`
}

// cell is a document whose contents change. Now counts if commit Commit was made, Was until then; nil is "not there".
type cell[T any] struct {
	ID     string `bson:"_id"`
	Name   `bson:",inline"`
	Commit int64 `bson:"commit"`
	Now    *T    `bson:"now"`
	Was    *T    `bson:"was"`
}

// Name is what a cell is of, for who reads it in a shell.
type Name struct {
	View string `bson:"view"`
	Room string `bson:"room,omitempty"`
	Log  string `bson:"log,omitempty"`
	Kind int32  `bson:"kind,omitempty"`
	Key  string `bson:"key,omitempty"`
}

// roomState is the contents of a document of the collection rooms.
type roomState struct {
	Number  int64 `bson:"number"`
	Arrival int64 `bson:"arrival"` // the last one given
	Records int64 `bson:"records"` // written so far; others see by it that there are new ones
}

// headState is the contents of a document of the collection heads.
type headState struct {
	Number   int64     `bson:"number"`
	Author   string    `bson:"author"`
	Floor    int64     `bson:"floor"`
	Last     int64     `bson:"last"`
	Link     string    `bson:"link"`
	Bytes    int64     `bson:"bytes"`
	Arrival  int64     `bson:"arrival"`
	Received time.Time `bson:"received"`
	Nanos    int32     `bson:"nanos"` // of received, below its millisecond
	Note     []byte    `bson:"note"`
	Cut      int64     `bson:"cut"`   // where the last cut ended the log
	Since    int64     `bson:"since"` // and its commit, 0 when there was none: what is above Cut from before it does not count
}

// content is the contents of a document of the collections records and values.
type content struct {
	Bytes []byte `bson:"bytes"`
}

// runDoc is a document of the collection runs.
type runDoc struct {
	ID       string    `bson:"_id"`
	In       string    `bson:"in"`
	Arrival  int64     `bson:"arrival"`
	Commit   int64     `bson:"commit"`
	Number   int64     `bson:"number"` // of the log
	Room     string    `bson:"room"`
	Log      string    `bson:"log"`
	Author   string    `bson:"author"`
	First    int64     `bson:"first"`
	Last     int64     `bson:"last"`
	Link     string    `bson:"link"`
	Received time.Time `bson:"received"`
	Nanos    int32     `bson:"nanos"`
	Size     int64     `bson:"size"`
	Bytes    []byte    `bson:"bytes"`
}

// sweepDoc lists what a commit made unreachable and is to be deleted after it.
type sweepDoc struct {
	ID     string `bson:"_id"`
	View   string `bson:"view"`
	Commit int64  `bson:"commit"`
	Spans  []span `bson:"spans"`
}

// span is the runs of a log up to one; with Before those above Upto from commits below Before; with number 0
// a whole room.
type span struct {
	In     string `bson:"in"`
	Log    int64  `bson:"log"`
	Upto   int64  `bson:"upto"`
	Before int64  `bson:"before"`
}

func roomKey(view string, room wire.ID) string { return view + "/" + room.String() }

// inRoom is the prefix of what belongs to a room by its number.
func inRoom(view string, number int64) string { return fmt.Sprintf("%s/%d", view, number) }

func headKey(in string, log wire.ID) string { return in + "/" + log.String() }

func recordPrefix(in string, kind store.Kind) string { return fmt.Sprintf("%s/%d/", in, kind) }

func recordKey(in string, kind store.Kind, id wire.ID) string {
	return recordPrefix(in, kind) + id.String()
}

// runKey sorts a log's runs by their last number, as text too.
func runKey(in string, log int64, last uint64) string {
	return fmt.Sprintf("%s/%d/%020d", in, log, last)
}

// branchKey is the _id of a run of a log that was cut by commit since, 0 for never: what the cut drops is there until the cut is
// made and swept, under other _ids than what takes its place.
func branchKey(in string, log int64, last uint64, since int64) string {
	if since == 0 {
		return runKey(in, log, last)
	}
	return fmt.Sprintf("%s.%d", runKey(in, log, last), since)
}

// valueKey is a key as text that sorts as its bytes do: printable ASCII stands for itself; what is
// below it is written !XX, what is above ~XX.
func valueKey(view, key string) string {
	var b strings.Builder
	b.WriteString(view)
	b.WriteByte('/')
	for i := range len(key) {
		switch c := key[i]; {
		case c <= '!':
			fmt.Fprintf(&b, "!%02X", c)
		case c >= '~':
			fmt.Fprintf(&b, "~%02X", c)
		default:
			b.WriteByte(c)
		}
	}
	return b.String()
}

// unescape is the inverse of valueKey, without the view.
func unescape(s string) (string, error) {
	var b strings.Builder
	for i := 0; i < len(s); i++ {
		if s[i] != '!' && s[i] != '~' {
			b.WriteByte(s[i])
			continue
		}
		if i+3 > len(s) {
			return "", fmt.Errorf("key %q ends in an escape", s)
		}
		var c byte
		if _, err := fmt.Sscanf(s[i+1:i+3], "%02X", &c); err != nil {
			return "", fmt.Errorf("key %q: %w", s, err)
		}
		b.WriteByte(c)
		i += 2
	}
	return b.String(), nil
}

// prefixed selects the documents whose _id begins with a prefix: no _id has a byte above '~'.
func prefixed(prefix string) bson.D {
	return bson.D{{Key: "_id", Value: bson.D{{Key: "$gte", Value: prefix}, {Key: "$lt", Value: prefix + "\x7f"}}}}
}

// split turns a time in nanoseconds into a date, which has milliseconds, and the rest.
func split(ns int64) (time.Time, int32) {
	t := time.Unix(0, ns).UTC()
	rest := t.Nanosecond() % int(time.Millisecond)
	return t.Add(-time.Duration(rest)), int32(rest)
}

func join(date time.Time, nanos int32) int64 {
	return date.UnixMilli()*int64(time.Millisecond) + int64(nanos)
}

func newRunDoc(in string, h *headState, commit int64, run *store.Run, arrival uint64) *runDoc {
	d := &runDoc{
		ID: branchKey(in, h.Number, run.Last, h.Since), In: in, Arrival: int64(arrival), Commit: commit, Number: h.Number,
		Room: run.Room.String(), Log: run.Log.String(), Author: run.Author.String(),
		First: int64(run.First), Last: int64(run.Last), Link: run.Link.String(), Size: int64(len(run.Bytes)), Bytes: run.Bytes,
	}
	if d.Bytes == nil {
		d.Bytes = []byte{}
	}
	d.Received, d.Nanos = split(run.Received)
	return d
}

func (d *runDoc) run() (store.Run, error) {
	run := store.Run{
		First: uint64(d.First), Last: uint64(d.Last), Arrival: uint64(d.Arrival), Received: join(d.Received, d.Nanos), Bytes: d.Bytes,
	}
	err := parseIDs(d.Room, &run.Room, d.Log, &run.Log, d.Author, &run.Author, d.Link, &run.Link)
	id, _, _ := strings.Cut(d.ID, ".")
	if err == nil && (id != runKey(d.In, d.Number, run.Last) || d.Size != int64(len(d.Bytes)) || run.First == 0 || run.First > run.Last) {
		err = fmt.Errorf("run %s says otherwise than its _id", d.ID)
	}
	return run, err
}

func (h *headState) head(log string) (store.Head, error) {
	head := store.Head{
		Floor: uint64(h.Floor), Last: uint64(h.Last), Bytes: uint64(h.Bytes),
		LastArrival: uint64(h.Arrival), LastReceived: join(h.Received, h.Nanos), Note: string(h.Note),
	}
	return head, parseIDs(log, &head.Log, h.Author, &head.Author, h.Link, &head.Link)
}

// parseIDs parses pairs of a string and a *wire.ID.
func parseIDs(pairs ...any) error {
	for i := 0; i < len(pairs); i += 2 {
		id, err := wire.ParseID(pairs[i].(string))
		if err != nil {
			return err
		}
		*pairs[i+1].(*wire.ID) = id
	}
	return nil
}

// mostArrival is the highest arrival number that a document holds.
const mostArrival = math.MaxInt64
