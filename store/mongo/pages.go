package mongo

import (
	"context"
	"iter"
)

// A pace is how much the next page of a sequence has, at most.
type pace struct {
	items, bytes int
	large        bool // it is one of those that may have more than pageBytes
}

// faster is the pace after a page of some items: the more, the longer its reader goes on.
func (s *Store) faster(p pace, items, bytes int) pace {
	if items == 0 {
		return p
	}
	if bytes >= p.bytes/2 {
		next := min(p.bytes*bytesGrowth, s.opt.PageBytes)
		if next > pageBytes && !p.large {
			select {
			case s.large <- struct{}{}:
				p.large = true
			default: // enough others have large pages
				next = pageBytes
			}
		}
		p.bytes = next
	}
	p.items = max(1, min(p.items*pageGrowth, p.bytes/(bytes/items)))
	return p
}

// pages makes a sequence of pages that next reads. size is of an item; start is called when the sequence is begun.
func pages[T any](ctx context.Context, s *Store, what string, next func(ctx context.Context, at int64, p pace) ([]T, bool, error), size func(*T) int, start func()) iter.Seq2[T, error] {
	return func(yield func(T, error) bool) {
		start()
		p := pace{items: firstPage, bytes: pageBytes / bytesGrowth}
		defer func() {
			if p.large {
				<-s.large
			}
		}()
		for more := true; more; {
			var page []T
			err := s.read(ctx, what, func(ctx context.Context, at int64) (err error) {
				page, more, err = next(ctx, at, p)
				return err
			})
			total := 0
			for i := range page {
				if err != nil {
					break
				}
				if err = ctx.Err(); err == nil && !yield(page[i], nil) {
					return
				}
				total += size(&page[i]) + itemBytes
			}
			if err != nil {
				var zero T
				yield(zero, err)
				return
			}
			p = s.faster(p, len(page), total)
		}
	}
}
