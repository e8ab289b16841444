package main

import (
	"os"
	"path/filepath"

	"github.com/plumbline-mcp/plumbline/internal/otlp"
)

// listenSource is the name under which the store of plumbline listen is a source, unless a configured one has it.
const listenSource = "listen"

// listenPath is where plumbline listen keeps what it receives.
func listenPath(h host, c config) string {
	if c.Listen.Dir != "" {
		return c.Listen.Dir
	}
	return filepath.Join(userData(h), "plumbline", listenSource)
}

// listenDir returns the directory of a source that is a store of plumbline listen, "" for any other.
func (s sources) listenDir(name string) string {
	dir := name
	if src, ok := s.config.Sources[name]; ok {
		if src.Kind != kindFiles {
			return ""
		}
		if dir = src.Path; !filepath.IsAbs(dir) {
			dir = filepath.Join(s.base, dir)
		}
	} else if name == listenSource {
		if _, err := os.Stat(name); err != nil { // a path of this name goes before
			dir = s.listen
		}
	}
	if !otlp.IsStore(dir) {
		return ""
	}
	return dir
}

// orListen turns the name of the listen store into its directory; every other name is a path.
func (s sources) orListen(name string) string {
	if name != listenSource {
		return name
	}
	if _, err := os.Stat(name); err == nil {
		return name
	}
	return s.listen
}
