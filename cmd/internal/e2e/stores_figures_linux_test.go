package e2e

import "testing"

// The two engines side by side, appends to each by itself first, then daemons on each:
//
//	go test -run '^$' -bench 'BenchmarkStore$/append|BenchmarkStores' ./store/embedded ./store/mongo ./cmd/internal/e2e
//
// The database's server is the one of the tests, whose figures say little of MongoDB's own.
const (
	storePipe    = 50_000 // messages of the pipe
	storeLatency = 500    // messages of the latency run
)

// BenchmarkStores: what BenchmarkPipe and BenchmarkLatency measure, with both daemons on either engine.
func BenchmarkStores(b *testing.B) {
	for _, engine := range []struct {
		name string
		site func(b *testing.B) *site
	}{
		{"embedded", func(b *testing.B) *site {
			s, _ := figures(b, true)
			return s
		}},
		{"mongodb", func(b *testing.B) *site {
			s := &site{t: b, lab: New(b)}
			server := s.lab.Host("database", HostOpts{}).Database()
			figuresAt(b, s, true, "--store", server.URI("parley"))
			return s
		}},
	} {
		b.Run(engine.name+"/pipe", func(b *testing.B) {
			for range b.N {
				pipe(b, engine.site(b), storePipe)
			}
		})
		b.Run(engine.name+"/latency", func(b *testing.B) {
			for range b.N {
				latency(b, engine.site(b), storeLatency)
			}
		})
	}
}
