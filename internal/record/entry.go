package record

import (
	"bytes"
	"slices"
	"time"
)

// entry is the head of one log entry as a layout understood it. Its slices point into the line.
type entry struct {
	layout  Format
	at      time.Time
	hasTime bool // the line has a time, though perhaps one that cannot be dated
	multi   bool // lines that fit no layout belong to the entry
	prefix  bool // words stood before the time
	tabbed  bool // a tab stood behind the level
	pending bool // java.util.logging: level and message come on the next line

	level     level
	word      []byte // the level as written
	body      []byte
	trace     []byte
	span      []byte
	service   []byte
	host      []byte
	pod       []byte
	thread    []byte
	logger    []byte
	pid       int64
	hasPid    bool
	unknown   int // brackets of no known meaning so far
	extra     []extra
	container bool // service, pod and stream were given from outside
}

// extra is an attribute found in the head or in pairs.
type extra struct {
	name  string
	key   []byte // appended to name when not empty
	text  []byte
	num   int64
	float float64
	kind  byte // 't' text, 'n' whole number, 'f' number with a fraction, 'b' true, 'o' false
}

// maxExtras bounds the attributes taken from one line of text.
const maxExtras = 128

func (e *entry) reset() {
	x := e.extra[:0]
	*e = entry{extra: x}
}

func (e *entry) add(x extra) {
	if len(e.extra) < maxExtras {
		e.extra = append(e.extra, x)
	}
}

func (e *entry) addText(name string, text []byte) {
	if len(text) > 0 {
		e.add(extra{name: name, text: text, kind: 't'})
	}
}

func (e *entry) addInt(name string, n int64) { e.add(extra{name: name, num: n, kind: 'n'}) }

func (e *entry) setLevel(l level, word []byte) {
	if e.level.text == "" {
		e.level, e.word = l, word
	}
}

// setPid takes a process id, then a thread id.
func (e *entry) setPid(n int64) {
	if !e.hasPid {
		e.pid, e.hasPid = n, true
		return
	}
	e.addInt("attributes.thread.id", n)
}

// setThread takes a thread's name, or a pod's where a pod's name stands in its place.
func (e *entry) setThread(b []byte) {
	switch {
	case len(b) == 0 || len(b) == 1 && b[0] == '-':
	case isPod(b) && e.pod == nil:
		e.pod = b
	case e.thread == nil:
		e.thread = b
	}
}

// isPod knows the names Kubernetes gives the pods of a deployment: name-HASH-XXXXX, the hash 8 to 10 letters and digits with a
// digit among them, then five.
func isPod(b []byte) bool {
	i := bytes.LastIndexByte(b, '-')
	if i < 0 || len(b)-i-1 != 5 || !lowerWord(b[i+1:]) {
		return false
	}
	j := bytes.LastIndexByte(b[:i], '-')
	if j <= 0 {
		return false
	}
	hash := b[j+1 : i]
	return len(hash) >= 8 && len(hash) <= 10 && lowerWord(hash) && anyDigit(hash)
}

func lowerWord(b []byte) bool {
	for _, c := range b {
		if !isDigit(c) && (c < 'a' || c > 'z') {
			return false
		}
	}
	return len(b) > 0
}

func anyDigit(b []byte) bool { return slices.ContainsFunc(b, isDigit) }

func allDigits(b []byte) bool { return len(b) > 0 && digitRun(b) == len(b) }
