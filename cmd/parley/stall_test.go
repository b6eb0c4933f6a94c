package main

import (
	"context"
	"errors"
	"testing"
	"testing/synctest"
	"time"
)

// burst is a Source that gives one batch and then waits for ever.
type burst struct{ batches [][][]byte }

func (b *burst) Next(ctx context.Context, _ int) ([][]byte, error) {
	if len(b.batches) > 0 {
		batch := b.batches[0]
		b.batches = b.batches[1:]
		return batch, nil
	}
	<-ctx.Done()
	return nil, ctx.Err()
}

func TestASendEndsWhenWhatWasReadDoesNotBecomeDurable(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		ctx, w := watchStall(t.Context(), &burst{[][][]byte{{[]byte("a"), []byte("b")}}}, 30*time.Second)
		defer w.stop()
		if _, err := w.Next(ctx, 10); err != nil {
			t.Fatal(err)
		}
		time.Sleep(29 * time.Second)
		w.settled(1) // progress, and one is left
		time.Sleep(29 * time.Second)
		synctest.Wait()
		if ctx.Err() != nil {
			t.Fatal("it ended in spite of progress")
		}
		time.Sleep(2 * time.Second)
		synctest.Wait()
		if !errors.Is(context.Cause(ctx), errTimeout) {
			t.Errorf("the cause is %v", context.Cause(ctx))
		}
	})
}

func TestASendThatHasNothingToSendWaitsForEver(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		ctx, w := watchStall(t.Context(), &burst{[][][]byte{{[]byte("a")}}}, 30*time.Second)
		defer w.stop()
		time.Sleep(time.Hour)
		if _, err := w.Next(ctx, 10); err != nil {
			t.Fatal(err)
		}
		w.settled(1)
		w.settled(1) // of an earlier send, which was flushed first
		time.Sleep(time.Hour)
		synctest.Wait()
		if ctx.Err() != nil {
			t.Errorf("it ended: %v", context.Cause(ctx))
		}
	})
}

func TestTimeoutZeroNeverEndsASend(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		ctx, w := watchStall(t.Context(), &burst{[][][]byte{{[]byte("a")}}}, 0)
		defer w.stop()
		if _, err := w.Next(ctx, 10); err != nil {
			t.Fatal(err)
		}
		time.Sleep(1000 * time.Hour)
		synctest.Wait()
		if ctx.Err() != nil {
			t.Errorf("it ended: %v", context.Cause(ctx))
		}
	})
}

func TestReadingOnIsNoProgressOfASend(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		ctx, w := watchStall(t.Context(), &burst{[][][]byte{{[]byte("a")}, {[]byte("b")}}}, 30*time.Second)
		defer w.stop()
		for range 2 {
			if _, err := w.Next(ctx, 10); err != nil {
				t.Fatal(err)
			}
			time.Sleep(20 * time.Second)
		}
		synctest.Wait()
		if !errors.Is(context.Cause(ctx), errTimeout) {
			t.Errorf("after 40 s without an acknowledgement the cause is %v", context.Cause(ctx))
		}
	})
}
