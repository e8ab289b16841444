//go:build !amd64 && !arm64

package kernel

// Best returns the fastest set this processor can run.
func Best() Set { return Portable() }
