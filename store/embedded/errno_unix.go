//go:build unix

package embedded

import (
	"errors"
	"syscall"
)

// isQuota reports whether the user's disk quota is used up.
func isQuota(err error) bool { return errors.Is(err, syscall.EDQUOT) }

// isReadOnly reports whether the file system takes no writes at all.
func isReadOnly(err error) bool { return errors.Is(err, syscall.EROFS) }
