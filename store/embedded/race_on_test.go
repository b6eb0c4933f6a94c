//go:build race

package embedded_test

// raceEnabled: the race detector multiplies memory, so its bound is not tested with it.
const raceEnabled = true
