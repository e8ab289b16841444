package collect

import (
	"bytes"
	"regexp"
)

// environment marks the lines in which HBase logs its process environment at start, one variable a line.
var environment = []byte("ServerCommandLine: env:")

// secretLine reports whether a line is left out of the bundle.
func secretLine(line []byte) bool { return bytes.Contains(line, environment) }

// assignment is a value given to a name that speaks of a secret.
var assignment = regexp.MustCompile(`(?i)([\w.\-]*(?:password|passwd|secret|credential|access\.?key|token)[\w.\-]*\s*[=:]\s*)("[^"]*"|'[^']*'|[^\s,;'"}\]]+)`)

// maskLine hides the values of secrets in a line: of system properties in a process list, of settings in a log.
func maskLine(line []byte) []byte {
	for _, word := range [][]byte{[]byte("assw"), []byte("ASSW"), []byte("ecret"), []byte("ECRET"), []byte("redential"), []byte("REDENTIAL"), []byte("oken="), []byte("OKEN="), []byte("ess.key"), []byte("essKey")} {
		if bytes.Contains(line, word) { // the pattern is dear, and few lines hold a word
			return assignment.ReplaceAll(line, []byte("${1}***"))
		}
	}
	return line
}

func mask(text string) string { return string(maskLine([]byte(text))) }
