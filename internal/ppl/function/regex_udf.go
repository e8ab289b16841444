package function

import (
	"fmt"
	"sort"
	"strings"
	"sync"
	"time"

	"github.com/dlclark/regexp2"
)

const (
	// MatchTimeout bounds one match of a backtracking pattern: a pattern that needs longer on one value is a regex bomb.
	MatchTimeout = 500 * time.Millisecond
	// regexCacheSize bounds the compiled patterns kept; patterns can come out of data.
	regexCacheSize = 256
	// maxMatches bounds the matches taken from one value.
	maxMatches = 10_000
)

// compileBacktracking compiles a translated Java pattern for the backtracking engine.
func compileBacktracking(pattern string) (*regexp2.Regexp, error) {
	re, err := regexp2.Compile(dotnet(pattern), regexp2.None)
	if err != nil {
		return nil, err
	}
	re.MatchTimeout = MatchTimeout
	return re, nil
}

// dotnet rewrites what Java and .NET spell differently: possessive quantifiers become atomic groups where that is a matter
// of the single atom before them, \x{..} becomes \u.
func dotnet(p string) string {
	p = possessive(p)
	var b strings.Builder
	for i := 0; i < len(p); i++ {
		if strings.HasPrefix(p[i:], `\x{`) {
			if end := strings.IndexByte(p[i:], '}'); end > 3 {
				hex := p[i+3 : i+end]
				if len(hex) <= 4 {
					b.WriteString(`\u` + strings.Repeat("0", 4-len(hex)) + hex)
					i += end
					continue
				}
			}
		}
		if p[i] == '\\' && i+1 < len(p) {
			b.WriteString(p[i : i+2])
			i++
			continue
		}
		b.WriteByte(p[i])
	}
	return b.String()
}

// possessive rewrites X*+, X++, X?+ and X{..}+ as (?>X*) and so on; X is one atom: a character, a class or a group.
func possessive(p string) string {
	type atom struct{ start, end int }
	var (
		out    []byte
		last   = atom{-1, -1}
		groups []int
	)
	for i := 0; i < len(p); i++ {
		start := len(out)
		switch c := p[i]; c {
		case '\\':
			n := 2
			if strings.HasPrefix(p[i:], `\p{`) || strings.HasPrefix(p[i:], `\P{`) || strings.HasPrefix(p[i:], `\x{`) || strings.HasPrefix(p[i:], `\k<`) {
				closer := map[byte]byte{'{': '}', '<': '>'}[p[i+2]]
				if end := strings.IndexByte(p[i:], closer); end > 0 {
					n = end + 1
				}
			}
			n = min(n, len(p)-i)
			out = append(out, p[i:i+n]...)
			i += n - 1
			last = atom{start, len(out)}
		case '[':
			end := classEnd(p, i)
			out = append(out, p[i:end]...)
			i = end - 1
			last = atom{start, len(out)}
		case '(':
			groups = append(groups, start)
			out = append(out, c)
		case ')':
			out = append(out, c)
			if n := len(groups); n > 0 {
				last = atom{groups[n-1], len(out)}
				groups = groups[:n-1]
			}
		case '*', '+', '?', '{':
			n := 1
			if c == '{' {
				end := strings.IndexByte(p[i:], '}')
				if end < 0 {
					out = append(out, c)
					continue
				}
				n = end + 1
			}
			out = append(out, p[i:i+n]...)
			i += n - 1
			if i+1 < len(p) && p[i+1] == '+' && last.start >= 0 {
				inner := string(out[last.start:])
				out = append(out[:last.start], "(?>"+inner+")"...)
				last = atom{last.start, len(out)}
				i++
			}
		default:
			out = append(out, c)
			last = atom{start, len(out)}
		}
	}
	return string(out)
}

// classEnd returns the position after the bracket expression that begins at i.
func classEnd(p string, i int) int {
	for j := i + 1; j < len(p); j++ {
		switch p[j] {
		case '\\':
			j++
		case ']':
			return j + 1
		}
	}
	return len(p)
}

// regexCache keeps compiled patterns; when full it starts anew, which is cheap beside the matching.
type regexCache struct {
	mu   sync.RWMutex
	byID map[string]*regexp2.Regexp
}

