package e2e

import (
	"fmt"
	"runtime"
	"sync"

	"github.com/vishvananda/netns"
	"golang.org/x/sys/unix"
)

// A namespace is a network namespace with a thread that stays in it. Processes
// are started from that thread: they inherit the namespace, and they are killed
// should the thread end before them.
type namespace struct {
	handle netns.NsHandle
	work   chan func()
	ended  chan struct{}
	once   sync.Once
}

func newNamespace() (*namespace, error) {
	n := &namespace{work: make(chan func()), ended: make(chan struct{})}
	made := make(chan error, 1)
	apart(func() { n.thread(made) })
	if err := <-made; err != nil {
		return nil, fmt.Errorf("make a network namespace: %w", err)
	}
	return n, nil
}

// apart runs f on a thread of its own that ends with it: a thread that was in
// another namespace must not run anything else.
func apart(f func()) {
	go func() {
		runtime.LockOSThread() // and never unlocked: the runtime ends the thread
		if unix.Gettid() != unix.Getpid() {
			f()
			return
		}
		// The process's first thread cannot be ended: hold it, so that the
		// goroutine that does the work gets another.
		defer runtime.UnlockOSThread()
		done := make(chan struct{})
		go func() {
			defer close(done)
			runtime.LockOSThread()
			f()
		}()
		<-done
	}()
}

func (n *namespace) thread(made chan<- error) {
	defer close(n.ended)
	handle, err := netns.New()
	n.handle = handle
	made <- err
	if err != nil {
		return
	}
	for f := range n.work {
		f()
	}
}

// start runs f, which must not block, on the namespace's lasting thread. A nil
// namespace is the caller's own.
func (n *namespace) start(f func() error) error {
	if n == nil {
		return f()
	}
	result := make(chan error, 1)
	n.work <- func() { result <- f() }
	return <-result
}

// do runs f on a thread of its own in the namespace; f may block. Sockets that f
// makes itself, not through other goroutines, belong to the namespace.
func (n *namespace) do(f func() error) error {
	if n == nil {
		return f()
	}
	result := make(chan error, 1)
	apart(func() {
		if err := netns.Set(n.handle); err != nil {
			result <- fmt.Errorf("enter the network namespace: %w", err)
			return
		}
		result <- f()
	})
	return <-result
}

// close lets go of the namespace; the kernel removes it with its interfaces
// when the last process and socket in it is gone.
func (n *namespace) close() {
	n.once.Do(func() {
		close(n.work)
		<-n.ended
		_ = n.handle.Close()
	})
}
