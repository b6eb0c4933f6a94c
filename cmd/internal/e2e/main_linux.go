package e2e

import (
	"errors"
	"flag"
	"fmt"
	"os"
	"os/exec"
	"os/signal"
	"runtime"
	"strings"
	"syscall"
	"testing"

	"github.com/vishvananda/netlink"
)

// inside marks the run of the test binary that is in namespaces of its own.
const inside = "PARLEY_LAB_INSIDE"

// Main is the body of TestMain: it runs the tests in namespaces of their own,
// and the process's exit code is theirs.
func Main(m *testing.M) {
	if os.Getenv(inside) != "" {
		if err := prepare(); err != nil {
			fmt.Fprintln(os.Stderr, "lab: cannot set up the new namespaces:", err)
			os.Exit(1)
		}
		os.Exit(m.Run())
	}
	cleanup := buildForTests()
	code, err := insideNamespaces()
	if err != nil {
		code = withoutNamespaces(m, err)
	}
	cleanup()
	os.Exit(code)
}

// withoutNamespaces runs the tests that need none, after saying what is missing.
func withoutNamespaces(m *testing.M, cause error) int {
	fmt.Fprintf(os.Stderr, `lab: this machine lets neither root nor its users make network namespaces: %v
lab: what is missing is one of: kernel.unprivileged_userns_clone=1 and user.max_user_namespaces>0 (sysctl),
lab: kernel.apparmor_restrict_unprivileged_userns=0 (Ubuntu), or, in a container, CAP_SYS_ADMIN or a seccomp
lab: profile that allows unshare(2) and clone(2) with CLONE_NEWUSER.
`, cause)
	if os.Getenv("CI") == "true" {
		fmt.Fprintln(os.Stderr, "lab: CI=true: this is a failure")
		return 1
	}
	fmt.Fprintln(os.Stderr, "lab: falling back to IPv4 multicast on loopback: only the tests named TestLoopback… run")
	flag.Parse()
	if err := flag.Set("test.run", "^TestLoopback"); err != nil {
		fmt.Fprintln(os.Stderr, "lab:", err)
		return 1
	}
	return m.Run()
}

// insideNamespaces runs this test binary in new namespaces and returns its exit code. The
// error is non-nil only when it could not be started there.
func insideNamespaces() (int, error) {
	// The child dies with the thread that started it: hold on to this one.
	runtime.LockOSThread()
	attempts := []func(*syscall.SysProcAttr){withUserNamespace}
	if os.Geteuid() == 0 {
		// Root with CAP_SYS_ADMIN needs no user namespace; root in a container
		// without it may be allowed one.
		attempts = []func(*syscall.SysProcAttr){func(*syscall.SysProcAttr) {}, withUserNamespace}
	}
	var errs []error
	for _, change := range attempts {
		cmd := exec.Command(os.Args[0], withoutTestLog(os.Args[1:])...)
		cmd.Env = append(os.Environ(), inside+"=1")
		cmd.Stdin, cmd.Stdout, cmd.Stderr = os.Stdin, os.Stdout, os.Stderr
		cmd.SysProcAttr = &syscall.SysProcAttr{
			Cloneflags: syscall.CLONE_NEWNET | syscall.CLONE_NEWNS,
			Pdeathsig:  syscall.SIGKILL,
		}
		change(cmd.SysProcAttr)
		if err := cmd.Start(); err != nil {
			errs = append(errs, err)
			continue
		}
		return wait(cmd)
	}
	return 0, errors.Join(errs...)
}

// wait passes signals on and returns the exit code.
func wait(cmd *exec.Cmd) (int, error) {
	signals := make(chan os.Signal, 8)
	signal.Notify(signals, os.Interrupt, syscall.SIGTERM, syscall.SIGQUIT)
	defer signal.Stop(signals)
	done := make(chan struct{})
	joined := make(chan struct{})
	go func() {
		defer close(joined)
		for {
			select {
			case s := <-signals:
				_ = cmd.Process.Signal(s)
			case <-done:
				return
			}
		}
	}()
	err := cmd.Wait()
	close(done)
	<-joined
	if code := cmd.ProcessState.ExitCode(); code >= 0 {
		return code, nil
	}
	fmt.Fprintln(os.Stderr, "lab: the tests were ended:", err)
	return 1, nil
}

// withUserNamespace maps the caller to root of a new user namespace.
func withUserNamespace(attr *syscall.SysProcAttr) {
	attr.Cloneflags |= syscall.CLONE_NEWUSER
	attr.UidMappings = []syscall.SysProcIDMap{{ContainerID: 0, HostID: os.Geteuid(), Size: 1}}
	attr.GidMappings = []syscall.SysProcIDMap{{ContainerID: 0, HostID: os.Getegid(), Size: 1}}
}

// withoutTestLog drops the flag by which the Go tool learns what a test read.
// Without that log it never caches the result, which is right here: what is
// tested is a binary that this package does not import.
func withoutTestLog(args []string) []string {
	var kept []string
	for _, a := range args {
		if !strings.HasPrefix(strings.TrimLeft(a, "-"), "test.testlogfile") {
			kept = append(kept, a)
		}
	}
	return kept
}

// prepare makes the mounts of the tests' own namespace private, and brings up its
// loopback interface with multicast, which Linux leaves off there and other
// systems have on.
func prepare() error {
	if err := syscall.Mount("", "/", "", syscall.MS_REC|syscall.MS_PRIVATE, ""); err != nil {
		return fmt.Errorf("private mounts: %w", err)
	}
	lo, err := netlink.LinkByName("lo")
	if err != nil {
		return err
	}
	if err := netlink.LinkSetMulticastOn(lo); err != nil {
		return err
	}
	return netlink.LinkSetUp(lo)
}
