package repair

import (
	"cmp"
	"regexp"
	"strconv"
)

// version is HBase's version, as far as it decides on commands.
type version struct{ major, minor, patch int }

var versionText = regexp.MustCompile(`(\d+)\.(\d+)(?:\.(\d+))?`)

// parseVersion reads 2.6.4, 2.4.17-amzn-0, 2.6.4-hadoop3. A text without a version is the zero one: unknown.
func parseVersion(text string) version {
	m := versionText.FindStringSubmatch(text)
	if m == nil {
		return version{}
	}
	number := func(s string) int {
		n, err := strconv.Atoi(s)
		if err != nil {
			return 0 // an empty patch level
		}
		return n
	}
	return version{number(m[1]), number(m[2]), number(m[3])}
}

func (v version) known() bool { return v != version{} }

func (v version) compare(w version) int {
	return cmp.Or(cmp.Compare(v.major, w.major), cmp.Compare(v.minor, w.minor), cmp.Compare(v.patch, w.patch))
}

// gate lists the first release of each line that has a feature, oldest line first. Lines after the last have it too, lines
// before the first never got it.
type gate []version

// The gates of HBCK2's commands, from its manual.
var (
	gateHbck2          = gate{{2, 0, 3}, {2, 1, 1}, {2, 2, 0}}
	gateRecoveries     = gate{{2, 0, 3}, {2, 1, 2}, {2, 2, 0}}
	gateFixMeta        = gate{{2, 0, 6}, {2, 1, 6}, {2, 2, 1}, {2, 3, 0}}
	gateRecoverUnknown = gate{{2, 2, 7}, {2, 3, 5}, {2, 4, 3}, {2, 5, 0}}
	gateRowsSeen       = gate{{2, 3, 0}} // the master sees rows that were added to hbase:meta without a restart
)

// allows reports whether a version has the feature; an unknown one is taken for a recent one.
func (g gate) allows(v version) bool {
	if !v.known() {
		return true
	}
	for _, first := range g {
		if v.major == first.major && v.minor == first.minor {
			return v.compare(first) >= 0
		}
	}
	return v.compare(g[len(g)-1]) > 0
}
