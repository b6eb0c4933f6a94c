//go:build !linux

package discovery

import "errors"

func systemInterfaces() ([]netInterface, error) { return portableInterfaces() }

// openWatcher: no notice of changes here, so they are polled for.
func openWatcher() (watcher, error) {
	return nil, errors.ErrUnsupported
}
