package load

import (
	"os"
	"time"

	"golang.org/x/sys/unix"
)

// An alarm sleeps to some 50 µs. The runtime's own timers are up to a millisecond
// late when the program is idle, as the wait for the network counts in milliseconds;
// a timer of the kernel that is waited for like a connection is not.
type alarm struct{ file *os.File }

func newAlarm() (*alarm, error) {
	fd, err := unix.TimerfdCreate(unix.CLOCK_MONOTONIC, unix.TFD_NONBLOCK|unix.TFD_CLOEXEC)
	if err != nil {
		return nil, os.NewSyscallError("timerfd_create", err)
	}
	return &alarm{os.NewFile(uintptr(fd), "timerfd")}, nil
}

// sleep returns when d is over.
func (a *alarm) sleep(d time.Duration) {
	var expired [8]byte
	raw, err := a.file.SyscallConn()
	if err == nil {
		cerr := raw.Control(func(fd uintptr) {
			err = unix.TimerfdSettime(int(fd), 0, &unix.ItimerSpec{Value: unix.NsecToTimespec(max(int64(d), 1))}, nil)
		})
		if err == nil {
			err = cerr
		}
	}
	if err == nil {
		_, err = a.file.Read(expired[:])
	}
	if err != nil {
		time.Sleep(d)
	}
}

func (a *alarm) close() error { return a.file.Close() }