func (c *regexCache) get(pattern string) (*regexp2.Regexp, error) {
	c.mu.RLock()
	re := c.byID[pattern]
	c.mu.RUnlock()
	if re != nil {
		return re, nil
	}
	translated, err := translateJava(strings.Clone(pattern))
	if err == nil {
		re, err = compileBacktracking(translated)
	}
	if err != nil {
		return nil, badRegex(pattern, err)
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	if len(c.byID) >= regexCacheSize {
		clear(c.byID)
	}
	c.byID[strings.Clone(pattern)] = re
	return re, nil
}

func regexUDFs() []UDF {
	cache := &regexCache{byID: map[string]*regexp2.Regexp{}}
	with := func(f func(re *regexp2.Regexp, s string, args []any) (any, error)) func([]any) (any, error) {
		return func(args []any) (any, error) {
			re, err := cache.get(args[1].(string))
			if err != nil {
				return nil, err
			}
			v, err := f(re, args[0].(string), args[2:])
			if err != nil {
				return nil, fmt.Errorf("match regular expression '%s': %w", args[1], timeLimit(err))
			}
			return v, nil
		}
	}
	return []UDF{
		{Name: "ppl_regex_match", In: []string{"VARCHAR", "VARCHAR"}, Out: "BOOLEAN", Fn: with(func(re *regexp2.Regexp, s string, _ []any) (any, error) {
			return re.MatchString(s)
		})},
		{Name: "ppl_regex_extract", In: []string{"VARCHAR", "VARCHAR", "BIGINT"}, Out: "VARCHAR", Fn: with(extractOne)},
		{Name: "ppl_regex_extract_all", In: []string{"VARCHAR", "VARCHAR", "BIGINT"}, Out: "VARCHAR[]", Fn: with(extractAll)},
		{Name: "ppl_regex_offsets", In: []string{"VARCHAR", "VARCHAR"}, Out: "VARCHAR", Fn: with(offsets)},
		{Name: "ppl_regex_replace", In: []string{"VARCHAR", "VARCHAR", "VARCHAR", "BIGINT"}, Out: "VARCHAR", Fn: with(replaceMatches)},
	}
}

// timeLimit makes regexp2's timeout a plain sentence.
func timeLimit(err error) error {
	if strings.Contains(err.Error(), "match timeout") {
		return fmt.Errorf("one value took longer than %v: the pattern backtracks too much", MatchTimeout)
	}
	return err
}

func extractOne(re *regexp2.Regexp, s string, args []any) (any, error) {
	m, err := re.FindStringMatch(s)
	if m == nil || err != nil {
		return nil, err
	}
	g := m.GroupByNumber(int(args[0].(int64)))
	if g == nil {
		return nil, nil
	}
	return g.String(), nil
}

func extractAll(re *regexp2.Regexp, s string, args []any) (any, error) {
	out := []any{}
	m, err := re.FindStringMatch(s)
	for m != nil && err == nil && len(out) < maxMatches {
		if g := m.GroupByNumber(int(args[0].(int64))); g != nil {
			out = append(out, g.String())
		}
		m, err = re.FindNextMatch(m)
	}
	return out, err
}

// offsets lists where the named groups of the first match lie, in characters from 0, both ends included.
func offsets(re *regexp2.Regexp, s string, _ []any) (any, error) {
	m, err := re.FindStringMatch(s)
	if m == nil || err != nil {
		return nil, err
	}
	var parts []string
	groups := m.Groups()
	sort.SliceStable(groups, func(i, j int) bool { return groups[i].Index < groups[j].Index })
	for _, g := range groups {
		if len(g.Captures) == 0 || g.Name == "" || (g.Name[0] >= '0' && g.Name[0] <= '9') {
			continue
		}
		parts = append(parts, fmt.Sprintf("%s=%d-%d", g.Name, g.Index, g.Index+g.Length-1))
	}
	if len(parts) == 0 {
		return nil, nil
	}
	return strings.Join(parts, "&"), nil
}

func replaceMatches(re *regexp2.Regexp, s string, args []any) (any, error) {
	replacement, nth := javaReplacement(args[0].(string)), int(args[1].(int64))
	if nth <= 0 {
		return re.Replace(s, dollarEscapes(replacement), -1, -1)
	}
	m, err := re.FindStringMatch(s)
	for i := 1; m != nil && err == nil && i < nth; i++ {
		m, err = re.FindNextMatch(m)
	}
	if m == nil || err != nil {
		return s, err
	}
	// Positions are in characters; Replace counts its start the same way.
	return re.Replace(s, dollarEscapes(replacement), m.Index, 1)
}

// dollarEscapes turns Java's \$ into .NET's $$ and drops other backslashes.
func dollarEscapes(s string) string {
	var b strings.Builder
	for i := 0; i < len(s); i++ {
		if s[i] == '\\' && i+1 < len(s) {
			i++
			if s[i] == '$' {
				b.WriteByte('$')
			}
		}
		b.WriteByte(s[i])
	}
	return b.String()
}
