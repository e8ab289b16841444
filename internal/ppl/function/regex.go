package function

import (
	"regexp/syntax"
	"strings"
	"unicode"

	"github.com/plumbline-mcp/plumbline/internal/fault"
	"github.com/plumbline-mcp/plumbline/internal/rows"
)

// Regex is a Java regular expression of a query, ready to be compiled to SQL. Patterns that RE2 understands with the same
// meaning run inside DuckDB; others (lookaround, back references, possessive and atomic groups) run in Go, in a
// backtracking engine with a time limit.
type Regex struct {
	pattern string   // as written
	re2     string   // the same for RE2, "" if RE2 cannot
	groups  []string // names by number, "" = unnamed; [0] is the whole match
}

// ParseRegex reads a Java regular expression. The error names the fault in the pattern.
func ParseRegex(pattern string) (*Regex, error) {
	translated, err := translateJava(pattern)
	if err != nil {
		return nil, badRegex(pattern, err)
	}
	r := &Regex{pattern: translated}
	if tree, err := syntax.Parse(translated, syntax.Perl); err == nil {
		r.re2 = pythonNames(translated)
		r.groups = tree.CapNames()
		return r, nil
	}
	re, err := compileBacktracking(translated)
	if err != nil {
		return nil, badRegex(pattern, err)
	}
	r.groups = make([]string, len(re.GetGroupNumbers()))
	for i := range r.groups {
		if name := re.GroupNameFromNumber(i); name != "" && !unicode.IsDigit(rune(name[0])) {
			r.groups[i] = name
		}
	}
	return r, nil
}

func badRegex(pattern string, err error) error {
	return fault.New(fault.InvalidQuery, "Invalid regex pattern '%s': %w", pattern, err)
}

// Groups returns the names of the capturing groups by number; unnamed groups are "", and [0] is the whole match.
func (r *Regex) Groups() []string { return r.groups }

// Native reports whether the pattern runs inside DuckDB.
func (r *Regex) Native() bool { return r.re2 != "" || r.pattern == "" }

// Match is SQL that tells whether the pattern matches somewhere in subject, or all of it when full.
func (r *Regex) Match(subject string, full bool) string {
	if r.Native() {
		if full {
			return "regexp_full_match(" + subject + ", " + Quote(r.re2) + ")"
		}
		return "regexp_matches(" + subject + ", " + Quote(r.re2) + ")"
	}
	return "ppl_regex_match(" + subject + ", " + Quote(r.anchored(full)) + ")"
}

// maxNativeGroup is the highest group number DuckDB's regexp_extract takes.
const maxNativeGroup = 9

// Extract is SQL for the text of group n of the first match: null where the pattern does not match, and where the group
// took no part in the match the text is empty. With full the pattern must match the whole subject.
func (r *Regex) Extract(subject string, n int, full bool) string {
	if r.Native() && n <= maxNativeGroup {
		p, group := onlyGroup(r.re2, n)
		if full {
			p = `\A(?:` + p + `)\z`
		}
		return "(CASE WHEN " + r.Match(subject, full) + " THEN regexp_extract(" + subject + ", " + Quote(p) + ", " + itoa(group) + ") END)"
	}
	return "ppl_regex_extract(" + subject + ", " + Quote(r.anchored(full)) + ", " + itoa(n) + ")"
}

// ExtractAll is SQL for the list of group n's texts over all matches, at most limit (0 = all).
func (r *Regex) ExtractAll(subject string, n, limit int) string {
	var sql string
	if r.Native() && n <= maxNativeGroup {
		p, group := onlyGroup(r.re2, n)
		sql = "regexp_extract_all(" + subject + ", " + Quote(p) + ", " + itoa(group) + ")"
	} else {
		sql = "ppl_regex_extract_all(" + subject + ", " + Quote(r.pattern) + ", " + itoa(n) + ")"
	}
	if limit > 0 {
		sql += "[1:" + itoa(limit) + "]"
	}
	return sql
}

// Offsets is SQL for the positions of the named groups of the first match, "name=first-last&...", from 0 and inclusive,
// sorted by position; null where the pattern does not match.
func (r *Regex) Offsets(subject string) string {
	return "ppl_regex_offsets(" + subject + ", " + Quote(r.pattern) + ")"
}

// Replace is SQL for subject with matches replaced; $1, ${name} and \1 in replacement are groups. nth > 0 replaces the
// nth match alone, nth = 0 all of them, nth < 0 the first.
func (r *Regex) Replace(subject, replacement string, nth int) string {
	java := javaReplacement(replacement)
	if r.Native() && nth <= 0 {
		if rep, ok := re2Replacement(java, r.groups); ok {
			flags := ", 'g'"
			if nth < 0 {
				flags = ""
			}
			return "regexp_replace(" + subject + ", " + Quote(r.re2) + ", " + Quote(rep) + flags + ")"
		}
	}
	if nth < 0 {
		nth = 1
	}
	return "ppl_regex_replace(" + subject + ", " + Quote(r.pattern) + ", " + Quote(java) + ", " + itoa(nth) + ")"
}

func (r *Regex) anchored(full bool) string {
	if full {
		return `\A(?:` + r.pattern + `)\z`
	}
	return r.pattern
}

// MatchRegex compiles a test whether the pattern matches somewhere in s.
func MatchRegex(s, pattern Value) (Value, error) {
	if p, ok := pattern.text(); ok {
		re, err := ParseRegex(p)
		if err != nil {
			return Value{}, err
		}
		return scalar(rows.Boolean, "%s", re.Match(str(s), false)), nil
	}
	return scalar(rows.Boolean, "ppl_regex_match(%s, %s)", str(s), str(pattern)), nil
}

// ReplaceRegex compiles s with every match of pattern replaced.
func ReplaceRegex(s, pattern, replacement Value) (Value, error) {
	p, constPattern := pattern.text()
	rep, constRep := replacement.text()
	if constPattern {
		re, err := ParseRegex(p)
		if err != nil {
			return Value{}, err
		}
		if constRep {
			return scalar(rows.String, "%s", re.Replace(str(s), rep, 0)), nil
		}
	}
	return scalar(rows.String, "ppl_regex_replace(%s, %s, %s, 0)", str(s), str(pattern), str(replacement)), nil
}

// javaReplacement turns \1 into $1, as PPL allows both.
func javaReplacement(s string) string {
	var b strings.Builder
	for i := range len(s) {
		if s[i] == '\\' && i+1 < len(s) && s[i+1] >= '0' && s[i+1] <= '9' {
			b.WriteByte('$')
			continue
		}
		b.WriteByte(s[i])
	}
	return b.String()
}

// re2Replacement turns Java's $1 and ${name} into DuckDB's \1; ok is false when a group has two digits or is unknown.
func re2Replacement(s string, groups []string) (out string, ok bool) {
	var b strings.Builder
	for i := 0; i < len(s); i++ {
		switch {
		case s[i] == '\\' && i+1 < len(s):
			i++
			if s[i] == '\\' {
				b.WriteByte('\\')
			}
			b.WriteByte(s[i])
		case s[i] == '$' && i+1 < len(s) && s[i+1] >= '0' && s[i+1] <= '9':
			i++
			if int(s[i]-'0') >= len(groups) {
				return "", false
			}
			b.WriteByte('\\')
			b.WriteByte(s[i])
		case s[i] == '$':
			return "", false
		case s[i] == '\\':
			return "", false
		default:
			b.WriteByte(s[i])
		}
	}
	return b.String(), true
}
