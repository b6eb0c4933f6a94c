package mongo

import (
	"context"
	"errors"
	"iter"
)

// A pace is how much the next page of a sequence has, at most.
type pace struct {
	items, bytes int
	most         int  // bytes, whatever its reader does
	large        bool // it is one of those that may have more than pageBytes
}

// faster is the pace after a page of some items: the more, the longer its reader goes on.
func (s *Store) faster(p pace, items, bytes int) pace {
	if items == 0 {
		return p
	}
	if bytes >= p.bytes/2 {
		next := min(p.bytes*bytesGrowth, p.most)
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

// slower is the pace after a page that took too long, and whether there is one: a line may carry a page of pageBytes in the time, and none of
// many times that.
func (p pace) slower(err error) (pace, bool) {
	if slow := new(SlowError); !errors.As(err, &slow) || p.bytes <= pageBytes {
		return p, false
	}
	p.items = max(1, p.items/(p.bytes/pageBytes))
	p.bytes, p.most = pageBytes, pageBytes
	return p, true
}

// pages makes a sequence of pages that next reads. size is of an item; start is called when the sequence is begun.
func pages[T any](ctx context.Context, s *Store, what string, next func(ctx context.Context, at int64, p pace) ([]T, bool, error), size func(*T) int, start func()) iter.Seq2[T, error] {
	return func(yield func(T, error) bool) {
		start()
		p := pace{items: firstPage, bytes: pageBytes / bytesGrowth, most: s.opt.PageBytes}
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
			if again, ok := p.slower(err); ok {
				p, more = again, true
				continue
			}
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
