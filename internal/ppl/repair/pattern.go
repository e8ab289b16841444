package repair

import (
	"regexp"
	"sync"
)

// pattern is a regular expression that is compiled when it is first used: a server starts long before anybody errs.
type pattern struct {
	source string
	once   sync.Once
	re     *regexp.Regexp
}

func pat(source string) *pattern { return &pattern{source: source} }

func (p *pattern) get() *regexp.Regexp {
	p.once.Do(func() { p.re = regexp.MustCompile(p.source) })
	return p.re
}

// MatchString reports whether the pattern is in s.
func (p *pattern) MatchString(s string) bool { return p.get().MatchString(s) }

// FindStringSubmatch returns the first match and its groups.
func (p *pattern) FindStringSubmatch(s string) []string { return p.get().FindStringSubmatch(s) }

// FindStringSubmatchIndex returns where the first match and its groups are.
func (p *pattern) FindStringSubmatchIndex(s string) []int {
	return p.get().FindStringSubmatchIndex(s)
}

// FindAllStringSubmatchIndex returns where matches and their groups are.
func (p *pattern) FindAllStringSubmatchIndex(s string, n int) [][]int {
	return p.get().FindAllStringSubmatchIndex(s, n)
}

// FindAllStringIndex returns where matches are.
func (p *pattern) FindAllStringIndex(s string, n int) [][]int {
	return p.get().FindAllStringIndex(s, n)
}

// ReplaceAllString replaces matches; $1 in with is a group.
func (p *pattern) ReplaceAllString(s, with string) string { return p.get().ReplaceAllString(s, with) }

// ReplaceAllStringFunc replaces matches by what put makes of them.
func (p *pattern) ReplaceAllStringFunc(s string, put func(string) string) string {
	return p.get().ReplaceAllStringFunc(s, put)
}

// Split cuts s at the matches.
func (p *pattern) Split(s string, n int) []string { return p.get().Split(s, n) }
