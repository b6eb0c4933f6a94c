//go:build !unix

package embedded

// isQuota reports whether the user's disk quota is used up, where that has an error of its own.
func isQuota(error) bool { return false }

// isReadOnly reports whether the file system takes no writes at all, likewise.
func isReadOnly(error) bool { return false }
