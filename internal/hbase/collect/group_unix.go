//go:build unix

package collect

import (
	"os/exec"
	"syscall"
)

// ownGroup puts a command into a process group that is ended as a whole: hbase is a script that starts a JVM.
func ownGroup(c *exec.Cmd) {
	c.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	c.Cancel = func() error { return syscall.Kill(-c.Process.Pid, syscall.SIGKILL) }
}
