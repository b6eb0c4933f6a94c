package e2e

import (
	"fmt"
	"net"
	"os"
	"testing"
	"time"
)

// programEnv makes the test binary act as a small program: what the lab's own
// tests run on their hosts.
const programEnv = "PARLEY_LAB_PROGRAM"

func TestMain(m *testing.M) {
	if os.Getenv(programEnv) == "addresses" {
		fmt.Println(net.InterfaceAddrs())
		<-time.After(time.Minute) // the test kills it before
		os.Exit(1)
	}
	Main(m)
}
