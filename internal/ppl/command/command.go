package command

import (
	"slices"
	"strings"

	"github.com/plumbline-mcp/plumbline/internal/ppl/plan"
	"github.com/plumbline-mcp/plumbline/internal/ppl/syntax"
)

// Command is one stage of a pipeline.
type Command interface {
	// Span returns where the command stands in the query.
	Span() syntax.Span
	// String returns the command as PPL.
	String() string
	// Compile extends the relation; in is nil for a command that begins a pipeline.
	Compile(env *plan.Env, in *plan.Rel) (*plan.Rel, error)
}

// Spec describes a command.
type Spec struct {
	Name    string
	Aliases []string
	Syntax  string // one line for people
	Doc     string // one sentence
	// Source says that the command may begin a pipeline.
	Source bool
	// Parse reads what follows the name; node holds where the name stands.
	Parse func(p *syntax.Parser, n node) Command
}

// node is what every command has.
type node struct{ at syntax.Span }

// Span returns where the command stands in the query.
func (n node) Span() syntax.Span { return n.at }

// maxCommands bounds a pipeline: each command may become a level of the SQL.
const maxCommands = 300

// Pipeline is a list of commands, the first of which names the data.
type Pipeline struct {
	Commands []Command
	at       syntax.Span
}

// String returns the pipeline as PPL.
func (q *Pipeline) String() string {
	parts := make([]string, len(q.Commands))
	for i, c := range q.Commands {
		parts[i] = c.String()
	}
	return strings.Join(parts, " | ")
}

// Parse reads a whole query text. Errors are *syntax.Error.
func Parse(text string) (*Pipeline, error) {
	p, err := syntax.NewParser(text)
	if err != nil {
		return nil, err
	}
	p.Pipeline = func(p *syntax.Parser) syntax.Pipeline { return parsePipeline(p, true) }
	q := parsePipeline(p, false)
	if p.Err() == nil && !p.AtEnd() {
		p.FailExpect("'|' or the end of the query").WithHint("%s", endHint(p))
	}
	return q, p.Err()
}

// endHint guesses why the text goes on behind a whole command.
func endHint(p *syntax.Parser) string {
	word := strings.ToLower(p.Text(p.Peek()))
	if _, ok := find(word); ok {
		return "A command begins with a pipe: | " + word + " ..."
	}
	if word == "limit" {
		return "PPL limits rows with: | head N"
	}
	return ""
}

// parsePipeline reads commands up to the end or a closing bracket. A sub-search may begin with any command.
func parsePipeline(p *syntax.Parser, sub bool) *Pipeline {
	start := p.Peek().Span()
	for p.Accept("|") {
	}
	q := &Pipeline{}
	for p.Err() == nil {
		q.Commands = append(q.Commands, parseCommand(p, len(q.Commands) == 0, sub))
		if len(q.Commands) > maxCommands {
			p.Fail(p.Peek().Span(), "the pipeline has more than %d commands", maxCommands)
		}
		if !p.Is("|") {
			break
		}
		for p.Accept("|") {
		}
		if p.AtEnd() || p.Is("]") {
			break
		}
	}
	q.at = syntax.Span{Start: start.Start, End: p.LastEnd()}
	q.bindSource()
	return q
}

func parseCommand(p *syntax.Parser, first, sub bool) Command {
	t := p.Peek()
	n := node{t.Span()}
	spec, ok := find(strings.ToLower(p.Text(t)))
	if t.Kind != syntax.Ident {
		ok = false
	}
	if ok && p.IsOption("source", "index") {
		ok = false
	}
	switch {
	case first && ok && (spec.Source || sub):
	case first && !ok && !sub || first && (p.IsOption("source", "index") || t.Kind != syntax.Ident):
		return parseSearch(p, n)
	case first && !sub:
		p.Fail(t.Span(), "a query begins with source=, not with %s", p.Text(t)).
			WithHint("Write: source=INDEX | %s ...", p.Text(t))
		return &Search{node: n}
	case !ok:
		unknownCommand(p, t)
		return &Search{node: n}
	}
	p.Next()
	c := spec.Parse(p, n)
	return c
}

