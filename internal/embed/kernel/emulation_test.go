package kernel_test

import (
	"os"
	"os/exec"
	"runtime"
	"testing"
)

// TestNEONAgreesUnderEmulation runs this package's tests for arm64 where QEMU's user emulation is installed (Debian:
// qemu-user-static). Machines with arm64 run them as they are.
func TestNEONAgreesUnderEmulation(t *testing.T) {
	qemu, err := exec.LookPath("qemu-aarch64-static")
	if err != nil || runtime.GOARCH == "arm64" || runtime.GOOS != "linux" {
		t.Skip("qemu-aarch64-static is not installed")
	}
	c := exec.CommandContext(t.Context(), "go", "test", "-count=1", "-exec", qemu, ".")
	c.Env = append(os.Environ(), "GOARCH=arm64", "CGO_ENABLED=0")
	if out, err := c.CombinedOutput(); err != nil {
		t.Errorf("%v\n%s", err, out)
	}
}
