package prompt

import (
	"os"
	"strings"
)

// maxHistory is how many lines are kept.
const maxHistory = 1000

// History keeps lines in a file: those of earlier sessions are there again. A file that cannot be read or written costs the
// history only.
type History struct {
	file  string
	lines []string // the oldest first
}

// NewHistory reads the file.
func NewHistory(file string) *History {
	h := &History{file: file}
	if raw, err := os.ReadFile(file); err == nil {
		h.lines = strings.Split(strings.TrimRight(string(raw), "\n"), "\n")
		h.lines = h.lines[max(0, len(h.lines)-maxHistory):]
	}
	return h
}

// Add keeps a line unless it is the last one again.
func (h *History) Add(entry string) {
	if strings.TrimSpace(entry) == "" || len(h.lines) > 0 && h.lines[len(h.lines)-1] == entry {
		return
	}
	h.lines = append(h.lines, entry)
	h.lines = h.lines[max(0, len(h.lines)-maxHistory):]
	f, err := os.OpenFile(h.file, os.O_APPEND|os.O_CREATE|os.O_WRONLY, 0o600)
	if err != nil {
		return
	}
	defer f.Close()
	_, _ = f.WriteString(entry + "\n")
}

// Len is how many lines there are.
func (h *History) Len() int { return len(h.lines) }

// At returns a line, the newest first.
func (h *History) At(idx int) string { return h.lines[len(h.lines)-1-idx] }
