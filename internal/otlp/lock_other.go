//go:build !unix

package otlp

import "os"

// takeLock opens the file; where there is no flock two processes are not kept apart.
func takeLock(path string) (*os.File, error) {
	return os.OpenFile(path, os.O_CREATE|os.O_RDWR, 0o600)
}
