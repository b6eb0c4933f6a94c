// Package e2e is a small network for tests, and the tests that run Parley's
// real binaries on it.
//
// On Linux a [Lab] is a bridge with hosts around it, each host a network
// namespace with one interface, eth0, plugged into the bridge. [Main], called
// from TestMain, builds the binary once and then runs the test binary again in
// namespaces of its own: as root in a new network and mount namespace, as any
// other user in a new user namespace too. So no test ever sends a packet on an
// interface of the machine, and none needs a privilege that a normal user of
// Linux lacks. Interfaces are made through netlink; no program but the Go tool
// is needed.
//
// The files stores_*_test.go are about the two engines of the store, beside database_test.go and disk_full_test.go; the flag
// -stores.full runs them in the size that Parley promises.
//
// Where there are no namespaces (other systems, or a Linux that forbids them to
// its users) [Main] says so and runs the tests on IPv4 multicast over the
// loopback interface only; with CI=true in the environment it fails instead.
//
// What the tests prove of peers is in the nine files point1_*_test.go to
// point9_*_test.go, and of rooms, their members and keys in the files room*_test.go.
// The files load_*_test.go put peers under the load of parley-harness.
package e2e
