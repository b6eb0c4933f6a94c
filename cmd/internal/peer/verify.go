package peer

import (
	"runtime"

	"golang.org/x/sync/errgroup"

	"parley/rooms"
	"parley/wire"
)

// verifyRuns parses the encoded runs and checks every signature, on all cores
// when there are several: it is the largest cost of a history that was written
// message by message. The first fault refuses them all.
func verifyRuns(encoded [][]byte) ([]*rooms.Run, error) {
	runs := make([]*rooms.Run, len(encoded))
	check := func(i int) error {
		run, err := rooms.ParseRun(encoded[i])
		if err != nil {
			return err
		}
		runs[i] = run
		return run.Verify()
	}
	workers := min(runtime.GOMAXPROCS(0), len(encoded))
	if workers < 2 {
		for i := range encoded {
			if err := check(i); err != nil {
				return nil, err
			}
		}
		return runs, nil
	}
	var g errgroup.Group
	for w := range workers {
		g.Go(func() error {
			for i := w; i < len(encoded); i += workers {
				if err := check(i); err != nil {
					return err
				}
			}
			return nil
		})
	}
	return runs, g.Wait()
}

// prepare parses and verifies the signed records of a message: runs on all
// cores, the rest where it is.
func prepare(m wire.Message) (*rooms.Parts, error) {
	a, ok := m.(*wire.Append)
	if !ok {
		return rooms.Prepare(m)
	}
	runs, err := verifyRuns(a.Runs)
	return &rooms.Parts{Runs: runs}, err
}
