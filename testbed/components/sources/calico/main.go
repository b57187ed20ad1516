// Command calico is Calico on a node, in one program: Felix, which enforces policies, and the CNI plugin. The name that
// it is started by says which.
package main

import (
	"fmt"
	"os"
	"path/filepath"

	"github.com/projectcalico/calico/cni-plugin/pkg/plugin"
	"github.com/projectcalico/calico/felix/daemon"
)

// Set by the linker.
var version string

func main() {
	switch name := filepath.Base(os.Args[0]); name {
	case "calico":
		plugin.Main(version)
	case "calico-felix":
		if len(os.Args) > 1 && os.Args[1] == "--version" {
			fmt.Println(version)
			return
		}
		daemon.Run("", version, "", "")
	default:
		fmt.Fprintln(os.Stderr, "no component is called", name)
		os.Exit(2)
	}
}
