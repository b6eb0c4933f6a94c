package embedded

import (
	"context"

	"github.com/cockroachdb/pebble/v2"
)

// paged runs a sequence: it reads a page from the current view, lets go of the view, hands the page's items
// out, and so on while there is more. Nothing of the database is held while the consumer
// works. fail is called once, with the first error.
func (s *Store) paged(ctx context.Context, read func(*view) (more bool, deliver func() bool, err error), fail func(error)) {
	for {
		v, err := s.current(ctx)
		if err != nil {
			fail(err)
			return
		}
		more, deliver, err := read(v)
		v.release()
		if deliver != nil && !deliver() {
			return
		}
		if err == nil {
			err = ctx.Err()
		}
		if err != nil {
			fail(err)
			return
		}
		if !more {
			return
		}
	}
}

// each hands out a page's items until the consumer or the context ends it. A consumer that has ended
// must not be called again; an ended context is reported by paged.
func each[T any](ctx context.Context, items []T, yield func(T, error) bool) bool {
	for i := range items {
		if ctx.Err() != nil {
			return true
		}
		if !yield(items[i], nil) {
			return false
		}
	}
	return true
}

// A pageBuffer copies the values of a page into few allocations.
type pageBuffer struct {
	b     []byte
	count int
	bytes int
}

// keep returns a copy of value.
func (p *pageBuffer) keep(value []byte) []byte {
	p.count++
	p.bytes += len(value)
	if len(value) > cap(p.b)-len(p.b) {
		p.b = make([]byte, 0, max(len(value), min(pageBytes, 4*p.bytes)))
	}
	n := len(p.b)
	p.b = append(p.b, value...)
	return p.b[n:len(p.b):len(p.b)]
}

// full reports whether the page has as much as a page may.
func (p *pageBuffer) full() bool { return p.count >= pageRuns || p.bytes >= pageBytes }

// page calls f with copies of keys and values with a prefix, from a key on (nil: the first),
// for one page. It reports whether there is more.
func (v *view) page(ctx context.Context, prefix, from []byte, f func(key, value []byte) error) (more bool, err error) {
	it, err := v.iterate(ctx, prefix)
	if err != nil {
		return false, err
	}
	defer it.Close()
	valid := false
	if from == nil {
		valid = it.First()
	} else {
		valid = it.SeekGE(from)
	}
	var buffer pageBuffer
	for ; valid; valid = it.Next() {
		if buffer.full() {
			return true, nil
		}
		value, err := it.ValueAndErr()
		if err != nil {
			return false, translate(err)
		}
		if err := f(it.Key(), buffer.keep(value)); err != nil {
			return false, err
		}
	}
	return false, translate(it.Error())
}

// step moves an iterator in the direction of a scan.
func step(it *pebble.Iterator, back bool) bool {
	if back {
		return it.Prev()
	}
	return it.Next()
}
