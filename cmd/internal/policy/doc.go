// Package policy is the architecture of the project as a test: who may import
// whom, and what a file and a test may look like. The rules stand in
// imports_test.go and style_test.go; each is also tried on a tree that breaks it.
package policy
