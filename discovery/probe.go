package discovery

import (
	"context"
	"time"
)

// Probe looks at the links without a running daemon: for the time given (2 s or 3 s
// are enough) it joins the groups, sends beacons and listens, and then reports, as
// a Service would. Counts.Own tells whether beacons come back at all; peers that run
// answer, since a newcomer asks. The probe announces port 0, so that nobody dials.
// Port, Instance and Static of the config are ignored.
func Probe(ctx context.Context, cfg Config, listen time.Duration) (Report, error) {
	cfg.Port, cfg.Instance, cfg.Static, cfg.NoMulticast = 0, [8]byte{}, nil, false
	s, err := New(cfg)
	if err != nil {
		return Report{}, err
	}
	return s.probe(ctx, listen)
}

func (s *Service) probe(ctx context.Context, listen time.Duration) (Report, error) {
	ctx, cancel := context.WithCancel(ctx)
	done := make(chan error, 1)
	go func() { done <- s.Run(ctx) }()
	pause(ctx, listen)
	report := s.Report() // before Run ends and closes the sockets
	cancel()
	return report, <-done
}
