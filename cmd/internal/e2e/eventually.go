package e2e

import (
	"testing"
	"time"
)

// Eventually looks at a condition until it holds, which is when it returns nil,
// and fails the test with its last error when it does not within the given time.
// It returns how long that took.
func Eventually(t testing.TB, within time.Duration, what string, condition func() error) time.Duration {
	t.Helper()
	start := time.Now()
	tick := time.NewTicker(PollEvery)
	defer tick.Stop()
	for {
		err := condition()
		took := time.Since(start)
		if err == nil {
			return took
		}
		if took > within {
			t.Fatalf("%s: not within %v: %v", what, within, err)
		}
		<-tick.C
	}
}

// Always looks at a condition for the given time and fails the test when it
// does not hold.
func Always(t testing.TB, during time.Duration, what string, condition func() error) {
	t.Helper()
	tick := time.NewTicker(PollEvery)
	defer tick.Stop()
	for end := time.Now().Add(during); time.Now().Before(end); <-tick.C {
		if err := condition(); err != nil {
			t.Fatalf("%s: %v", what, err)
		}
	}
}
