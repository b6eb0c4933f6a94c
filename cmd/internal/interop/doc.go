// Package interop tests Parley against its second implementation, the client in
// testdata/nodeclient, which is written in another language from the
// specification alone. Where the two disagree, the text or one of them is wrong.
//
// The tests need Node and the client's packages, which a machine that only
// builds Parley lacks, so they are built only with the tag interop, and without
// it there are none here that could pass by not running:
//
//	npm ci --prefix testdata/nodeclient
//	go test -tags interop ./cmd/internal/interop
//
// With the tag they fail where Node or a package is missing. .ci/run installs
// both and runs them.
package interop
