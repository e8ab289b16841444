//go:build !unix

package main

import "os"

// windowColumns reports whether f is a terminal; how wide it is remains unknown.
func windowColumns(f *os.File) (int, bool) {
	info, err := f.Stat()
	return 0, err == nil && info.Mode()&os.ModeCharDevice != 0
}
