// Package conform is the list of the specification's rules as cases that are
// run against a peer at an address, and what runs them. A case acts through
// package script, so that it can send any bytes at any step, and says what must
// come back. Its number is stable as long as cases are only ever added at the
// end of their part.
package conform
