package client

// stepped puts the writer's step hook, which tests set, before every write of
// the outbox.
func (w *writer) stepped(f outboxFile) outboxFile {
	if w.step == nil {
		return f
	}
	return &steppedFile{outboxFile: f, step: w.step}
}

type steppedFile struct {
	outboxFile
	step func(string) error
}

func (f *steppedFile) WriteAt(b []byte, off int64) (int, error) {
	if err := f.step("write"); err != nil {
		return 0, err
	}
	return f.outboxFile.WriteAt(b, off)
}
