//go:build unix

package otlp

import (
	"errors"
	"os"
	"syscall"
)

// takeLock holds a file against other processes for as long as this one lives, whatever ends it.
func takeLock(path string) (*os.File, error) {
	f, err := os.OpenFile(path, os.O_CREATE|os.O_RDWR, 0o600)
	if err != nil {
		return nil, err
	}
	if err := syscall.Flock(int(f.Fd()), syscall.LOCK_EX|syscall.LOCK_NB); err != nil {
		return nil, errors.Join(errors.New("it is locked"), f.Close())
	}
	return f, nil
}
