package prompt

import (
	"context"
	"regexp"
	"slices"
	"strings"

	"github.com/plumbline-mcp/plumbline/internal/ppl/command"
	"github.com/plumbline-mcp/plumbline/internal/ppl/function"
	"github.com/plumbline-mcp/plumbline/internal/ppl/syntax"
)

var (
	sourceName = regexp.MustCompile(`(?i)\b(?:source|index)\s*=\s*([\w.*-]+)`)
	inSource   = regexp.MustCompile(`(?i)\b(?:source|index)\s*=\s*([\w.*-]*)$`)
	inCommand  = regexp.MustCompile(`(?:^|\|)\s*(\w*)$`)
	inValue    = regexp.MustCompile("(`[^`]+`|[\\w@.]+)\\s*(?:=|!=|in\\s*\\(|,)\\s*['\"]([^'\"]*)$")
	inWord     = regexp.MustCompile("([\\w@.]+|`[^`]*)$")
	inBack     = regexp.MustCompile(`^\\(\w*)$`)
)

// Complete offers what may end the word before the cursor: each candidate stands in the place of the last drop bytes of the text.
func (s *Session) Complete(ctx context.Context, before string) (candidates []string, drop int) {
	if m := inBack.FindStringSubmatch(before); m != nil {
		return fitting([]string{"tables", "fields", "source", "plan", "limit", "timing", "format", "out", "quit", "help"}, m[1]), len(m[1])
	}
	if m := inSource.FindStringSubmatch(before); m != nil {
		return fitting(s.tableNames(ctx), m[1]), len(m[1])
	}
	if m := inCommand.FindStringSubmatch(before); m != nil {
		words := []string{"source="}
		if strings.Contains(before, "|") {
			words = nil
		}
		for _, c := range command.All() {
			words = append(words, c.Name+" ")
		}
		return fitting(words, m[1]), len(m[1])
	}
	if m := inValue.FindStringSubmatch(before); m != nil {
		return fitting(s.values(ctx, before, strings.Trim(m[1], "`")), m[2]), len(m[2])
	}
	m := inWord.FindStringSubmatch(before)
	if m == nil {
		return nil, 0
	}
	return fitting(append(s.names(ctx, before), functions()...), m[1]), len(m[1])
}

func (s *Session) tableNames(ctx context.Context) []string {
	if s.tables == nil {
		tables, err := s.Engine.Tables(ctx)
		if err != nil {
			return nil // completion has nothing to offer; the query will tell why
		}
		s.tables = tables
	}
	names := make([]string, len(s.tables))
	for i, t := range s.tables {
		names[i] = t.Name
	}
	return names
}

func (s *Session) names(ctx context.Context, before string) []string {
	m := sourceName.FindStringSubmatch(before)
	if m == nil {
		return nil
	}
	fields, err := s.fieldsOf(ctx, m[1])
	if err != nil {
		return nil
	}
	out := make([]string, len(fields))
	for i, f := range fields {
		out[i] = syntax.Name(f.Name)
	}
	return out
}

func (s *Session) values(ctx context.Context, before, field string) []string {
	m := sourceName.FindStringSubmatch(before)
	if m == nil {
		return nil
	}
	fields, err := s.fieldsOf(ctx, m[1])
	if err != nil {
		return nil
	}
	var out []string
	for _, f := range fields {
		if f.Name == field {
			for _, v := range f.Top {
				out = append(out, v.Value)
			}
		}
	}
	return out
}

func functions() []string {
	var out []string
	lib := function.NewLibrary()
	for _, class := range []function.Class{function.Scalar, function.Aggregate} {
		for _, n := range lib.Names(class) {
			out = append(out, n+"(")
		}
	}
	return out
}

// fitting keeps the words that begin with the prefix, whatever its case, each once.
func fitting(words []string, prefix string) []string {
	var out []string
	for _, w := range words {
		if strings.HasPrefix(strings.ToLower(w), strings.ToLower(prefix)) && !slices.Contains(out, w) {
			out = append(out, w)
		}
	}
	return out
}

// Common is what all candidates begin with.
func Common(candidates []string) string {
	if len(candidates) == 0 {
		return ""
	}
	out := candidates[0]
	for _, c := range candidates[1:] {
		for !strings.HasPrefix(c, out) {
			out = out[:len(out)-1]
		}
	}
	return out
}
