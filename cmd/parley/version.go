package main

import (
	"runtime"
	"runtime/debug"
)

// release is set by the linker in releases.
var release = ""

func version() string {
	if release != "" {
		return release
	}
	if info, ok := debug.ReadBuildInfo(); ok {
		for _, s := range info.Settings {
			if s.Key == "vcs.revision" && len(s.Value) >= 12 {
				return "devel-" + s.Value[:12]
			}
		}
	}
	return "devel"
}

// software is what a session's Hello says of this program.
func software() string { return "parley/" + version() }

type versionCmd struct {
	JSON bool `name:"json" help:"Print JSON."`
}

func (c *versionCmd) Run(a *app) error {
	if c.JSON {
		return a.out.json(struct {
			Version  string `json:"version"`
			Go       string `json:"go"`
			Platform string `json:"platform"`
			Protocol int    `json:"protocol"`
		}{version(), runtime.Version(), runtime.GOOS + "/" + runtime.GOARCH, 1})
	}
	a.out.printf("parley %s (%s, %s/%s, protocol 1)\n", version(), runtime.Version(), runtime.GOOS, runtime.GOARCH)
	return nil
}
