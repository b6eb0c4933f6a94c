package store

import "fmt"

// Check reports whether a batch is one that an engine may be given: sizes within limits.go
// and fields within their types' documentation. Engines call it first; it looks at nothing
// that is stored. The error is ErrTooLarge or ErrInvalid.
func (b *Batch) Check() error {
	items := len(b.DropRooms) + len(b.Trims) + len(b.Cuts) + len(b.DropRecords) + len(b.Runs) + len(b.Records) + len(b.Values)
	if items > MaxBatchItems {
		return fmt.Errorf("%w: %d items in a batch, the most is %d", ErrTooLarge, items, MaxBatchItems)
	}
	total := 0
	for i := range b.Runs {
		run := &b.Runs[i]
		if run.First == 0 || run.Last < run.First || run.Last == TrimAll {
			return fmt.Errorf("%w: a run of messages %d to %d", ErrInvalid, run.First, run.Last)
		}
		if len(run.Bytes) > MaxRun {
			return fmt.Errorf("%w: a run of %d bytes, the most is %d", ErrTooLarge, len(run.Bytes), MaxRun)
		}
		if len(run.Note) > MaxNote {
			return fmt.Errorf("%w: a note of %d bytes, the most is %d", ErrTooLarge, len(run.Note), MaxNote)
		}
		total += len(run.Bytes) + len(run.Note)
	}
	for i := range b.Cuts {
		if len(b.Cuts[i].Note) > MaxNote {
			return fmt.Errorf("%w: a note of %d bytes, the most is %d", ErrTooLarge, len(b.Cuts[i].Note), MaxNote)
		}
		total += len(b.Cuts[i].Note)
	}
	for i := range b.Records {
		if len(b.Records[i].Bytes) > MaxRecord {
			return fmt.Errorf("%w: a record of %d bytes, the most is %d", ErrTooLarge, len(b.Records[i].Bytes), MaxRecord)
		}
		total += len(b.Records[i].Bytes)
	}
	for i := range b.Values {
		value := &b.Values[i]
		if value.Key == "" {
			return fmt.Errorf("%w: a value without a key", ErrInvalid)
		}
		if len(value.Key) > MaxKey || len(value.Value) > MaxValue {
			return fmt.Errorf("%w: a value of %d bytes under a key of %d, the most is %d and %d",
				ErrTooLarge, len(value.Value), len(value.Key), MaxValue, MaxKey)
		}
		total += len(value.Key) + len(value.Value)
	}
	if total > MaxBatchBytes {
		return fmt.Errorf("%w: %d bytes in a batch, the most is %d", ErrTooLarge, total, MaxBatchBytes)
	}
	return nil
}

// Empty reports whether the batch changes nothing.
func (b *Batch) Empty() bool {
	return len(b.DropRooms)+len(b.Trims)+len(b.Cuts)+len(b.DropRecords)+len(b.Runs)+len(b.Records)+len(b.Values) == 0
}
