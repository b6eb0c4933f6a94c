package client

import (
	"fmt"
	"os"
	"strconv"

	"golang.org/x/sys/windows"
	"golang.org/x/sys/windows/registry"
)

// machineIDs returns what names this machine and its present boot; empty where
// the system does not tell.
func machineIDs() (machine, boot string) {
	if k, err := registry.OpenKey(registry.LOCAL_MACHINE, `SOFTWARE\Microsoft\Cryptography`, registry.QUERY_VALUE|registry.WOW64_64KEY); err == nil {
		machine, _, _ = k.GetStringValue("MachineGuid")
		k.Close()
	}
	const params = `SYSTEM\CurrentControlSet\Control\Session Manager\Memory Management\PrefetchParameters`
	if k, err := registry.OpenKey(registry.LOCAL_MACHINE, params, registry.QUERY_VALUE); err == nil {
		if n, _, err := k.GetIntegerValue("BootId"); err == nil {
			boot = strconv.FormatUint(n, 10)
		}
		k.Close()
	}
	return machine, boot
}

// fileIdentity tells a file from any copy of it.
func fileIdentity(f *os.File) (device, inode uint64, err error) {
	var info windows.ByHandleFileInformation
	if err := windows.GetFileInformationByHandle(windows.Handle(f.Fd()), &info); err != nil {
		return 0, 0, fmt.Errorf("client: outbox: %w", err)
	}
	return uint64(info.VolumeSerialNumber), uint64(info.FileIndexHigh)<<32 | uint64(info.FileIndexLow), nil
}
