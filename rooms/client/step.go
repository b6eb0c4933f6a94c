package client

// A stepHook, which tests set, is called before every write of the outbox with
// the number of bytes to be written; it returns how many of them are, and an
// error to end the writer there.
type stepHook func(size int) (write int, err error)

// file puts the hook before the writes of f.
func (h stepHook) file(f outboxFile) outboxFile {
	if h == nil {
		return f
	}
	return &steppedFile{outboxFile: f, hook: h}
}

type steppedFile struct {
	outboxFile
	hook stepHook
}

func (f *steppedFile) WriteAt(b []byte, off int64) (int, error) {
	n, err := f.hook(len(b))
	if err == nil {
		return f.outboxFile.WriteAt(b, off)
	}
	if n, werr := f.outboxFile.WriteAt(b[:n], off); werr != nil {
		return n, werr
	}
	return n, err
}

func (f *steppedFile) Truncate(size int64) error {
	if _, err := f.hook(0); err != nil {
		return err
	}
	return f.outboxFile.Truncate(size)
}