// shortName is the length of names that nothing is likely to be misspelt from.
const shortName = 2

func unknownCommand(p *syntax.Parser, t syntax.Token) {
	word := p.Text(t)
	e := p.Fail(t.Span(), "unknown command: %s", word)
	var names []string
	for _, s := range All() {
		if len(s.Name) > shortName { // anything is near a name of two letters
			names = append(names, s.Name)
		}
	}
	switch n := syntax.Nearest(word, names); {
	case strings.EqualFold(word, "limit") || strings.EqualFold(word, "tail"):
		e.WithHint("Use head N; for the last rows sort in the other direction first.")
	case strings.EqualFold(word, "filter"):
		e.WithHint("Use where CONDITION.")
	case strings.EqualFold(word, "group"):
		e.WithHint("Use stats AGGREGATE by FIELD.")
	case n != "":
		e.WithHint("Did you mean %s?", n)
	}
}

// find returns the spec of a command by its name in lower case.
func find(name string) (Spec, bool) {
	for _, s := range All() {
		if s.Name == name {
			return s, true
		}
		if slices.Contains(s.Aliases, name) {
			return s, true
		}
	}
	return Spec{}, false
}

// Compile compiles a pipeline. in is the relation a sub-search without a source of its own starts from, or nil.
func Compile(env *plan.Env, q syntax.Pipeline, in *plan.Rel) (*plan.Rel, error) {
	pipe, ok := q.(*Pipeline)
	if !ok || len(pipe.Commands) == 0 {
		return nil, syntax.Errorf(syntax.Span{}, "the sub-search is empty")
	}
	r, pipe, err := begin(env, pipe, in)
	if err != nil {
		return nil, err
	}
	for i, c := range pipe.Commands {
		if err := env.Ctx.Err(); err != nil {
			return nil, err
		}
		if w, ok := c.(*Timewrap); ok {
			if err := w.follow(pipe.Commands[:i], in); err != nil {
				return nil, err
			}
		}
		if r, err = c.Compile(env, r); err != nil {
			return nil, err
		}
		if env.Options.Plain && r != nil {
			r.Flush()
		}
		if err := env.TooManyStages(c.Span()); err != nil {
			return nil, err
		}
	}
	return r, nil
}

// begin returns the relation a pipeline starts from and the commands left: an engine may answer the first ones itself.
func begin(env *plan.Env, pipe *Pipeline, in *plan.Rel) (*plan.Rel, *Pipeline, error) {
	if in != nil || env.Options.Head == nil {
		return in, pipe, nil
	}
	t, source, rest, err := env.Options.Head(env.Ctx, pipe)
	if err != nil || t == nil {
		return nil, pipe, err
	}
	left, ok := rest.(*Pipeline)
	if !ok {
		left = &Pipeline{}
	}
	return env.Read(t, source), left, nil
}

// needSource is the error of a command that begins a pipeline but cannot.
func (n node) needSource(in *plan.Rel) error {
	if in == nil {
		return syntax.Errorf(n.at, "this command needs data before it").WithHint("Begin with source=INDEX |")
	}
	return nil
}

// names prints field names with commas.
func names(fs []*syntax.Field) string {
	parts := make([]string, len(fs))
	for i, f := range fs {
		parts[i] = pattern(f.Name)
	}
	return strings.Join(parts, ", ")
}

// pattern prints a field name that may hold wildcards.
func pattern(name string) string {
	if !strings.Contains(name, "*") {
		return syntax.Name(name)
	}
	for s := range strings.SplitSeq(name, "*") {
		if s = strings.Trim(s, "."); s != "" && syntax.Name(s) != s {
			return "`" + strings.ReplaceAll(name, "`", "``") + "`"
		}
	}
	return name
}
